/**
 * The versions of an index in memory, in the order of their arrival: where each lies, and which of the same key came
 * before it.
 *
 * @module
 */

import { joinLsn, lsnHigh, lsnLow } from "../formats/record_format.ts";
import { GrowingArray } from "./growing_array.ts";

// Fields of a version, in 32-bit words.
/** How many words a version has. */
export const versionStride = 5;
/** The offset of its record in the segment. */
export const versionOffset = 0;
/** The length of its record in bytes, with the bit of tombstones. */
export const versionTagged = 1;
/** The version of the same key before it, or −1. */
export const versionPrevious = 2;
/** The low word of its LSN. */
export const versionLsnLow = 3;
/** The high word of its LSN. */
export const versionLsnHigh = 4;

/** The bit of tombstones in a tagged length. */
export const tombstoneBit = 0x10000000;
/** The bits of the length in it. */
export const lengthMask = 0x0fffffff;

/** The versions of an index. Hot: `bench/seal_bench.ts`. */
export class VersionTable {
  #fields: Int32Array<ArrayBuffer>;
  readonly #growing: GrowingArray<Int32Array<ArrayBuffer>>;
  #count = 0;

  /** Makes a table that need not grow for so many versions. */
  constructor(versions: number) {
    this.#fields = new Int32Array(versions * versionStride);
    this.#growing = new GrowingArray(this.#fields);
  }

  /** How many versions were added. */
  get count(): number {
    return this.#count;
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.#growing.byteLength;
  }

  /** The memory that its contents need in bytes. */
  get usedBytes(): number {
    return this.#count * versionStride * 4;
  }

  /** The fields of all versions; versions there are stay valid in it. */
  get fields(): Int32Array {
    return this.#fields;
  }

  /** Makes room for so many more versions. */
  reserve(versions: number): void {
    this.#fields = this.#growing.reserve(this.#count * versionStride, versions * versionStride);
  }

  /** Adds a version, for which there is room, and returns its id; ids are dense and never reused. */
  add(lsn: number, offset: number, tagged: number, previous: number): number {
    const fields = this.#fields;
    const at = this.#count * versionStride;
    fields[at + versionOffset] = offset;
    fields[at + versionTagged] = tagged;
    fields[at + versionPrevious] = previous;
    fields[at + versionLsnLow] = lsnLow(lsn);
    fields[at + versionLsnHigh] = lsnHigh(lsn);
    return this.#count++;
  }

  /** The version of the same key before it, or −1. */
  previous(version: number): number {
    return this.#fields[version * versionStride + versionPrevious];
  }

  /** The LSN of a version. */
  lsnOf(version: number): number {
    const at = version * versionStride;
    return joinLsn(this.#fields[at + versionLsnLow] >>> 0, this.#fields[at + versionLsnHigh]);
  }

  /** The offset of a version's record in the segment, in bytes. */
  offsetOf(version: number): number {
    return this.#fields[version * versionStride + versionOffset] >>> 0;
  }

  /** The length of a version's record in bytes, with the bit of tombstones. */
  taggedOf(version: number): number {
    return this.#fields[version * versionStride + versionTagged];
  }
}
