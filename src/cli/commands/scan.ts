/** `varve scan`. */

import type { Entry, ScanRange } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { writeEscaped } from "../terminal/escape.ts";
import { exitOk } from "../exit_code.ts";
import { writeJsonLine } from "../terminal/json_line.ts";
import { openTimeline } from "../open_timeline.ts";
import type { Output } from "../terminal/output.ts";
import { base64Option, lsnOption } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Shows the keys of a range and their values. */
export const scanCommand: Command = {
  name: "scan",
  positionals: ["<store>"],
  summary: "show the keys of a range and their values",
  details: `
Each line is a key, a tab and a value, with \\xNN for every byte that is no printable text.
--json shows {"key","lsn","value"} on each line, or "keyBase64" and "valueBase64" for what is not UTF-8;
"varve load --ignore-lsn" reads it back. --raw writes the bytes of key, tab, value and line feed as they are.`,
  options: {
    "prefix": { value: "KEY", describe: "only keys that start so" },
    "start": { value: "KEY", describe: "from this key on, included" },
    "end": { value: "KEY", describe: "up to this key, not included" },
    "reverse": { describe: "from the last key to the first" },
    "limit": { value: "N", describe: "at most so many keys" },
    "lsn": lsnOption,
    "json": { describe: "show a JSON object on each line" },
    "raw": { describe: "write keys and values as they are" },
    "base64": base64Option,
  },
  run: runScan,
};

async function runScan(args: Arguments, terminal: Terminal): Promise<number> {
  const range = scanRange(args);
  const lsn = args.lsn("lsn");
  await using open = await openTimeline(args, { for: "read" });
  const write = entryWriter(args);
  for await (const entry of open.timeline.scan(range, { lsn })) {
    await write(terminal.output, entry);
  }
  return exitOk;
}

function scanRange(args: Arguments): ScanRange {
  const bound = (name: string) => {
    const text = args.text(name);
    return text === undefined ? undefined : args.bytes(text);
  };
  return {
    prefix: bound("prefix"),
    start: bound("start"),
    end: bound("end"),
    reverse: args.flag("reverse"),
    limit: args.count("limit"),
  };
}

function entryWriter(args: Arguments): (output: Output, entry: Entry) => Promise<void> {
  if (args.flag("json")) return writeJsonLine;
  return args.flag("raw") ? writeRaw : writeText;
}

async function writeText(output: Output, { key, value }: Entry): Promise<void> {
  await writeEscaped(output, key);
  await output.write("\t");
  if (value !== undefined) await writeEscaped(output, value);
  await output.write("\n");
}

async function writeRaw(output: Output, { key, value }: Entry): Promise<void> {
  await output.write(key);
  await output.write("\t");
  if (value !== undefined) await output.write(value);
  await output.write("\n");
}
