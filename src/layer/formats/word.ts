/**
 * Numbers of 32 bits on disk, little-endian, where there are bytes and no view of them.
 *
 * @module
 */

/** Reads the number at an offset. Hot: `bench/scan.ts`. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

/** Writes a number at an offset. */
export function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
