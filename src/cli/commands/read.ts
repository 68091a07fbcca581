/** `varve get`, `varve scan` and `varve history`. */

import { boundBytes, CorruptionError, decodeKey, type Key, keyBytes, type Lsn } from "../../base/mod.ts";
import { type Rows, type Timeline, type ValueEntry, visitRows } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitDamaged, exitFailure, exitOk } from "../exit_code.ts";
import { formatKeyParts } from "../key_parts.ts";
import { hidesPositions, isPositionKey, positionPrefix } from "../load/load_position.ts";
import { fileIn, openForReading } from "../open_timeline.ts";
import {
  base64Option,
  keyPartsAs,
  keyPartsOptions,
  type OptionSpec,
  partsOption,
  redoOption,
} from "../options.ts";
import { explanationJson, explanationText } from "../seeing/explanation.ts";
import { escapeBytes, escapeText, writeEscaped } from "../terminal/escape.ts";
import { writeJsonLine } from "../terminal/json_line.ts";
import { writePlainJson, writePlainRow } from "../terminal/plain_row.ts";
import type { Output } from "../terminal/output.ts";
import { UsageError } from "../usage_error.ts";

const encoder = new TextEncoder();
const lsnOption: OptionSpec = { value: "LSN", describe: "read as of this LSN, inclusive (the last)" };
const atOption: OptionSpec = {
  value: "DATE",
  describe: "read as of this moment: 2026-01-31, 2026-01-31T08:30:00Z",
};
/** How commands say that they show lines of JSON. */
export const jsonLines: OptionSpec = { describe: "show a JSON object on each line" };

const atDetails =
  `--at reads what was there at a moment, as far as it is known: to the second, and coarser the longer ago it is. A date
stands for its first moment; without Z or an offset such as +02:00 it is local, as a time is.`;

/** As of which LSN is read: that of --lsn or --at, or the last. */
function lsnOf(moment: Moment, timeline: Timeline): Lsn | undefined {
  return moment.at === undefined ? moment.lsn : timeline.lsnAt(moment.at);
}

/** What --lsn and --at say. */
interface Moment {
  readonly lsn: Lsn | undefined;
  readonly at: Date | undefined;
}

function momentOf(args: Arguments): Moment {
  const lsn = args.lsn("lsn"), at = args.date("at");
  if (lsn !== undefined && at !== undefined) throw new UsageError("--lsn and --at exclude each other");
  return { lsn, at };
}

/** Shows the value of one key. */
export const getCommand: Command = {
  name: "get",
  positionals: ["<store>", "<key>", "[key…]"],
  usages: ["<store> <key>", "<store> <key> [key…] --explain"],
  summary: "show the value of a key",
  details: `
The bytes of the value are written as they are, and to a terminal (or with --text) as one line with \\xNN for every
byte that is no printable text.
--json shows {"key","lsn","value"}, or "keyBase64" and "valueBase64" for what is not UTF-8.
--raw writes the bytes also to a terminal.
If the key is absent, the exit code is 1.
--explain reads the key, and others that follow it, and shows what that cost: for each key the layers that it was
looked for in, newest first; then pages of indexes and records that were found in the cache or read, reads after
neighbours were merged, how often the read waited, and how long. A command has nothing in its cache when it starts.
With --json it is one JSON object. An absent key is an answer then; the exit code is 3 if a key is damaged.
${atDetails}`,
  options: {
    "lsn": lsnOption,
    "at": atOption,
    "json": { describe: "show a JSON object" },
    "raw": { describe: "write the bytes of the value, also to a terminal" },
    "text": { describe: "write text that is safe to show, also to a file or a pipe" },
    "explain": { describe: "show what the read cost, and no value" },
    "redo": redoOption,
    ...keyPartsOptions,
    "parts": partsOption,
    "base64": base64Option,
  },
  async run(args, terminal) {
    const { output } = terminal;
    const [key, ...others] = args.keys(), moment = momentOf(args);
    if (args.flag("explain")) return await explainKeys(args, output, [key, ...others], moment);
    if (others.length > 0) {
      throw new UsageError(
        `"${args.positionals[2]}" is one argument too many: --explain alone takes several keys`,
      );
    }
    await using open = await openForReading(args);
    const lsn = lsnOf(moment, open.timeline);
    const [entry] = await Array.fromAsync(open.timeline.getVectored([key], { lsn }));
    if (entry.value === undefined) {
      const asOf = lsn === undefined ? "" : ` as of LSN ${lsn}`;
      terminal.note(`varve: Cannot find key ${shownKey(args, boundBytes(key))}${asOf}\n`);
      return exitFailure;
    }
    const isText = args.flag("text") || terminal.outputIsSeen && !args.flag("raw");
    if (args.flag("json")) await writeJsonLine(output, { ...entry, asParts: args.showsParts });
    else if (!isText) await output.write(entry.value);
    else await writeRow(output, writeEscaped, entry.value);
    return exitOk;
  },
};

/** Shows what reading keys costs. */
async function explainKeys(
  args: Arguments,
  output: Output,
  keys: readonly Key[],
  moment: Moment,
): Promise<number> {
  for (const name of ["raw", "text"]) {
    if (args.flag(name)) throw new UsageError(`--explain and --${name} exclude each other`);
  }
  await using open = await openForReading(args);
  const { timeline, store } = open, asParts = args.showsParts;
  const explanation = await timeline.explain(keys, { lsn: lsnOf(moment, timeline) });
  await output.write(
    args.flag("json") ? explanationJson(explanation, asParts) : explanationText(explanation, {
      showKey: (key) => (asParts ? formatKeyParts(key) : undefined) ?? shownKey(args, key),
      showPath: (path) => escapeText(fileIn(store.path, path)),
    }),
  );
  const errors = explanation.keys.flatMap(({ error }) => error ?? []);
  if (errors.some((error) => error instanceof CorruptionError)) return exitDamaged;
  return errors.length > 0 ? exitFailure : exitOk;
}

/** A key in a message, as its parts if it was given so. */
function shownKey(args: Arguments, key: Uint8Array): string {
  const parts = args.keyParts === undefined ? undefined : formatKeyParts(key);
  return parts === undefined ? `"${escapeBytes(key)}"` : escapeText(parts);
}

/** Shows the keys of a range and their values. */
export const scanCommand: Command = {
  name: "scan",
  positionals: ["<store>"],
  summary: "show the keys of a range and their values",
  details: `
Each line is a key, a tab and a value, with \\xNN for every byte that is no printable text.
--json shows {"key","lsn","value"} on each line, or "keyBase64" and "valueBase64" for what is not UTF-8;
"varve load --ignore-lsn" reads it back. --raw writes the bytes of key, tab, value and line feed as they are.
--parts shows keys that are structured as JSON arrays, and with --json as "keyParts".
Where loads stopped (see "varve load --help") is left out, unless --prefix or --start ask for it:
--base64 --prefix ${encoder.encode(positionPrefix).toBase64()}
${atDetails}`,
  options: {
    "prefix": { value: "KEY", describe: "only keys that start so" },
    ...keyPartsAs("only keys that start with these parts, such as '[\"user\"]'"),
    "start": { value: "KEY", describe: "from this key on, included" },
    "end": { value: "KEY", describe: "up to this key, not included" },
    "reverse": { describe: "from the last key to the first" },
    "limit": { value: "N", describe: "at most so many keys" },
    "lsn": lsnOption,
    "at": atOption,
    "json": jsonLines,
    "raw": { describe: "write keys and values as they are" },
    "redo": redoOption,
    "parts": partsOption,
    "base64": base64Option,
  },
  async run(args, { output }) {
    const start = args.bound("start"), end = args.bound("end"), prefix = prefixOf(args);
    const range = { prefix, start, end, reverse: args.flag("reverse") };
    const moment = momentOf(args);
    const writeEntry = entryWriter(args);
    let left = args.count("limit") ?? Infinity;
    await using open = await openForReading(args);
    const lsn = lsnOf(moment, open.timeline);
    const hidden = hidesPositions(range) ? await open.timeline.count({ prefix: positionPrefix }, { lsn }) : 0;
    await visitRows(open.timeline, { ...range, limit: left + hidden }, { lsn }, async (rows) => {
      for (let row = rows.from; row < rows.to && left > 0; row++) {
        if (hidden > 0 && isPositionRow(rows, row)) continue;
        left--;
        const written = writeEntry(output, rows, row);
        if (written !== undefined) await written;
      }
    });
  },
};

/** The prefix that --prefix or --key-parts give. */
export function prefixOf(args: Arguments): Key | undefined {
  const prefix = args.bound("prefix"), { keyParts } = args;
  if (prefix !== undefined && keyParts !== undefined) {
    throw new UsageError(`--${keyParts.option} and --prefix exclude each other`);
  }
  // As bytes they would be the prefix of more.
  return keyParts === undefined ? prefix : decodeKey(keyParts.key);
}

/** Whether a row is where a load stopped. No other key is copied to find out. */
function isPositionRow({ keys }: Rows, row: number): boolean {
  return keys.bytes[keys.startOf(row)] === positionPrefix.charCodeAt(0) && isPositionKey(keys.keyAt(row));
}

/** How a scan shows an entry; a promise comes only where the output has to be waited for. */
function entryWriter(
  args: Arguments,
): (output: Output, rows: Rows, row: number) => Promise<void> | undefined {
  const asParts = args.showsParts;
  if (args.flag("json")) {
    return (output, rows, row) => {
      if (!asParts && writePlainJson(output, rows, row)) return undefined;
      return writeJsonLine(output, { ...entryOf(rows, row), asParts });
    };
  }
  const writeField = args.flag("raw") ? writeRaw : writeEscaped;
  return (output, rows, row) => {
    if (!asParts && writePlainRow(output, rows, row)) return undefined;
    const { key, value } = entryOf(rows, row);
    const parts = asParts ? formatKeyParts(key) : undefined;
    return writeRow(output, writeField, parts === undefined ? key : escapeText(parts), value);
  };
}

/** A row as an entry, whose value is only lent. */
function entryOf({ keys, values, lsnOf }: Rows, row: number): ValueEntry {
  const start = values.starts[row];
  return {
    key: keys.keyAt(row),
    value: values.bytes.subarray(start, start + values.lengths[row]),
    lsn: lsnOf(row),
  };
}

/** Shows every version of one key. */
export const historyCommand: Command = {
  name: "history",
  positionals: ["<store>", "<key>"],
  summary: "show every version of a key, oldest first",
  details: `
Each line is an LSN, a tab, "put" or "delete", and for a put a tab and the value, with \\xNN for every byte that is
no printable text. --json shows {"key","lsn","value"} or {"key","lsn","delete":true} on each line, or "keyBase64"
and "valueBase64" for what is not UTF-8; "varve load" reads it back. An unknown key has no versions. What is below the
horizon (see "varve gc --help") is left out.`,
  options: {
    "from": { value: "LSN", describe: "from this LSN on, included" },
    "to": { value: "LSN", describe: "up to this LSN, included" },
    "json": jsonLines,
    "redo": redoOption,
    ...keyPartsOptions,
    "parts": partsOption,
    "base64": base64Option,
  },
  async run(args, { output }) {
    const key = args.key();
    const asParts = args.showsParts;
    const range = { from: args.lsn("from"), to: args.lsn("to") };
    await using open = await openForReading(args);
    for await (const { lsn, value } of open.timeline.history(key, range)) {
      const fields = value === undefined ? ["delete"] : ["put", value];
      if (args.flag("json")) await writeJsonLine(output, { key: keyBytes(key), lsn, value, asParts });
      else await writeRow(output, writeEscaped, `${lsn}`, ...fields);
    }
  },
};

type FieldWriter = (output: Output, bytes: Uint8Array) => Promise<void>;

const writeRaw: FieldWriter = (output, bytes) => output.write(bytes);

/** Writes fields with tabs between them as a line; texts as they are, and bytes by `writeField`. */
export async function writeRow(
  output: Output,
  writeField: FieldWriter,
  ...fields: (Uint8Array | string)[]
): Promise<void> {
  for (const [i, field] of fields.entries()) {
    if (i > 0) await output.write("\t");
    await (typeof field === "string" ? output.write(field) : writeField(output, field));
  }
  await output.write("\n");
}
