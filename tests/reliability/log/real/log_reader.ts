/** Follows a log that other processes write, and says which records it was shown, until somebody kills it. */

import { equals } from "@std/bytes";
import { Log, OffsetError } from "../../../../log.ts";
import { say } from "../../real/programs/writer.ts";
import { type LogOrder, payloadAt } from "./planned_payloads.ts";

const { path, historySeed, options }: LogOrder = JSON.parse(Deno.args[0]);

/** Reads on from an offset; returns where it goes on once that was given up. */
async function follow(log: Log, from: number): Promise<number> {
  let due = from;
  try {
    for await (const { offset, payload } of log.readable({ from, follow: true })) {
      if (offset !== due++) throw new Error(`record ${offset} in the place of ${due - 1}`);
      if (!equals(payload, payloadAt(historySeed, offset))) {
        throw new Error(`another record at offset ${offset}`);
      }
      if (due === log.nextOffset) say(`shown ${due}`);
    }
  } catch (error) {
    if (error instanceof OffsetError && due < log.firstOffset) return log.firstOffset;
    throw error;
  }
  throw new Error("a stream that follows ended");
}

/** Opens the log, once there is one. */
async function open(): Promise<Log> {
  for (;;) {
    try {
      return await Log.open(path, { ...options, readOnly: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await new Promise((go) => setTimeout(go, 5));
    }
  }
}

try {
  const log = await open();
  for (let from = log.firstOffset;;) from = await follow(log, from);
} catch (error) {
  say(`wrong ${(error as Error).stack}`);
  Deno.exit(1);
}
