/**
 * Walking every version of a layer in the order of (key, LSN), or exactly backwards.
 *
 * A cursor never waits: it says which pages it needs, and goes on when they were fetched. Versions come in blocks of
 * columns, so that whoever takes many of them touches no object per version.
 *
 * ```
 *   block   at          end                   while (!cursor.settle(pages)) await pages.fetch();
 *   ├───────┼───────────┤                     if (cursor.ended) …
 *   passed    next rows                       rows [at, end) of cursor.block come next; then step(rows)
 * ```
 *
 * C1  Rows strictly increase by (key, LSN), or strictly decrease if the range is walked in reverse.
 * C2  A row, and the memory that its key lies in, is valid until `settle` is called at the end of its block.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../base/mod.ts";
import type { PageSet } from "../objects/mod.ts";

/** Where a cursor finds pages; a {@linkcode PageSet} is one. */
export type PageSource = Pick<PageSet, "get" | "want" | "take" | "fetch"> & Partial<Pick<PageSet, "listed">>;

/** For cursors over memory, which need no pages. */
export const noPages: PageSource = {
  get: () => undefined,
  want: () => {},
  take: () => undefined,
  fetch: () => Promise.resolve(),
};

/** Which versions are walked, and which way. */
export interface VersionRange {
  /** The smallest key that counts; left out, the least there is. */
  readonly start?: Uint8Array | undefined;
  /** Of versions of `start` itself, the smallest LSN that counts. @default {0} */
  readonly startLsn?: Lsn | undefined;
  /** The first key that does not count any more; left out, none. */
  readonly end?: Uint8Array | undefined;
  /** Of versions of `end` itself, those below this LSN count all the same. @default {0} */
  readonly endLsn?: Lsn | undefined;
  /** Whether the same versions come in the opposite order. @default {false} */
  readonly reverse?: boolean | undefined;
}

/** Some hundred versions, in columns. */
export interface VersionBlock {
  /** How many rows there are. */
  readonly count: number;
  /** The memory that keys lie in. */
  readonly bytes: Uint8Array;
  /** Where each version's key starts in it. */
  readonly keyStart: Int32Array;
  /** The length of each key in bytes. */
  readonly keyLength: Int32Array;
  /** The LSN of each version. */
  readonly lsn: Float64Array;
  /** The offset of its run of bytes in the object. */
  readonly offset: Float64Array;
  /** The length of its run in bytes. */
  readonly length: Uint32Array;
  /** Its flags: {@linkcode terminalFlag}, {@linkcode tombstoneFlag}. */
  readonly flags: Uint8Array;
  /** The hash of each key, where it is known. */
  readonly hash?: Uint32Array | undefined;
}

/** A place among the versions of one or more layers. */
export interface VersionCursor {
  /** The versions that it stands among. */
  readonly block: VersionBlock;
  /** The row that it stands at; valid after {@linkcode settle} returned true and if it has not {@linkcode ended}. */
  readonly at: number;
  /** Rows from {@linkcode at} up to here come next, with nothing between them. */
  readonly end: number;
  /** Whether there is no version any more. */
  readonly ended: boolean;
  /**
   * Whether it stands at a version or has ended. If not, it needs pages, which `pages` has taken note of.
   *
   * @throws {CorruptionError} If a page that it needs is damaged.
   */
  settle(pages: PageSource): boolean;
  /** Leaves the row that it stands at, or so many; then {@linkcode settle} must be asked. */
  step(rows?: number): void;
  /** Asks for pages that it will need soon, to be read together with those that another cursor waits for. */
  readAhead?(pages: PageSource): void;
}

/** A (key, LSN) before which, or from which on, versions count. */
export interface RangeBound {
  /** The key. */
  readonly key: Uint8Array;
  /** The LSN. */
  readonly lsn: Lsn;
}

/** Where a walk comes into a range, and where it leaves it, in the direction of the walk. */
export class RangeWalk {
  /** Where it comes in; `undefined` at the end of all versions. */
  readonly entry: RangeBound | undefined;
  /** Where it leaves; `undefined` at the other end of all versions. */
  readonly exit: RangeBound | undefined;
  /** Whether it goes from large to small. */
  readonly reverse: boolean;
  /** Whether nothing can be in the range. */
  readonly isEmpty: boolean;

  /** Turns a range into the direction of its walk. */
  constructor({ start, startLsn = 0, end, endLsn = 0, reverse = false }: VersionRange) {
    const least = start === undefined ? undefined : { key: start, lsn: startLsn };
    const most = end === undefined ? undefined : { key: end, lsn: endLsn };
    this.entry = reverse ? most : least;
    this.exit = reverse ? least : most;
    this.reverse = reverse;
    this.isEmpty = least !== undefined && most !== undefined &&
      (compareKeys(least.key, most.key) || least.lsn - most.lsn) >= 0;
  }

  /** The first row of a block that counts. */
  firstRow(block: VersionBlock): number {
    return this.entry === undefined ? 0 : this.#passed(block, this.entry);
  }

  /** The row after the last one of a block that counts; less than its count if the range ends in it. */
  lastRow(block: VersionBlock): number {
    return this.exit === undefined ? block.count : this.#passed(block, this.exit);
  }

  /** How many rows at the start of a block stand before a bound, in the direction of the walk. */
  #passed(block: VersionBlock, bound: RangeBound): number {
    let low = 0, high = block.count;
    while (low < high) {
      const middle = low + high >>> 1;
      const isBelow = (compareRowKey(block, middle, bound.key) || block.lsn[middle] - bound.lsn) < 0;
      if (isBelow !== this.reverse) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A copy of the key of a row. */
export function rowKey(block: VersionBlock, row: number): Uint8Array<ArrayBuffer> {
  const start = block.keyStart[row];
  return block.bytes.slice(start, start + block.keyLength[row]) as Uint8Array<ArrayBuffer>;
}

/** Compares the key of a row with a key. */
export function compareRowKey(block: VersionBlock, row: number, key: Uint8Array): number {
  const { bytes } = block;
  const start = block.keyStart[row], keyLength = block.keyLength[row];
  const length = keyLength < key.length ? keyLength : key.length;
  for (let i = 0; i < length; i++) {
    const difference = bytes[start + i] - key[i];
    if (difference !== 0) return difference;
  }
  return keyLength - key.length;
}

/** Compares two rows by (key, LSN). Hot: `bench/merge_bench.ts`. */
export function compareRows(a: VersionBlock, i: number, b: VersionBlock, j: number): number {
  const aBytes = a.bytes, bBytes = b.bytes;
  const aStart = a.keyStart[i], bStart = b.keyStart[j];
  const aLength = a.keyLength[i], bLength = b.keyLength[j];
  const length = aLength < bLength ? aLength : bLength;
  for (let at = 0; at < length; at++) {
    const difference = aBytes[aStart + at] - bBytes[bStart + at];
    if (difference !== 0) return difference;
  }
  return aLength - bLength || a.lsn[i] - b.lsn[j];
}
