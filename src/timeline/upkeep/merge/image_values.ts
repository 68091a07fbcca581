/**
 * Looking at the values of an image: the one place of a merge that does, which else copies records unseen.
 *
 * ```
 *   rows      a@3     b@9          c@2                      lengths and offsets follow
 *   before  │ a, 8 K │ b, 100 B │ c, 64 K              │
 *   after   │ a │ b, 100 B │ c        │                     shorter ones move up, b as it is
 * ```
 *
 * Every version is a whole value, so that there is nothing to redo before it is compressed. What was compressed before
 * stays as it is, and so does what compressing would save too little of.
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import {
  compressedFlag,
  isCompressedAt,
  leastCompressedBytes,
  recordHeaderBytes,
  stampAgain,
  tombstoneFlag,
  ValueCompressor,
  type VersionBlock,
} from "../../../layer/mod.ts";

/**
 * Compresses values where that makes them smaller.
 *
 * @param rows The versions; their lengths and offsets follow.
 * @param records Their records one behind the other, which are changed.
 * @param seed The seed of the checksums of the file that they are bound to.
 * @param turns When the event loop gets its turns.
 * @returns The records, in the same memory.
 */
export async function compressValues(
  rows: VersionBlock,
  records: Uint8Array<ArrayBuffer>,
  seed: number,
  turns: Turns,
): Promise<Uint8Array<ArrayBuffer>> {
  const { length, offset, keyLength, flags } = rows;
  let from = 0, to = 0, base = rows.count === 0 ? 0 : offset[0];
  for (let row = 0; row < rows.count; row++) {
    const size = length[row], valueAt = recordHeaderBytes + keyLength[row];
    const mayShrink = size - valueAt >= leastCompressedBytes && (flags[row] & tombstoneFlag) === 0 &&
      !isCompressedAt(records, from);
    const value = mayShrink
      ? await compressed(records.subarray(from + valueAt, from + size), turns)
      : undefined;
    if (from !== to) records.copyWithin(to, from, from + (value === undefined ? size : valueAt));
    if (value !== undefined) {
      value.writeTo(records, to + valueAt);
      length[row] = valueAt + value.byteLength;
      stampAgain(records, to, length[row], compressedFlag, value.byteLength, seed);
    }
    offset[row] = base;
    base += length[row];
    from += size;
    to += length[row];
  }
  return records.subarray(0, to);
}

/** A value that was compressed; `undefined` if that saves too little. */
async function compressed(value: Uint8Array, turns: Turns): Promise<ValueCompressor | undefined> {
  const compressor = new ValueCompressor(value);
  while (compressor.step()) {
    if (turns.due()) await turns.turn();
  }
  if (turns.due()) await turns.turn();
  return compressor.isWorth ? compressor : undefined;
}
