/**
 * Looking at the values of an image: the one place of a merge that does, which else copies records unseen.
 *
 * ```
 *   rows      a@3     b@9          c@2                      lengths and offsets follow
 *   before  │ a, 8 K │ b, 100 B │ c, 64 K              │
 *   after   │ a │ b, 100 B │ c        │                     shorter ones move up, b as it is
 * ```
 *
 * Chains of patches are redone before (`RedoneChains`); those that stay as they are are passed over. What was compressed before
 * stays as it is, and so does what compressing would save too little of.
 *
 * Neighbours in key are mostly alike: where one value after the other saves too little, such as pictures, or what was
 * encrypted, only one of several is tried, until one saves enough again. Trying costs some 20 µs whatever comes of it,
 * more than the rest of a merge does for a value of 8 KiB; what is passed over is tried again by the next merge.
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import {
  compressedFlag,
  isCompressedAt,
  isPutAt,
  leastCompressedBytes,
  recordHeaderBytes,
  stampAgain,
  tombstoneFlag,
  ValueCompressor,
  type VersionBlock,
} from "../../../layer/mod.ts";

/** So many values in a row save too little before values are passed over. */
const mostInVain = 16;
/** Then one of so many is tried. */
const triedShare = 16;

/** Which values are tried, by what came of those before them. */
export class ValueTrials {
  #inVain = 0;
  #passed = 0;

  /** Whether the next value is to be tried. */
  next(): boolean {
    if (this.#inVain < mostInVain) return true;
    this.#passed = (this.#passed + 1) % triedShare;
    return this.#passed === 0;
  }

  /** Notes what came of one that was tried. */
  tried(isWorth: boolean): void {
    this.#inVain = isWorth ? 0 : this.#inVain + 1;
    if (isWorth) this.#passed = 0;
  }
}

/** Compresses the values of the images of one merge where that makes them smaller. */
export class ImageValues {
  readonly #turns: Turns;
  readonly #trials = new ValueTrials();

  /** Has met no value yet; `turns` says when the event loop gets its turns. */
  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /**
   * Compresses values where that makes them smaller.
   *
   * @param rows The versions; their lengths and offsets follow.
   * @param records Their records one behind the other, which are changed.
   * @param seed The seed of the checksums of the file that they are bound to.
   * @returns The records, in the same memory.
   */
  async compress(
    rows: VersionBlock,
    records: Uint8Array<ArrayBuffer>,
    seed: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { length, offset, keyLength, flags } = rows;
    let from = 0, to = 0, base = rows.count === 0 ? 0 : offset[0];
    for (let row = 0; row < rows.count; row++) {
      const size = length[row], valueAt = recordHeaderBytes + keyLength[row];
      const mayShrink = size - valueAt >= leastCompressedBytes && (flags[row] & tombstoneFlag) === 0 &&
        isPutAt(records, from) && !isCompressedAt(records, from) && this.#trials.next();
      const value = mayShrink ? await this.#try(records.subarray(from + valueAt, from + size)) : undefined;
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
  async #try(value: Uint8Array): Promise<ValueCompressor | undefined> {
    const compressor = new ValueCompressor(value), turns = this.#turns;
    while (compressor.step()) {
      if (turns.due()) await turns.turn();
    }
    if (turns.due()) await turns.turn();
    this.#trials.tried(compressor.isWorth);
    return compressor.isWorth ? compressor : undefined;
  }
}
