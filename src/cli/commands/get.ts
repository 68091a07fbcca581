/** `varve get`. */

import type { Entry, Timeline } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { boundBytes, type Key, type Lsn } from "../../base/mod.ts";
import { escapeBytes, writeEscaped } from "../terminal/escape.ts";
import { exitFailure, exitOk } from "../exit_code.ts";
import { writeJsonLine } from "../terminal/json_line.ts";
import { openTimeline } from "../open_timeline.ts";
import { base64Option, lsnOption } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Shows the value of one key. */
export const getCommand: Command = {
  name: "get",
  positionals: ["<store>", "<key>"],
  summary: "show the value of a key",
  details: `
The value is shown on one line, with \\xNN for every byte that is no printable text.
--json shows {"key","lsn","value"}, or "keyBase64" and "valueBase64" for what is not UTF-8.
--raw writes the bytes of the value and nothing else.
If the key is absent, the exit code is 1.`,
  options: {
    "lsn": lsnOption,
    "json": { describe: "show a JSON object" },
    "raw": { describe: "write the bytes of the value" },
    "base64": base64Option,
  },
  run: runGet,
};

async function runGet(args: Arguments, terminal: Terminal): Promise<number> {
  const key = args.bytes(args.needed(1));
  const lsn = args.lsn("lsn");
  await using open = await openTimeline(args, { for: "read" });
  const entry = await getEntry(open.timeline, key, lsn);
  if (entry?.value === undefined) {
    const moment = lsn === undefined ? "" : ` as of LSN ${lsn}`;
    terminal.note(`varve: Cannot find key "${escapeBytes(boundBytes(key))}"${moment}\n`);
    return exitFailure;
  }
  await writeValue(args, terminal, entry, entry.value);
  return exitOk;
}

/** Reads one key together with the LSN of its version. */
async function getEntry(timeline: Timeline, key: Key, lsn: Lsn | undefined): Promise<Entry | undefined> {
  for await (const entry of timeline.getVectored([key], { lsn })) return entry;
  return undefined;
}

async function writeValue(
  args: Arguments,
  terminal: Terminal,
  entry: Entry,
  value: Uint8Array,
): Promise<void> {
  const { output } = terminal;
  if (args.flag("raw")) return await output.write(value);
  if (args.flag("json")) return await writeJsonLine(output, { ...entry, value });
  await writeEscaped(output, value);
  await output.write("\n");
}
