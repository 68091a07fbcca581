/** `varve delete`. */

import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitOk } from "../exit_code.ts";
import { openTimeline } from "../open_timeline.ts";
import { base64Option, writeLsnOption } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Deletes one key. */
export const deleteCommand: Command = {
  name: "delete",
  positionals: ["<store>", "<key>"],
  summary: "delete a key and show the LSN of the deletion",
  details: `
Earlier versions stay readable as of their LSNs. A key that is absent already is deleted all the same.
When the LSN is shown, the deletion is durable.`,
  options: { "lsn": writeLsnOption, "base64": base64Option },
  run: runDelete,
};

async function runDelete(args: Arguments, terminal: Terminal): Promise<number> {
  const key = args.bytes(args.needed(1));
  const lsn = args.lsn("lsn", 1);
  await using open = await openTimeline(args, { for: "write" });
  const at = await open.timeline.append([{ key, delete: true }], { lsn, sync: true });
  await terminal.output.write(`${at}\n`);
  return exitOk;
}
