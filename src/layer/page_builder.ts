/**
 * Fills index pages with sorted entries.
 *
 * @module
 */

import { pageBytes } from "../base/mod.ts";
import { pageHeaderBytes, PageType, putUint, stampPage, uintWidth } from "./page_format.ts";

const mostEntries = pageBytes / 2;

/** Gathers sorted entries until a page is full, then encodes it. One builder serves many pages. */
export class PageBuilder {
  readonly #level: number;
  readonly #starts = new Uint32Array(mostEntries);
  readonly #keyLengths = new Uint16Array(mostEntries);
  readonly #lsns = new Float64Array(mostEntries);
  readonly #offsets = new Float64Array(mostEntries);
  readonly #lengths = new Float64Array(mostEntries);
  #bytes: Uint8Array = new Uint8Array(0);
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

  /** How many entries wait to be encoded. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds an entry, which stands after those before it. Hot: `bench/ingest.ts`.
   *
   * @param bytes The memory that holds every key of the page.
   * @param start Where the entry's key starts in it.
   * @param keyLength The key's length in bytes.
   * @param lsn The entry's LSN.
   * @param offset The offset of its run, or the number of the page under it.
   * @param taggedLength The length of its run times four with its flags; 0 above the leaves.
   * @returns Whether it fitted; if not, the page must be finished first.
   */
  add(
    bytes: Uint8Array,
    start: number,
    keyLength: number,
    lsn: number,
    offset: number,
    taggedLength: number,
  ): boolean {
    const count = this.#count;
    if (count === 0) return this.#addFirst(bytes, start, keyLength, lsn, offset, taggedLength);
    const first = this.#starts[0];
    const limit = keyLength < this.#prefix ? keyLength : this.#prefix;
    let prefix = 0;
    while (prefix < limit && bytes[first + prefix] === bytes[start + prefix]) prefix++;
    const minLsn = lsn < this.#minLsn ? lsn : this.#minLsn;
    const maxLsn = lsn > this.#maxLsn ? lsn : this.#maxLsn;
    const maxOffset = offset > this.#maxOffset ? offset : this.#maxOffset;
    const maxLength = taggedLength > this.#maxLength ? taggedLength : this.#maxLength;
    const entries = count + 1;
    const keyBytes = this.#keyBytes + keyLength;
    const width = uintWidth(maxLsn - minLsn) + uintWidth(maxOffset) + uintWidth(maxLength);
    const size = pageHeaderBytes + prefix + 2 * (entries + 1) + entries * width + keyBytes - entries * prefix;
    if (size > pageBytes || entries > mostEntries) return false;
    this.#prefix = prefix;
    this.#minLsn = minLsn;
    this.#maxLsn = maxLsn;
    this.#maxOffset = maxOffset;
    this.#maxLength = maxLength;
    this.#keyBytes = keyBytes;
    this.#set(count, start, keyLength, lsn, offset, taggedLength);
    return true;
  }

  #addFirst(
    bytes: Uint8Array,
    start: number,
    keyLength: number,
    lsn: number,
    offset: number,
    length: number,
  ): boolean {
    this.#bytes = bytes;
    this.#prefix = this.#keyBytes = keyLength;
    this.#minLsn = this.#maxLsn = lsn;
    this.#maxOffset = offset;
    this.#maxLength = length;
    this.#set(0, start, keyLength, lsn, offset, length);
    return true;
  }

  #set(at: number, start: number, keyLength: number, lsn: number, offset: number, length: number): void {
    this.#starts[at] = start;
    this.#keyLengths[at] = keyLength;
    this.#lsns[at] = lsn;
    this.#offsets[at] = offset;
    this.#lengths[at] = length;
    this.#count = at + 1;
  }

  /**
   * Encodes what was gathered and starts anew.
   *
   * @param page 8192 bytes that are overwritten.
   * @param seed The page's checksum seed.
   */
  finish(page: Uint8Array, seed: number): void {
    const count = this.#count;
    page.fill(0, 0, pageHeaderBytes);
    page[4] = PageType.INDEX;
    page[5] = this.#level;
    putUint(page, 6, 2, count);
    putUint(page, 8, 2, this.#prefix);
    page[10] = uintWidth(this.#maxLsn - this.#minLsn);
    page[11] = uintWidth(this.#maxOffset);
    page[12] = uintWidth(this.#maxLength);
    putUint(page, 16, 7, this.#minLsn);
    this.#encodeColumns(page, count);
    stampPage(page, seed);
    this.#count = 0;
  }

  #encodeColumns(page: Uint8Array, count: number): void {
    const prefix = this.#prefix;
    const bytes = this.#bytes;
    const lsnWidth = page[10], offsetWidth = page[11], lengthWidth = page[12];
    for (let i = 0; i < prefix; i++) page[pageHeaderBytes + i] = bytes[this.#starts[0] + i];
    let slot = pageHeaderBytes + prefix;
    const lsns = slot + (count + 1) * 2;
    const offsets = lsns + count * lsnWidth;
    const lengths = offsets + count * offsetWidth;
    let at = lengths + count * lengthWidth;
    for (let entry = 0; entry < count; entry++) {
      page[slot++] = at;
      page[slot++] = at >> 8;
      putUint(page, lsns + entry * lsnWidth, lsnWidth, this.#lsns[entry] - this.#minLsn);
      putUint(page, offsets + entry * offsetWidth, offsetWidth, this.#offsets[entry]);
      putUint(page, lengths + entry * lengthWidth, lengthWidth, this.#lengths[entry]);
      const start = this.#starts[entry];
      const end = start + this.#keyLengths[entry];
      for (let from = start + prefix; from < end; from++) page[at++] = bytes[from];
    }
    page[slot++] = at;
    page[slot++] = at >> 8;
    page.fill(0, at);
  }
}
