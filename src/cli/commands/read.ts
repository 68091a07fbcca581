/** `varve get`, `varve scan` and `varve history`. */

import { boundBytes, keyBytes } from "../../base/mod.ts";
import type { Command } from "../command.ts";
import { exitFailure, exitOk } from "../exit_code.ts";
import { openTimeline } from "../open_timeline.ts";
import { base64Option, type OptionSpec } from "../options.ts";
import { escapeBytes, writeEscaped } from "../terminal/escape.ts";
import { writeJsonLine } from "../terminal/json_line.ts";
import type { Output } from "../terminal/output.ts";

const lsnOption: OptionSpec = { value: "LSN", describe: "read as of this LSN, inclusive (the last)" };
const jsonLines: OptionSpec = { describe: "show a JSON object on each line" };

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
  async run(args, terminal) {
    const { output } = terminal;
    const key = args.bytes(args.positionals[1]);
    const lsn = args.lsn("lsn");
    await using open = await openTimeline(args, "read");
    const [entry] = await Array.fromAsync(open.timeline.getVectored([key], { lsn }));
    if (entry.value === undefined) {
      const moment = lsn === undefined ? "" : ` as of LSN ${lsn}`;
      terminal.note(`varve: Cannot find key "${escapeBytes(boundBytes(key))}"${moment}\n`);
      return exitFailure;
    }
    if (args.flag("raw")) await output.write(entry.value);
    else if (args.flag("json")) await writeJsonLine(output, entry);
    else await writeRow(output, writeEscaped, entry.value);
    return exitOk;
  },
};

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
    "json": jsonLines,
    "raw": { describe: "write keys and values as they are" },
    "base64": base64Option,
  },
  async run(args, { output }) {
    const bound = (name: string) => {
      const text = args.text(name);
      return text === undefined ? undefined : args.bytes(text);
    };
    const [prefix, start, end] = ["prefix", "start", "end"].map(bound);
    const range = { prefix, start, end, reverse: args.flag("reverse"), limit: args.count("limit") };
    const lsn = args.lsn("lsn");
    const writeField = args.flag("raw") ? writeRaw : writeEscaped;
    await using open = await openTimeline(args, "read");
    for await (const entry of open.timeline.scan(range, { lsn })) {
      if (args.flag("json")) await writeJsonLine(output, entry);
      else await writeRow(output, writeField, entry.key, entry.value ?? "");
    }
  },
};

/** Shows every version of one key. */
export const historyCommand: Command = {
  name: "history",
  positionals: ["<store>", "<key>"],
  summary: "show every version of a key, oldest first",
  details: `
Each line is an LSN, a tab, "put" or "delete", and for a put a tab and the value, with \\xNN for every byte that is
no printable text. --json shows {"key","lsn","value"} or {"key","lsn","delete":true} on each line, or "keyBase64"
and "valueBase64" for what is not UTF-8; "varve load" reads it back. An unknown key has no versions.`,
  options: {
    "from": { value: "LSN", describe: "from this LSN on, included" },
    "to": { value: "LSN", describe: "up to this LSN, included" },
    "json": jsonLines,
    "base64": base64Option,
  },
  async run(args, { output }) {
    const key = args.bytes(args.positionals[1]);
    const range = { from: args.lsn("from"), to: args.lsn("to") };
    await using open = await openTimeline(args, "read");
    for await (const { lsn, value } of open.timeline.history(key, range)) {
      const fields = value === undefined ? ["delete"] : ["put", value];
      if (args.flag("json")) await writeJsonLine(output, { key: keyBytes(key), lsn, value });
      else await writeRow(output, writeEscaped, `${lsn}`, ...fields);
    }
  },
};

type FieldWriter = (output: Output, bytes: Uint8Array) => Promise<void>;

const writeRaw: FieldWriter = (output, bytes) => output.write(bytes);

/** Writes fields with tabs between them as a line; texts as they are, and bytes by `writeField`. */
async function writeRow(
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
