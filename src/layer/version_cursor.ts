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

import { compareKeys, type Lsn, viewOf } from "../base/mod.ts";
import type { PageSet } from "../objects/mod.ts";
import { compareSpans } from "./spans.ts";

/** Where a cursor finds pages; a {@linkcode PageSet} is one. */
export type PageSource =
  & Pick<PageSet, "get" | "want" | "take" | "fetch" | "getRange" | "wantRange" | "takeRange">
  & Partial<Pick<PageSet, "listed" | "giveBack">>;

/** For cursors over memory, which need no pages. */
export const noPages: PageSource = {
  get: () => undefined,
  want: () => {},
  take: () => undefined,
  fetch: () => Promise.resolve(),
  getRange: () => undefined,
  wantRange: () => {},
  takeRange: () => undefined,
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

/** Some hundred versions, in columns. Who is lent a block only reads it. */
export class VersionBlock {
  /** How many rows there are. */
  count = 0;
  /** The memory that keys lie in. */
  bytes: Uint8Array = new Uint8Array(0);
  #view = viewOf(this.bytes);
  #viewed = this.bytes;
  /** Where each version's key starts in it. */
  keyStart: Int32Array = new Int32Array(0);
  /** The length of each key in bytes. */
  keyLength: Int32Array = new Int32Array(0);
  /** The LSN of each version. */
  lsn: Float64Array = new Float64Array(0);
  /** The offset of its run of bytes in the object. */
  offset: Float64Array = new Float64Array(0);
  /** The length of its run in bytes. */
  length: Uint32Array = new Uint32Array(0);
  /** Its flags: {@linkcode terminalFlag}, {@linkcode tombstoneFlag}. */
  flags: Uint8Array = new Uint8Array(0);
  /** The hash of each key, where it is known. */
  hash: Uint32Array | undefined;
  /** The checksum of each run, and that of its heads, where rows are slots of which some lead to runs. */
  sum: Uint32Array | undefined;
  /** See {@linkcode sum}. */
  headSum: Uint32Array | undefined;
  /**
   * Whether keys lie in their records, which were checked: {@linkcode recordHeaderBytes} before a key starts its record,
   * behind it lies its value. That memory stays as it is for who keeps it, unless pages take it back (`PageSource.giveBack`).
   */
  hasRecords: boolean = false;

  /** Makes a block with room for so many rows and so many bytes of keys. */
  constructor(rows: number = 0, keyBytes: number = 0) {
    this.reserve(rows, keyBytes);
  }

  /** The memory that it has room in, in bytes. */
  get byteLength(): number {
    const { bytes, keyStart, keyLength, lsn, offset, length, flags, hash } = this;
    const rows = keyStart.byteLength + keyLength.byteLength + lsn.byteLength + offset.byteLength;
    return bytes.byteLength + rows + length.byteLength + flags.byteLength + (hash?.byteLength ?? 0);
  }

  /** A view of {@linkcode bytes}. */
  get view(): DataView {
    if (this.#viewed !== this.bytes) {
      this.#viewed = this.bytes;
      this.#view = viewOf(this.bytes);
    }
    return this.#view;
  }

  /** Sees to it that there is room for so many rows, and for so many bytes of keys. */
  reserve(rows: number, keyBytes: number): void {
    const most = this.bytes.length;
    if (keyBytes > most) this.bytes = grown(this.bytes, new Uint8Array(Math.max(keyBytes, most * 2)));
    if (rows <= this.lsn.length) return;
    const count = Math.max(rows, this.lsn.length * 2);
    this.keyStart = grown(this.keyStart, new Int32Array(count));
    this.keyLength = grown(this.keyLength, new Int32Array(count));
    this.lsn = grown(this.lsn, new Float64Array(count));
    this.offset = grown(this.offset, new Float64Array(count));
    this.length = grown(this.length, new Uint32Array(count));
    this.flags = grown(this.flags, new Uint8Array(count));
    if (this.sum !== undefined) this.sum = grown(this.sum, new Uint32Array(count));
    if (this.headSum !== undefined) this.headSum = grown(this.headSum, new Uint32Array(count));
  }

  /** Gives it columns of checksums, unless it has them. */
  withSums(): { sum: Uint32Array; headSum: Uint32Array } {
    const sum = this.sum ??= new Uint32Array(this.lsn.length);
    const headSum = this.headSum ??= new Uint32Array(this.lsn.length);
    return { sum, headSum };
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
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
export function compareRowKey(
  { bytes, keyStart, keyLength }: VersionBlock,
  row: number,
  key: Uint8Array,
): number {
  return compareSpans(bytes, keyStart[row], keyLength[row], key, 0, key.length);
}

/** Compares two rows by (key, LSN). Hot: `bench/merge_bench.ts`. */
export function compareRows(a: VersionBlock, i: number, b: VersionBlock, j: number): number {
  return compareSpans(a.bytes, a.keyStart[i], a.keyLength[i], b.bytes, b.keyStart[j], b.keyLength[j]) ||
    a.lsn[i] - b.lsn[j];
}
