/** `varve put`. */

import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { LimitError, maxValueBytes, type Value } from "../../base/mod.ts";
import { concat } from "@std/bytes";
import { exitOk } from "../exit_code.ts";
import { openTimeline } from "../open_timeline.ts";
import { base64Option, writeLsnOption } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Writes one key. */
export const putCommand: Command = {
  name: "put",
  positionals: ["<store>", "<key>", "[value]"],
  summary: "write a key and show the LSN of the write",
  details: `
Without a value, the value is what comes on standard input, as it is.
The store and the timeline are made if they are missing. When the LSN is shown, the write is durable.`,
  options: { "lsn": writeLsnOption, "base64": base64Option },
  run: runPut,
};

async function runPut(args: Arguments, terminal: Terminal): Promise<number> {
  const key = args.bytes(args.needed(1));
  const text = args.positional(2);
  const lsn = args.lsn("lsn", 1);
  const value: Value = text === undefined ? await readValue(terminal.input()) : args.bytes(text);
  await using open = await openTimeline(args, { for: "create" });
  const at = await open.timeline.append([{ key, value }], { lsn, sync: true });
  await terminal.output.write(`${at}\n`);
  return exitOk;
}

async function readValue(input: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxValueBytes) {
      throw new LimitError(`Cannot write value: it is over ${maxValueBytes} bytes long`, {
        limit: maxValueBytes,
        found: length,
      });
    }
  }
  return concat(chunks);
}
