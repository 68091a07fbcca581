/** `varve tail` and `varve diff`. */

import type { Lsn } from "../../base/mod.ts";
import type { ChangeBatch } from "../../timeline/mod.ts";
import { type Arguments, wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { type Interrupt, listenForInterrupt } from "../interrupt.ts";
import { formatKeyParts } from "../key_parts.ts";
import { hidesPositions, isPositionKey } from "../load/load_position.ts";
import { openForReading } from "../open_timeline.ts";
import { base64Option, keyPartsAs, type OptionSpecs, partsOption, redoOption } from "../options.ts";
import { escapeText, writeEscaped } from "../terminal/escape.ts";
import { writeJsonDifference, writeJsonLine } from "../terminal/json_line.ts";
import type { Output } from "../terminal/output.ts";
import { UsageError } from "../usage_error.ts";
import { jsonLines, prefixOf, writeRow } from "./read.ts";

/** Which keys are shown, and how. */
const keyOptions: OptionSpecs = {
  "prefix": { value: "KEY", describe: "only keys that start so" },
  ...keyPartsAs("only keys that start with these parts, such as '[\"user\"]'"),
  "json": jsonLines,
  "parts": partsOption,
  "base64": base64Option,
};

/** Shows what changed, in the order of LSNs. */
export const tailCommand: Command = {
  name: "tail",
  positionals: ["<store>"],
  summary: "show what changed, batch by batch, and follow it",
  details: `
Each line is an LSN, a tab, "put", "patch" or "delete", a tab, the key, and a tab and the value or the patch, with \\xNN
for every byte that is no printable text. Lines of one LSN are one batch, in the order of keys. --json shows
{"key","lsn","value"}, {"key","lsn","patch"} or {"key","lsn","delete":true} on each line, or "keyBase64" and "valueBase64"
or "patchBase64" for what is not UTF-8; "varve load" reads it back. Where loads stopped (see "varve load --help") is left
out, unless --prefix asks for it. Without --from it begins with the first batch, or, where history was given up (see
"varve gc --help"), at the horizon. Then it is no copy of everything: what was written before and has not changed since is
not told, and patches may stand on it. Such a copy is a scan as of the horizon, then what is behind it.
-f goes on with what another process writes, as soon as that is in its files, and durable: 200 ms after it was
appended, as a rule. Ctrl-C ends it; the exit code is 130. If history is given up before it was shown, it ends with 1.`,
  options: {
    "follow": { short: "f", describe: "go on with what is written (-f)" },
    "from": { value: "LSN", describe: "from this LSN on, included (the horizon, or 1)" },
    "to": { value: "LSN", describe: "up to this LSN, included (the last)" },
    ...keyOptions,
  },
  async run(args, { output }) {
    const follow = args.flag("follow"), prefix = prefixOf(args), hides = hidesPositions({ prefix });
    const range = { from: args.lsn("from"), to: args.lsn("to"), prefix };
    if (follow && range.to !== undefined) throw new UsageError("--follow and --to exclude each other");
    await using open = await openForReading(args);
    if (!follow) {
      for await (const batch of open.timeline.changes(range)) await writeBatch(args, output, batch, hides);
      return exitOk;
    }
    using interrupt = listenForInterrupt();
    const stream = open.timeline.changes({ ...range, follow, signal: interrupt.signal });
    return await showAsItComes(output, stream, interrupt, (batch) => writeBatch(args, output, batch, hides));
  },
};

/** Shows what a stream gives, and leaves nothing in the output while it waits for the next. */
export async function showAsItComes<T>(
  output: Output,
  stream: ReadableStream<T>,
  { signal }: Interrupt,
  write: (item: T) => Promise<void>,
): Promise<number> {
  const reader = stream.getReader();
  try {
    for (;;) {
      let isThere = false;
      const next = reader.read();
      next.then(() => isThere = true, () => {});
      // What was read with the one before comes at once.
      for (let i = 0; i < 3 && !isThere; i++) await Promise.resolve();
      if (!isThere) await output.flush();
      const { done, value } = await next;
      if (done) return exitOk;
      await write(value);
    }
  } catch (error) {
    if (signal.aborted && error === signal.reason) return exitInterrupted;
    throw error;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function writeBatch(
  args: Arguments,
  output: Output,
  { lsn, changes }: ChangeBatch,
  hides: boolean,
): Promise<void> {
  const asParts = args.showsParts;
  for (const change of changes) {
    const { key } = change, isPatch = "patch" in change;
    if (hides && isPositionKey(key)) continue;
    const value = isPatch ? change.patch : "value" in change ? change.value : undefined;
    if (args.flag("json")) await writeJsonLine(output, { key, lsn, value, isPatch, asParts });
    else {
      const shown = shownKey(key, asParts), fields = value === undefined ? [shown] : [shown, value];
      const verb = value === undefined ? "delete" : isPatch ? "patch" : "put";
      await writeRow(output, writeEscaped, `${lsn}`, verb, ...fields);
    }
  }
}

/** A key as it is shown in a line: its bytes, which are still to be escaped, or its parts. */
function shownKey(key: Uint8Array, asParts: boolean): Uint8Array | string {
  const parts = asParts ? formatKeyParts(key) : undefined;
  return parts === undefined ? key : escapeText(parts);
}

/** Shows what differs between two moments. */
export const diffCommand: Command = {
  name: "diff",
  positionals: ["<store>", "<LSN>", "<LSN>"],
  summary: "show the keys whose values differ between two LSNs",
  details: `
Of each key that has another value as of the second LSN than as of the first, the value that it had is shown behind
"-", a tab, the key and a tab, and the value that it has then behind "+", with \\xNN for every byte that is no printable
text. --json shows {"key","before","after"} on each line, without the one that there is not, or "keyBase64",
"beforeBase64" and "afterBase64" for what is not UTF-8. Where loads stopped (see "varve load --help") is left out, unless
--prefix or --start ask for it. It costs what changed, and not what there is.`,
  options: {
    "start": { value: "KEY", describe: "from this key on, included" },
    "end": { value: "KEY", describe: "up to this key, not included" },
    "redo": redoOption,
    ...keyOptions,
  },
  async run(args, { output }) {
    const [before, after] = args.positionals.slice(1).map(lsnOf), prefix = prefixOf(args);
    if (after < before) throw new UsageError(`LSN ${after} stands before LSN ${before}`);
    const start = args.bound("start"), end = args.bound("end");
    const asParts = args.showsParts, hides = hidesPositions({ prefix, start });
    await using open = await openForReading(args);
    for await (const one of open.timeline.diff(before, after, { prefix, start, end })) {
      if (hides && isPositionKey(one.key)) continue;
      if (args.flag("json")) {
        await writeJsonDifference(output, { ...one, asParts });
        continue;
      }
      const key = shownKey(one.key, asParts);
      if (one.before !== undefined) await writeRow(output, writeEscaped, "-", key, one.before);
      if (one.after !== undefined) await writeRow(output, writeEscaped, "+", key, one.after);
    }
  },
};

function lsnOf(text: string): Lsn {
  const lsn = wholeNumber(text);
  if (lsn !== undefined) return lsn;
  throw new UsageError(`An LSN is a whole number, not "${text}"`);
}
