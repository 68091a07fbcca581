/**
 * The hash of a key, for the hash index of an open layer and for bloom filters.
 *
 * It is MurmurHash3_x86_32 (Austin Appleby, public domain) with seed 0. It is part of the file format: bloom filters
 * on disk are probed with it.
 *
 * @module
 */

/**
 * Returns the hash of `bytes[start, start + length)`. Hot: `bench/ingest.ts`.
 *
 * @returns An unsigned 32-bit integer.
 */
export function hashKey(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0;
  const wholeEnd = start + (length & ~3);
  let at = start;
  for (; at < wholeEnd; at += 4) {
    const word = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    hash ^= scramble(word);
    hash = Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64 | 0;
  }
  let tail = 0;
  const left = length & 3;
  if (left > 0) {
    if (left > 2) tail = bytes[at + 2] << 16;
    if (left > 1) tail |= bytes[at + 1] << 8;
    hash ^= scramble(tail | bytes[at]);
  }
  return mix(hash ^ length) >>> 0;
}

function scramble(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul(k << 15 | k >>> 17, 0x1b873593);
}

/** The finalizer of MurmurHash3: every bit of its argument reaches every bit of its result. */
export function mix(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ h >>> 16;
}
