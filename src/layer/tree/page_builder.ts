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

/** Gathers sorted slots until a page is full, then encodes it. One builder serves many pages. */
export class PageBuilder {
  readonly #level: number;
  readonly #first = new Uint8Array(maxKeyBytes);
  #firstLength = 0;
  /** What each key has behind what it shared with the first when it came, back to back. */
  readonly #tails = new Uint8Array(pageBytes + maxKeyBytes);
  readonly #tailEnd = new Uint16Array(mostSlots);
  readonly #shared = new Uint16Array(mostSlots);
  readonly #lsns = new Float64Array(mostSlots);
  readonly #offsets = new Float64Array(mostSlots);
  readonly #lengths = new Float64Array(mostSlots);
  #count = 0;
  #keyBytes = 0;
  #prefix = 0;
  #minLsn = 0;
  #maxLsn = 0;
  #maxOffset = 0;
  #maxLength = 0;

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
    if (from === to) return to;
    let row = from;
    if (this.#count === 0) this.#addFirst(block, row++);
    const { bytes, keyStart, keyLength } = block;
    const first = this.#first, tails = this.#tails;
    let count = this.#count,
      prefix = this.#prefix,
      keyBytes = this.#keyBytes,
      tailEnd = this.#tailEnd[count - 1];
    let minLsn = this.#minLsn,
      maxLsn = this.#maxLsn,
      maxOffset = this.#maxOffset,
      maxLength = this.#maxLength;
    let width = uintWidth(maxLsn - minLsn) + uintWidth(maxOffset) + uintWidth(maxLength);
    for (; row < to; row++) {
      const start = keyStart[row], length = keyLength[row];
      const limit = length < prefix ? length : prefix;
      let shared = 0;
      while (shared < limit && first[shared] === bytes[start + shared]) shared++;
      const lsn = block.lsn[row],
        offset = block.offset[row],
        tagged = block.length[row] * 4 + block.flags[row];
      if (lsn < minLsn || lsn > maxLsn || offset > maxOffset || tagged > maxLength) {
        // A row that turns out not to fit is the last one, so that what is not kept does not matter.
        if (lsn < minLsn) minLsn = lsn;
        else if (lsn > maxLsn) maxLsn = lsn;
        if (offset > maxOffset) maxOffset = offset;
        if (tagged > maxLength) maxLength = tagged;
        width = uintWidth(maxLsn - minLsn) + uintWidth(maxOffset) + uintWidth(maxLength);
      }
      const slots = count + 1;
      const size = pageHeaderBytes + shared + 2 * (slots + 1) + slots * width + keyBytes + length -
        slots * shared;
      if (size > pageBytes) break;
      for (let i = shared; i < length; i++) tails[tailEnd++] = bytes[start + i];
      this.#shared[count] = shared;
      this.#tailEnd[count] = tailEnd;
      this.#lsns[count] = lsn;
      this.#offsets[count] = offset;
      this.#lengths[count] = tagged;
      count = slots;
      prefix = shared;
      keyBytes += length;
      this.#minLsn = minLsn;
      this.#maxLsn = maxLsn;
      this.#maxOffset = maxOffset;
      this.#maxLength = maxLength;
    }
    this.#count = count;
    this.#prefix = prefix;
    this.#keyBytes = keyBytes;
    return row;
  }

  #addFirst(block: VersionBlock, row: number): void {
    const start = block.keyStart[row], length = block.keyLength[row];
    for (let i = 0; i < length; i++) this.#first[i] = block.bytes[start + i];
    this.#firstLength = this.#prefix = this.#keyBytes = length;
    this.#shared[0] = length;
    this.#tailEnd[0] = 0;
    this.#lsns[0] = this.#minLsn = this.#maxLsn = block.lsn[row];
    this.#offsets[0] = this.#maxOffset = block.offset[row];
    this.#lengths[0] = this.#maxLength = block.length[row] * 4 + block.flags[row];
    this.#count = 1;
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
    page[10] = uintWidth(this.#maxLsn - this.#minLsn);
    page[11] = uintWidth(this.#maxOffset);
    page[12] = uintWidth(this.#maxLength);
    putUint(page, 16, 7, this.#minLsn);
    for (let i = 0; i < prefix; i++) page[pageHeaderBytes + i] = this.#first[i];
    const starts = pageHeaderBytes + prefix;
    let at = starts + (count + 1) * 2;
    at = putColumn(page, at, page[10], this.#lsns, count, this.#minLsn);
    at = putColumn(page, at, page[11], this.#offsets, count, 0);
    at = putColumn(page, at, page[12], this.#lengths, count, 0);
    page.fill(0, this.#encodeKeys(page, starts, at));
    stampPage(page, seed);
    this.#count = 0;
  }

  /** Encodes where suffixes start, and suffixes; returns where they end. */
  #encodeKeys(page: Uint8Array, starts: number, suffixes: number): number {
    const prefix = this.#prefix, count = this.#count;
    const first = this.#first, tails = this.#tails;
    let start = starts, at = suffixes, tail = 0;
    for (let slot = 0; slot < count; slot++) {
      page[start++] = at;
      page[start++] = at >> 8;
      const shared = this.#shared[slot], tailEnd = this.#tailEnd[slot];
      for (let i = prefix; i < shared; i++) page[at++] = first[i];
      while (tail < tailEnd) page[at++] = tails[tail++];
    }
    page[start++] = at;
    page[start++] = at >> 8;
    return at;
  }
}
