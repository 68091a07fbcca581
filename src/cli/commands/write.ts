/** `varve create`, `varve put` and `varve delete`. */

import { concat } from "@std/bytes";
import { LimitError, maxValueBytes, type Value } from "../../base/mod.ts";
import type { Change } from "../../segment/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { openForWriting } from "../open_timeline.ts";
import { base64Option, keyPartsOptions, type OptionSpecs, writeOptions } from "../options.ts";
import type { Terminal } from "../terminal/terminal.ts";

const options: OptionSpecs = {
  "lsn": { value: "LSN", describe: "write at this LSN (the next)" },
  "expect-lsn": {
    value: "LSN",
    describe: "only if the key stands at this LSN, 0: has no value; else exit with 5",
  },
  ...keyPartsOptions,
  "base64": base64Option,
  ...writeOptions,
};

/** Makes a store. */
export const createCommand: Command = {
  name: "create",
  positionals: ["<store>"],
  summary: "make a store, or a timeline in one",
  details: `
Makes the store if it is missing, and the timeline of --timeline. What is there already is left as it is.`,
  options: { "wait": writeOptions.wait },
  async run(args) {
    await using _ = await openForWriting(args, { create: "missing" });
  },
};

/** Writes one key. */
export const putCommand: Command = {
  name: "put",
  positionals: ["<store>", "<key>", "[value]"],
  summary: "write a key and show the LSN of the write",
  details: `
Without a value, the value is what comes on standard input, as it is.
With --patch it is a patch of the key, which stands on the newest older value: whoever reads the key must say what redoes
it, as "varve get --redo" does.
When the LSN is shown, the write is durable.
With --expect-lsn nothing is written if the newest version of the key stands at another LSN than this,
which "varve get --json" shows, and the exit code is 5.`,
  options: { "patch": { describe: "write a patch of the key, not a value" }, ...options },
  async run(args, terminal) {
    const key = args.key();
    const text = args.positional("[value]");
    const value: Value = text === undefined ? await readValue(terminal.input()) : args.bytes(text);
    await write(args, terminal, args.flag("patch") ? { key, patch: value } : { key, value });
  },
};

/** Deletes one key. */
export const deleteCommand: Command = {
  name: "delete",
  positionals: ["<store>", "<key>"],
  summary: "delete a key and show the LSN of the deletion",
  details: `
Earlier versions stay readable as of their LSNs. A key that is absent already is deleted all the same.
--expect-lsn is that of "varve put".
When the LSN is shown, the deletion is durable.`,
  options,
  async run(args, terminal) {
    await write(args, terminal, { key: args.key(), delete: true });
  },
};

async function write(args: Arguments, terminal: Terminal, change: Change): Promise<void> {
  const lsn = args.lsn("lsn", 1), expected = args.lsn("expect-lsn");
  const expect = expected === undefined ? [] : [{ key: change.key, lsn: expected || undefined }];
  await using open = await openForWriting(args);
  await terminal.output.write(`${await open.timeline.append([change], { lsn, sync: true, expect })}\n`);
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
