/**
 * Walking the versions of an open or frozen layer.
 *
 * In sorted order every key is a cache miss, and its newest version another. What is needed of some hundred keys is
 * gathered by loops that do nothing but copy, so that the processor waits for many of them at once.
 *
 * @module
 */

import { compareKeys } from "../../base/mod.ts";
import { terminalFlag, tombstoneFlag } from "../formats/page_format.ts";
import { joinLsn } from "../formats/record_format.ts";
import { RangeWalk, type VersionBlock, type VersionCursor, type VersionRange } from "../version_cursor.ts";
import { keyHash, keyLength, keyNewest, keyStart, keyStride } from "./key_table.ts";
import type { MemoryIndex } from "./memory_index.ts";
import {
  lengthMask,
  tombstoneBit,
  versionLsnHigh,
  versionLsnLow,
  versionOffset,
  versionPrevious,
  versionStride,
  versionTagged,
} from "./version_table.ts";

/** Rows of a block; what is gathered of them fits the first-level cache or nearly so. */
const blockRows = 512;

/**
 * Walks the versions that an index has now; versions that come later may or may not be among them. It sorts the keys
 * that are not sorted yet, in one go: `sortIndex` does it in slices before.
 *
 * @param index The index.
 * @param range Which versions, and which way.
 */
export function memoryCursor(index: MemoryIndex, range: VersionRange = {}): VersionCursor {
  return new MemoryCursor(index, range);
}

class MemoryBlock implements VersionBlock {
  count = 0;
  bytes: Uint8Array = new Uint8Array(0);
  readonly keyStart: Int32Array = new Int32Array(blockRows);
  readonly keyLength: Int32Array = new Int32Array(blockRows);
  readonly lsn: Float64Array = new Float64Array(blockRows);
  readonly offset: Float64Array = new Float64Array(blockRows);
  readonly length: Uint32Array = new Uint32Array(blockRows);
  readonly flags: Uint8Array = new Uint8Array(blockRows);
  readonly hash: Uint32Array = new Uint32Array(blockRows);
  /** The version of each row. */
  readonly version: Int32Array = new Int32Array(blockRows);
  /** Keeps the loop that brings keys' bytes into the cache. */
  touched = 0;
}

class MemoryCursor implements VersionCursor {
  block: MemoryBlock;
  at = 0;
  end = 0;
  ended = false;
  readonly #index: MemoryIndex;
  readonly #walk: RangeWalk;
  readonly #sorted: Uint32Array;
  readonly #step: number;
  /** The key that is gathered next, and the one before which it stops, by their places in order. */
  #next: number;
  readonly #stop: number;
  /** The newest versions of keys that were gathered, and the first of them that is not in the block of rows yet. */
  readonly #newest = new MemoryBlock();
  #newestAt = 0;
  readonly #rows = new MemoryBlock();
  /** Versions of that key that are not in the block of rows yet, the next one last. */
  #chain: number[] = [];
  #isLast = false;

  constructor(index: MemoryIndex, range: VersionRange) {
    this.#index = index;
    this.#walk = new RangeWalk(range);
    this.#sorted = index.sortedKeys();
    this.block = this.#newest;
    const from = range.start === undefined ? 0 : this.#placeOf(range.start, false);
    const to = range.end === undefined
      ? this.#sorted.length
      : this.#placeOf(range.end, (range.endLsn ?? 0) > 0);
    const { reverse } = this.#walk;
    this.#step = reverse ? -1 : 1;
    this.#next = reverse ? to - 1 : from;
    this.#stop = reverse ? from - 1 : to;
    this.ended = this.#walk.isEmpty;
  }

  /** How many keys stand before a key, or before and at it. */
  #placeOf(key: Uint8Array, inclusive: boolean): number {
    let low = 0, high = this.#sorted.length;
    while (low < high) {
      const middle = low + high >>> 1;
      const order = compareKeys(this.#index.keyOf(this.#sorted[middle]), key);
      if (order < 0 || inclusive && order === 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  settle(): boolean {
    while (this.at >= this.end && !this.ended) {
      if (this.#isLast) this.ended = true;
      else this.#load();
    }
    return true;
  }

  step(rows = 1): void {
    this.at += rows;
  }

  #load(): void {
    if (this.#newestAt === this.#newest.count) this.#gather();
    if (this.#newestAt < this.#newest.count) this.#expand();
    this.at = this.#walk.firstRow(this.block);
    this.end = this.#walk.lastRow(this.block);
    const isGathered = this.#newestAt === this.#newest.count && this.#next === this.#stop;
    this.#isLast = isGathered || this.end < this.block.count;
  }

  /** Gathers the next keys and their newest versions, which are the block if no key among them has older ones. */
  #gather(): void {
    const block = this.#newest;
    const { keys, versions } = this.#index;
    const count = Math.min(blockRows, (this.#stop - this.#next) * this.#step);
    block.count = count;
    block.bytes = keys.bytes;
    gatherKeys(block, keys.fields, this.#sorted, this.#next, this.#step);
    const hasOlder = gatherVersions(block, versions.fields);
    this.#next += count * this.#step;
    this.#newestAt = hasOlder ? 0 : count;
    this.block = block;
  }

  /** Fills the block of rows with gathered versions and, beside each, the older versions of its key. */
  #expand(): void {
    const rows = this.#rows, newest = this.#newest;
    rows.bytes = newest.bytes;
    rows.count = 0;
    this.block = rows;
    for (; this.#newestAt < newest.count; this.#newestAt++) {
      const from = this.#newestAt;
      if (this.#chain.length === 0) this.#chain = this.#chainOf(newest.version[from]);
      while (this.#chain.length > 0) {
        if (rows.count === blockRows) return;
        this.#addRow(from, this.#chain.pop() as number);
      }
    }
  }

  /** The versions of a key, the one that comes last in the walk first. */
  #chainOf(newest: number): number[] {
    const chain: number[] = [];
    for (let version = newest; version >= 0; version = this.#index.previous(version)) chain.push(version);
    return this.#walk.reverse ? chain.reverse() : chain;
  }

  #addRow(from: number, version: number): void {
    const rows = this.#rows, newest = this.#newest;
    const row = rows.count++;
    rows.keyStart[row] = newest.keyStart[from];
    rows.keyLength[row] = newest.keyLength[from];
    rows.hash[row] = newest.hash[from];
    rows.lsn[row] = this.#index.lsnOf(version);
    rows.offset[row] = this.#index.offsetOf(version);
    rows.length[row] = this.#index.lengthOf(version);
    rows.flags[row] = this.#index.flagsOf(version);
  }
}

function gatherKeys(
  block: MemoryBlock,
  keys: Int32Array,
  ids: Uint32Array,
  from: number,
  step: number,
): void {
  const { count } = block;
  for (let i = 0, at = from; i < count; i++, at += step) {
    const fields = ids[at] * keyStride;
    block.keyStart[i] = keys[fields + keyStart];
    block.hash[i] = keys[fields + keyHash];
    block.version[i] = keys[fields + keyNewest];
    block.keyLength[i] = keys[fields + keyLength];
  }
}

/** Gathers the versions of the rows; returns whether any of them has an older one. */
function gatherVersions(block: MemoryBlock, versions: Int32Array): boolean {
  const { count, bytes } = block;
  let touched = 0, older = -1;
  for (let i = 0; i < count; i++) {
    const fields = block.version[i] * versionStride;
    const tagged = versions[fields + versionTagged];
    block.offset[i] = versions[fields + versionOffset] >>> 0;
    block.length[i] = tagged & lengthMask;
    block.flags[i] = tagged & tombstoneBit ? terminalFlag | tombstoneFlag : terminalFlag;
    block.lsn[i] = joinLsn(versions[fields + versionLsnLow] >>> 0, versions[fields + versionLsnHigh]);
    // Older versions have ids ≥ 0: all bits of −1 stay set only if there is none.
    older &= versions[fields + versionPrevious];
    touched ^= bytes[block.keyStart[i]];
  }
  block.touched = touched;
  return older !== -1;
}
