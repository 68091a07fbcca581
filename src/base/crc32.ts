/**
 * The checksum of everything on disk: CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), as `node:zlib`
 * computes it natively.
 */

import { crc32 as nativeCrc32 } from "node:zlib";
import { copyBytes } from "./copy_bytes.ts";

/** Up to this length bytes are copied to be summed. */
const mostCopied = 256;
const copied = new Uint8Array(mostCopied), copiedView = new DataView(copied.buffer);
/** By length: the first so many bytes of {@linkcode copied}. */
const prefixes: (Uint8Array | undefined)[] = [];

/**
 * Returns the CRC-32 of `bytes`, continuing from `seed`.
 *
 * @param bytes What to sum.
 * @param seed The checksum so far, or a seed that binds the sum to a place.
 * @returns An unsigned 32-bit integer.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32(bytes, seed);
}

/**
 * Returns the CRC-32 of bytes among others. A view of them alone is made of long ones only: made for each record,
 * views were nine tenths of the garbage of a thread that appends, and two thirds of that of one that seals and merges.
 * Hot: `bench/ingest.ts`.
 *
 * @param bytes The memory.
 * @param view The same memory.
 * @param start Where the bytes start in it.
 * @param end Where they end; what is behind the memory does not count.
 * @returns An unsigned 32-bit integer.
 */
export function crc32Within(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  const length = end - start;
  if (length > mostCopied || end > bytes.length) return crc32(bytes.subarray(start, end));
  copyBytes(view, start, copiedView, 0, length);
  return crc32(prefixes[length] ??= copied.subarray(0, length));
}
