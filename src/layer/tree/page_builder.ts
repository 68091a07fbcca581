/**
 * Fills index pages with sorted slots.
 *
 * A key is kept without what it shares with the first key of the page. What all of them share can only become less;
 * what a key lacks then is what the first key has there.
 *
 * @module
 */

import { maxKeyBytes, pageBytes } from "../../base/mod.ts";
import {
  pageHeaderBytes,
  PageType,
  putColumn,
  putUint,
  stampPage,
  uintWidth,
} from "../formats/page_format.ts";
import type { VersionBlock } from "../version_cursor.ts";

/** A slot takes two bytes at the least. */
const mostSlots = pageBytes / 2;

/** What slots of a page hold besides their keys. */
class Columns {
  readonly room: number;
  /** Where the tail of each key ends. */
  readonly tailEnds: Uint16Array;
  /** How much of each key the first one had when it came. */
  readonly sharedLengths: Uint16Array;
  readonly lsns: Float64Array;
  readonly offsets: Float64Array;
  readonly lengths: Float64Array;
  readonly sums: Float64Array;
  readonly headSums: Float64Array;

  /** Makes room for so many slots, the first of which may be taken over. */
  constructor(room: number, from?: Columns) {
    this.room = room;
    this.tailEnds = new Uint16Array(room);
    this.sharedLengths = new Uint16Array(room);
    this.lsns = new Float64Array(room);
    this.offsets = new Float64Array(room);
    this.lengths = new Float64Array(room);
    this.sums = new Float64Array(room);
    this.headSums = new Float64Array(room);
    if (from === undefined) return;
    this.tailEnds.set(from.tailEnds);
    this.sharedLengths.set(from.sharedLengths);
    this.lsns.set(from.lsns);
    this.offsets.set(from.offsets);
    this.lengths.set(from.lengths);
    this.sums.set(from.sums);
    this.headSums.set(from.headSums);
  }
}

/** Gathers sorted slots until a page is full, then encodes it. One builder serves many pages. */
export class PageBuilder {
  readonly #level: number;
  readonly #first = new Uint8Array(maxKeyBytes);
  /** What each key has behind what it shared with the first when it came, back to back. */
  readonly #tails = new Uint8Array(pageBytes + maxKeyBytes);
  #columns = new Columns(0);
  #count = 0;
  #keyBytes = 0;
  #tailsUsed = 0;
  #prefix = 0;
  /** The smallest LSN, and the largest LSN, offset, length and checksums; and those without the row added last. */
  readonly #bounds = new Float64Array(6);
  readonly #before = new Float64Array(6);
  #width = 0;

  /**
   * Makes an empty builder.
   *
   * @param level The level of its pages; 0 for leaves.
   */
  constructor(level: number) {
    this.#level = level;
  }

  /** How many slots wait to be encoded. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds rows, which stand after those before them. Hot: `bench/seal_bench.ts`.
   *
   * @param block Where rows lie. Above the leaves their offsets are the numbers of pages.
   * @param from The first row.
   * @param to The row after the last one.
   * @returns The first row that did not fit: the page must be finished before it is added. An empty page takes one.
   */
  add(block: VersionBlock, from: number, to: number): number {
    if (from < to && this.#count === 0) this.#begin(block, from);
    const { tailEnds, sharedLengths, lsns, offsets, lengths, sums, headSums } = this.#roomFor(
      this.#count + to - from,
    );
    const { bytes, keyStart, keyLength } = block;
    const first = this.#first, tails = this.#tails, bounds = this.#bounds;
    let width = this.#width;
    let count = this.#count, prefix = this.#prefix, keyBytes = this.#keyBytes, tailEnd = this.#tailsUsed;
    let row = from;
    for (; row < to; row++) {
      const start = keyStart[row], length = keyLength[row];
      const limit = length < prefix ? length : prefix;
      let shared = 0;
      while (shared < limit && first[shared] === bytes[start + shared]) shared++;
      const lsn = block.lsn[row], offset = block.offset[row];
      const tagged = block.length[row] * 4 + block.flags[row];
      const sum = block.sum === undefined ? 0 : block.sum[row];
      const headSum = block.headSum === undefined ? 0 : block.headSum[row];
      let isWider = false;
      if (
        lsn < bounds[0] || lsn > bounds[1] || offset > bounds[2] || tagged > bounds[3] || sum > bounds[4] ||
        headSum > bounds[5]
      ) {
        width = widen(bounds, this.#before, lsn, offset, tagged, sum, headSum);
        isWider = true;
      }
      const slots = count + 1;
      const size = pageHeaderBytes + shared + 2 * (slots + 1) + slots * (width - shared) + keyBytes + length;
      if (size > pageBytes) {
        if (isWider) bounds.set(this.#before);
        break;
      }
      for (let i = shared; i < length; i++) tails[tailEnd++] = bytes[start + i];
      sharedLengths[count] = shared;
      tailEnds[count] = tailEnd;
      lsns[count] = lsn;
      offsets[count] = offset;
      lengths[count] = tagged;
      sums[count] = sum;
      headSums[count] = headSum;
      count = slots;
      prefix = shared;
      keyBytes += length;
    }
    this.#count = count;
    this.#width = width;
    this.#prefix = prefix;
    this.#keyBytes = keyBytes;
    this.#tailsUsed = tailEnd;
    return row;
  }

  /** The columns, with room for so many slots, or for as many as a page may have. */
  #roomFor(slots: number): Columns {
    const { room } = this.#columns, wanted = Math.min(slots, mostSlots);
    if (wanted > room) {
      this.#columns = new Columns(Math.min(mostSlots, Math.max(wanted, room * 2)), this.#columns);
    }
    return this.#columns;
  }

  #begin({ bytes, keyStart, keyLength }: VersionBlock, row: number): void {
    const start = keyStart[row], length = keyLength[row];
    for (let i = 0; i < length; i++) this.#first[i] = bytes[start + i];
    this.#prefix = length;
    this.#keyBytes = this.#tailsUsed = 0;
    this.#bounds.fill(0);
    this.#bounds[0] = Infinity;
  }

  /**
   * Encodes what was gathered and starts anew.
   *
   * @param page 8192 bytes that are overwritten.
   * @param seed The page's checksum seed.
   */
  finish(page: Uint8Array, seed: number): void {
    const count = this.#count, prefix = this.#prefix;
    page.fill(0, 0, pageHeaderBytes);
    page[4] = PageType.INDEX;
    page[5] = this.#level;
    putUint(page, 6, 2, count);
    putUint(page, 8, 2, prefix);
    const [minLsn, maxLsn, maxOffset, maxLength, maxSum, maxHeadSum] = this.#bounds;
    page[10] = uintWidth(maxLsn - minLsn);
    page[11] = uintWidth(maxOffset);
    page[12] = uintWidth(maxLength);
    page[13] = uintWidth(maxSum);
    page[14] = uintWidth(maxHeadSum);
    putUint(page, 16, 7, minLsn);
    for (let i = 0; i < prefix; i++) page[pageHeaderBytes + i] = this.#first[i];
    const starts = pageHeaderBytes + prefix, { lsns, offsets, lengths, sums, headSums } = this.#columns;
    let at = starts + (count + 1) * 2;
    at = putColumn(page, at, page[10], lsns, count, minLsn);
    at = putColumn(page, at, page[11], offsets, count, 0);
    at = putColumn(page, at, page[12], lengths, count, 0);
    at = putColumn(page, at, page[13], sums, count, 0);
    at = putColumn(page, at, page[14], headSums, count, 0);
    page.fill(0, this.#encodeKeys(page, starts, at));
    stampPage(page, seed);
    this.#count = 0;
  }

  /** Encodes where suffixes start, and suffixes; returns where they end. */
  #encodeKeys(page: Uint8Array, starts: number, suffixes: number): number {
    const prefix = this.#prefix, count = this.#count;
    const first = this.#first, tails = this.#tails, { tailEnds, sharedLengths } = this.#columns;
    let start = starts, at = suffixes, tail = 0;
    for (let slot = 0; slot < count; slot++) {
      page[start++] = at;
      page[start++] = at >> 8;
      const shared = sharedLengths[slot], tailEnd = tailEnds[slot];
      for (let i = prefix; i < shared; i++) page[at++] = first[i];
      while (tail < tailEnd) page[at++] = tails[tail++];
    }
    page[start++] = at;
    page[start++] = at >> 8;
    return at;
  }
}

/**
 * Widens the bounds of columns for a row.
 *
 * @returns The bytes that a row takes in the columns.
 */
function widen(
  bounds: Float64Array,
  before: Float64Array,
  lsn: number,
  offset: number,
  tagged: number,
  sum: number,
  headSum: number,
): number {
  for (let i = 0; i < bounds.length; i++) before[i] = bounds[i];
  if (lsn < bounds[0]) bounds[0] = lsn;
  if (lsn > bounds[1]) bounds[1] = lsn;
  if (offset > bounds[2]) bounds[2] = offset;
  if (tagged > bounds[3]) bounds[3] = tagged;
  if (sum > bounds[4]) bounds[4] = sum;
  if (headSum > bounds[5]) bounds[5] = headSum;
  return uintWidth(bounds[1] - bounds[0]) + uintWidth(bounds[2]) + uintWidth(bounds[3]) +
    uintWidth(bounds[4]) +
    uintWidth(bounds[5]);
}
