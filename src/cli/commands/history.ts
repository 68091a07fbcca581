/** `varve history`. */

import type { Version } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { keyBytes } from "../../base/mod.ts";
import { writeEscaped } from "../terminal/escape.ts";
import { exitOk } from "../exit_code.ts";
import { writeJsonLine } from "../terminal/json_line.ts";
import { openTimeline } from "../open_timeline.ts";
import type { Output } from "../terminal/output.ts";
import { base64Option } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

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
    "json": { describe: "show a JSON object on each line" },
    "base64": base64Option,
  },
  run: runHistory,
};

async function runHistory(args: Arguments, terminal: Terminal): Promise<number> {
  const key = args.bytes(args.needed(1));
  const range = { from: args.lsn("from"), to: args.lsn("to") };
  await using open = await openTimeline(args, { for: "read" });
  for await (const version of open.timeline.history(key, range)) {
    if (args.flag("json")) await writeJsonLine(terminal.output, { key: keyBytes(key), ...version });
    else await writeText(terminal.output, version);
  }
  return exitOk;
}

async function writeText(output: Output, version: Version): Promise<void> {
  if (version.value === undefined) return await output.write(`${version.lsn}\tdelete\n`);
  await output.write(`${version.lsn}\tput\t`);
  await writeEscaped(output, version.value);
  await output.write("\n");
}
