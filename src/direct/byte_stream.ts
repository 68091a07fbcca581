/**
 * A range of bytes as a stream, with reads ahead of it in flight.
 *
 * @module
 */

import { blockBytes } from "../base/mod.ts";

/** The longest chunk in bytes; after the first, chunks start at blocks. */
export const chunkBytes: number = 1024 * 1024;
const readsAhead = 3;

/**
 * Makes a stream of a range.
 *
 * @param start Where it starts.
 * @param end Where it ends.
 * @param read Reads so many bytes from an offset.
 * @returns A stream, which reads nothing before it is pulled and stops when it is cancelled.
 */
export function byteStream(
  start: number,
  end: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): ReadableStream<Uint8Array> {
  let at = start;
  const next = (): Promise<Uint8Array> | undefined => {
    const length = Math.min(chunkBytes - at % blockBytes, end - at);
    if (length <= 0) return undefined;
    const chunk = read(at, length);
    // A failure is reported when the chunk is pulled.
    chunk.catch(() => {});
    at += length;
    return chunk;
  };
  const ahead: (Promise<Uint8Array> | undefined)[] = [];
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      while (ahead.length < readsAhead) ahead.push(next());
      const chunk = await ahead.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: async () => {
      at = end;
      await Promise.allSettled(ahead.splice(0));
    },
  }, { highWaterMark: 0 });
}
