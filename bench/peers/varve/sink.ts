/** Writes chunks to one file through a `WritableStream`. */

import { beginAccount } from "./account.ts";
import { loadDirectFile } from "./product.ts";
import { valuesOf } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import type { Variant } from "./request.ts";
import type { SinkWork } from "../work.ts";

/** Measures a sink into a new file, from its first chunk until it is closed and durable. */
export async function measureSink(
  work: SinkWork,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  const chunk = new Uint8Array(work.chunkBytes);
  const value = valuesOf(4096);
  for (let at = 0; at + 4096 <= chunk.length; at += 4096) chunk.set(value(at / 4096), at);
  // Room is reserved, as fio reserves it for its file (fallocate=native, its default).
  const options = { create: true, strict: true, preallocateBytes: work.bytes, ...variant };
  const DirectFile = await loadDirectFile();
  await using file = await DirectFile.open(`${directory}/sink`, options);
  const chunks = Math.ceil(work.bytes / work.chunkBytes);
  const account = beginAccount();
  const writer = file.writable().getWriter();
  for (let i = 0; i < chunks; i++) {
    await writer.ready;
    // A failed write also rejects `ready` and `close`, which are awaited.
    writer.write(chunk).catch(() => {});
  }
  await writer.close();
  await file.sync();
  return { operations: chunks, payloadBytes: chunks * work.chunkBytes, ...account.end() };
}
