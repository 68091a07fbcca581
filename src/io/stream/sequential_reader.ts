/**
 * Reading a range of a file from its start to its end, with reads ahead in flight.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import type { IoEngine, IoFile, Transfer } from "../engine.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { IoBuffer } from "../memory/io_buffer.ts";

/** The range of a sequential read. */
export interface SequentialReadOptions {
  /** Where to start, a multiple of 4096. */
  start: number;
  /** Where to end at the latest. */
  end: number;
  /** How many reads are in flight. @default {3} */
  depth?: number | undefined;
}

interface Ahead {
  readonly buffer: IoBuffer;
  readonly transfer: Transfer;
  readonly done: Promise<void>;
}

/**
 * Reads a range of a file in order.
 *
 * @param engine What reads.
 * @param pool Where buffers come from; `depth` of them are held.
 * @param file The file.
 * @param options The range.
 * @yields Bytes, which are valid until the next is asked for. It ends early where the file does.
 */
export async function* readSequentially(
  engine: IoEngine,
  pool: BufferPool,
  file: IoFile,
  options: SequentialReadOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  assert(options.start % blockBytes === 0, "a sequential read starts at an aligned offset");
  const depth = options.depth ?? 3;
  const ahead: Ahead[] = [];
  let next = options.start;
  const readAhead = (): Ahead => {
    const buffer = pool.takeNow();
    const length = Math.min(pool.bufferBytes, Math.ceil((options.end - next) / blockBytes) * blockBytes);
    const bytes = buffer.bytes.subarray(0, length);
    const transfer: Transfer = { file, offset: next, bytes, done: 0, error: undefined };
    next += length;
    return { buffer, transfer, done: engine.read([transfer]) };
  };
  try {
    for (;;) {
      while (ahead.length < depth && next < options.end) ahead.push(readAhead());
      const first = ahead.shift();
      if (first === undefined) return;
      const { buffer, transfer, done } = first;
      try {
        await done;
        if (transfer.error !== undefined) throw transfer.error;
        const wanted = Math.min(transfer.done, options.end - transfer.offset);
        if (wanted > 0) yield buffer.bytes.subarray(0, wanted);
        if (transfer.done < transfer.bytes.length) return;
      } finally {
        buffer.release();
      }
    }
  } finally {
    for (const { buffer, done } of ahead) {
      await done;
      buffer.release();
    }
  }
}
