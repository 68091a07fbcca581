/**
 * Walking the versions of an open or frozen layer.
 *
 * In sorted order every key is a cache miss, and its newest version another. What is needed of some hundred keys is
 * gathered by loops that do nothing but copy, so that the processor waits for many of them at once.
 *
 * @module
 */

import { compareKeys } from "../../base/mod.ts";
import { joinLsn } from "../formats/record_format.ts";
import { RangeWalk, VersionBlock, type VersionCursor, type VersionRange } from "../version_cursor.ts";
import { keyHash, keyLength, keyNewest, keyStart, keyStride } from "./key_table.ts";
import type { SortedVersions } from "./frozen_index.ts";
import {
  versionLength,
  versionLsnHigh,
  versionLsnLow,
  versionOffset,
  versionPrevious,
  versionStride,
} from "./version_fields.ts";

/** Rows of a block; what is gathered of them fits the first-level cache or nearly so. */
const mostRows = 512;

/**
 * Walks the versions that an index has now; versions that come later may or may not be among them. It sorts the keys
 * that are not sorted yet, in one go: `sortIndex` does it in slices before.
 *
 * @param index The index.
 * @param range Which versions, and which way.
 */
export function memoryCursor(index: SortedVersions, range: VersionRange = {}): VersionCursor {
  return new MemoryCursor(index, range);
}

type MemoryBlock = VersionBlock & { hash: Uint32Array };

class MemoryCursor implements VersionCursor {
  block: VersionBlock;
  at = 0;
  end = 0;
  ended: boolean;
  readonly #index: SortedVersions;
  readonly #walk: RangeWalk;
  readonly #sorted: Uint32Array;
  readonly #step: number;
  /** How many rows a block has room for: an index of a few versions needs few. */
  readonly #room: number;
  /** The key that is gathered next, and the one before which it stops, by their places in order. */
  #next: number;
  readonly #stop: number;
  /** Keys that were gathered, each with its newest version, and the first that is not in the block of rows yet. */
  readonly #keys: MemoryBlock;
  readonly #newest: Int32Array;
  #keysAt = 0;
  /** Rows, if a key among those that were gathered has older versions, and the version of each. */
  readonly #rows: MemoryBlock;
  readonly #versions: Int32Array;
  /** Versions of that key that are not in the block of rows yet, the next one last. One array serves for all keys. */
  readonly #chain: number[] = [];
  #isLast = false;

  constructor(index: SortedVersions, range: VersionRange) {
    this.#index = index;
    this.#walk = new RangeWalk(range);
    this.#sorted = index.sortedKeys();
    const room = this.#room = Math.max(1, Math.min(mostRows, index.versionCount));
    this.#keys = blockOfRows(room);
    this.#newest = new Int32Array(room);
    this.#rows = blockOfRows(room);
    this.#versions = new Int32Array(room);
    this.block = this.#keys;
    const { start, end, endLsn = 0, reverse = false } = range;
    const from = start === undefined ? 0 : this.#placeOf(start, false);
    const to = end === undefined ? this.#sorted.length : this.#placeOf(end, endLsn > 0);
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
      const order = compareKeys(this.#index.keys.keyOf(this.#sorted[middle]), key);
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
    if (this.#keysAt === this.#keys.count) this.#gather();
    if (this.#keysAt < this.#keys.count) this.#expand();
    this.at = this.#walk.firstRow(this.block);
    this.end = this.#walk.lastRow(this.block);
    const isGathered = this.#keysAt === this.#keys.count && this.#next === this.#stop;
    this.#isLast = isGathered || this.end < this.block.count;
  }

  /** Gathers the next keys and their newest versions, which are the block if no key among them has older ones. */
  #gather(): void {
    const block = this.#keys;
    block.count = Math.min(this.#room, (this.#stop - this.#next) * this.#step);
    const { bytes, fields } = this.#index.keys, sorted = this.#sorted, newest = this.#newest;
    block.bytes = bytes;
    for (let i = 0, at = this.#next; i < block.count; i++, at += this.#step) {
      const key = sorted[at] * keyStride;
      block.keyStart[i] = fields[key + keyStart];
      block.hash[i] = fields[key + keyHash];
      newest[i] = fields[key + keyNewest];
      block.keyLength[i] = fields[key + keyLength];
    }
    const hasOlder = gatherVersions(block, this.#newest, this.#index.versions);
    this.#next += block.count * this.#step;
    this.#keysAt = hasOlder ? 0 : block.count;
    this.block = block;
  }

  /** Fills the block of rows with gathered keys, each with all its versions. */
  #expand(): void {
    const rows = this.#rows, keys = this.#keys, chain = this.#chain;
    let count = 0;
    for (; this.#keysAt < keys.count; this.#keysAt++) {
      const key = this.#keysAt;
      if (chain.length === 0) this.#fillChain(this.#newest[key]);
      for (; chain.length > 0 && count < this.#room; count++) {
        rows.keyStart[count] = keys.keyStart[key];
        rows.keyLength[count] = keys.keyLength[key];
        rows.hash[count] = keys.hash[key];
        this.#versions[count] = chain.pop() as number;
      }
      if (chain.length > 0) break;
    }
    rows.count = count;
    rows.bytes = keys.bytes;
    gatherVersions(rows, this.#versions, this.#index.versions);
    this.block = rows;
  }

  /** Takes the versions of a key, the one that comes last in the walk first. */
  #fillChain(newest: number): void {
    const chain = this.#chain;
    for (let version = newest; version >= 0; version = this.#index.previous(version)) chain.push(version);
    if (this.#walk.reverse) chain.reverse();
  }
}

function blockOfRows(rows: number): MemoryBlock {
  const block = new VersionBlock(rows);
  block.hash = new Uint32Array(rows);
  return block as MemoryBlock;
}

/**
 * Gathers the versions of the rows, and brings their keys' bytes into the cache.
 *
 * @returns Whether any of them has an older one.
 */
function gatherVersions(block: VersionBlock, versions: Int32Array, fields: Int32Array): boolean {
  const { count, bytes } = block;
  let older = -1, touched = 0;
  for (let i = 0; i < count; i++) {
    const version = versions[i] * versionStride;
    const tagged = fields[version + versionLength];
    block.offset[i] = fields[version + versionOffset] >>> 0;
    block.length[i] = tagged >>> 2;
    block.flags[i] = tagged & 3;
    block.lsn[i] = joinLsn(fields[version + versionLsnLow] >>> 0, fields[version + versionLsnHigh]);
    // Older versions have ids ≥ 0: all bits of −1 stay set only if there is none.
    older &= fields[version + versionPrevious];
    touched ^= bytes[block.keyStart[i]];
  }
  // No xor of bytes is negative; to ask keeps the loop.
  return older !== -1 || touched < 0;
}
