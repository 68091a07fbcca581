/**
 * Pages: what the index and the filter of a stored layer are made of. 8192 bytes, little-endian.
 *
 * ```
 *   0       4      5       6       8              10          11            12            16
 *   ┌───────┬──────┬───────┬───────┬──────────────┬───────────┬─────────────┬─────────────┬──────────┐
 *   │ crc32 │ type │ level │ count │ prefixLength │ lsnWidth  │ offsetWidth │ lengthWidth │ lsn base │
 *   └───────┴──────┴───────┴───────┴──────────────┴───────────┴─────────────┴─────────────┴──────────┘
 *   24           24 + prefixLength
 *   ┌────────┬──────────────────┬──────────────┬─────────┬─────────┬───────────────────┬─────────┐
 *   │ prefix │ starts (count+1) │ LSNs − base  │ offsets │ lengths │ suffixes of keys  │ zeros … │
 *   └────────┴──────────────────┴──────────────┴─────────┴─────────┴───────────────────┴─────────┘
 *     bytes    u16 each           lsnWidth each  …         …         bytes
 * ```
 *
 * The checksum covers the rest of the page and is seeded with the file's id and the page's number, so that a page
 * that was written elsewhere, or read from elsewhere, does not check. Slots are in the order of (key, LSN). In a
 * leaf (level 0) a slot says: from here on, this run of bytes; the low two bits of its length are flags. Above, it
 * says: from here on, this page. Numbers of a page take as many bytes as its largest needs.
 *
 * P1  Slots strictly increase by (key, LSN).
 * P2  The first slot of a page stands in its parent.
 * P3  The run of a slot lies in the values area; a page under another one has a smaller number and the next lower
 *     level. Whoever follows a slot checks it.
 *
 * @module
 */

import { crc32, maxKeyBytes, pageBytes } from "../../base/mod.ts";
import { compareSpans, isSameSpan } from "../spans.ts";
import { putWord, wordAt } from "./word.ts";

/** What a page is. */
export const PageType = {
  /** A page of the index. */
  INDEX: 0xb1,
  /** A page of the filter. */
  FILTER: 0xb2,
} as const;

/** The bytes of an index page before its prefix. */
export const pageHeaderBytes = 24;
/** The flag *terminal* of a version: nothing older is needed. */
export const terminalFlag = 1;
/** The flag *tombstone* of a version. */
export const tombstoneFlag = 2;
/** What stands in the place of flags in a slot that leads to a run: no version is a tombstone and needs older ones. */
export const runFlag = 2;

/** Returns the checksum seed that binds a page to its file and its place. */
export function pageSeed(fileSeed: number, page: number): number {
  return (fileSeed ^ Math.imul(page + 1, 0x9e3779b1)) >>> 0;
}

/** Sets the checksum of a page that is otherwise complete. */
export function stampPage(page: Uint8Array, seed: number): void {
  putWord(page, 0, crc32(page.subarray(4), seed));
}

/** Whether a page's checksum is right and its type is as expected. */
export function isPageIntact(page: Uint8Array, seed: number, type: number): boolean {
  const stored = wordAt(page, 0);
  return stored === crc32(page.subarray(4, pageBytes), seed) && page[4] === type;
}

/** Writes an unsigned integer of `width` bytes. */
export function putUint(page: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  for (let i = 0; i < width; i++) {
    page[at + i] = rest & 0xff;
    rest = rest >= 0x80000000 ? Math.floor(rest / 256) : rest >> 8;
  }
}

/**
 * Writes a column: `count` values less `base`, of `width` bytes each. Hot: `bench/seal_bench.ts`.
 *
 * @returns Where the column ends.
 */
export function putColumn(
  page: Uint8Array,
  start: number,
  width: number,
  values: Float64Array,
  count: number,
  base: number,
): number {
  let at = start;
  if (width > 4) { for (let i = 0; i < count; i++, at += width) putUint(page, at, width, values[i] - base); }
  else {
    for (let i = 0; i < count; i++) {
      let rest = values[i] - base | 0;
      for (let byte = 0; byte < width; byte++) {
        page[at++] = rest;
        rest >>>= 8;
      }
    }
  }
  return at;
}

/** Reads an unsigned integer of `width` bytes. */
export function getUint(page: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + page[at + i];
  return value;
}

/** The bytes that an unsigned integer needs. */
export function uintWidth(value: number): number {
  let width = 0;
  for (let rest = value; rest >= 1; rest /= 256) width++;
  return width;
}

/** The level of a page; 0 is a leaf. */
export function pageLevel(page: Uint8Array): number {
  return page[5];
}

/** How many slots a page has. */
export function pageCount(page: Uint8Array): number {
  return page[6] | page[7] << 8;
}

/** The length of what all keys of a page start with, in bytes; it stands at {@linkcode pageHeaderBytes}. */
export function prefixLength(page: Uint8Array): number {
  return page[8] | page[9] << 8;
}

/** Where the columns of LSNs, offsets, lengths and both checksums start, in this order. */
export function columnsStart(page: Uint8Array): number {
  return pageHeaderBytes + prefixLength(page) + (pageCount(page) + 1) * 2;
}

/** Where what follows the prefix in the key of a slot starts; it ends where that of the next slot starts. */
export function suffixStart(page: Uint8Array, slot: number): number {
  const at = pageHeaderBytes + prefixLength(page) + slot * 2;
  return page[at] | page[at + 1] << 8;
}

/** The LSN of a slot. */
export function slotLsn(page: Uint8Array, slot: number): number {
  const width = page[10];
  return getUint(page, 16, 7) + getUint(page, columnsStart(page) + slot * width, width);
}

/** The offset of a slot's run in its file, or the number of the page under it. */
export function slotOffset(page: Uint8Array, slot: number): number {
  const width = page[11];
  return getUint(page, columnsStart(page) + pageCount(page) * page[10] + slot * width, width);
}

/** The length of a slot's run in bytes, times four, with its flags. */
export function slotTaggedLength(page: Uint8Array, slot: number): number {
  const width = page[12];
  return getUint(page, columnsStart(page) + pageCount(page) * (page[10] + page[11]) + slot * width, width);
}

/** The checksum of a slot's run of records; 0 where it leads to anything else. */
export function slotSum(page: Uint8Array, slot: number): number {
  const width = page[13], before = page[10] + page[11] + page[12];
  return getUint(page, columnsStart(page) + pageCount(page) * before + slot * width, width);
}

/** The checksum of the heads of a slot's run of records; 0 where it leads to anything else. */
export function slotHeadSum(page: Uint8Array, slot: number): number {
  const width = page[14], before = page[10] + page[11] + page[12] + page[13];
  return getUint(page, columnsStart(page) + pageCount(page) * before + slot * width, width);
}

/** Whether the key of a slot is `key`. */
export function slotKeyEquals(page: Uint8Array, slot: number, key: Uint8Array): boolean {
  const prefix = prefixLength(page);
  const start = suffixStart(page, slot), length = suffixStart(page, slot + 1) - start;
  return prefix + length === key.length && isSameSpan(page, start, key, prefix, length) &&
    isSameSpan(page, pageHeaderBytes, key, 0, prefix);
}

/**
 * Finds the last slot at or before (key, LSN). Hot: `bench/read.ts`.
 *
 * @returns Its number, or −1 if every slot stands after.
 */
export function searchPage(page: Uint8Array, key: Uint8Array, lsn: number): number {
  const prefix = prefixLength(page);
  const count = pageCount(page);
  const order = compareSpans(key, 0, Math.min(key.length, prefix), page, pageHeaderBytes, prefix);
  if (order < 0) return -1;
  if (order > 0) return count - 1;
  const starts = pageHeaderBytes + prefix;
  let low = 0, high = count;
  while (low < high) {
    const middle = low + high >>> 1;
    const at = starts + middle * 2;
    const start = page[at] | page[at + 1] << 8;
    const end = page[at + 2] | page[at + 3] << 8;
    const difference = compareSpans(page, start, end - start, key, prefix, key.length - prefix);
    const after = difference > 0 || difference === 0 && slotLsn(page, middle) > lsn;
    if (after) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

/** Whether a key starts with what all keys of a page start with. */
export function startsWithPrefix(page: Uint8Array, key: Uint8Array): boolean {
  const prefix = prefixLength(page);
  return key.length >= prefix && isSameSpan(page, pageHeaderBytes, key, 0, prefix);
}

/** Whether a slot stands behind (key, LSN), of a key that {@linkcode startsWithPrefix}. */
export function isSlotBehind(page: Uint8Array, slot: number, key: Uint8Array, lsn: number): boolean {
  const prefix = prefixLength(page), at = pageHeaderBytes + prefix + slot * 2;
  const start = page[at] | page[at + 1] << 8, end = page[at + 2] | page[at + 3] << 8;
  const difference = compareSpans(page, start, end - start, key, prefix, key.length - prefix);
  return difference > 0 || difference === 0 && slotLsn(page, slot) > lsn;
}

/**
 * Whether the numbers of an index page, whose checksum is right, agree with each other, so that reading any slot
 * stays inside the page and finds a key that is one by its length.
 */
export function isSoundIndexPage(page: Uint8Array): boolean {
  const count = pageCount(page);
  const prefix = prefixLength(page);
  if (count === 0 || page[10] > 7 || page[11] > 6 || page[12] > 5 || page[13] > 4 || page[14] > 4) {
    return false;
  }
  const columnsEnd = columnsStart(page) + count * (page[10] + page[11] + page[12] + page[13] + page[14]);
  if (columnsEnd > pageBytes || prefix > pageBytes) return false;
  let last = suffixStart(page, 0);
  if (last < columnsEnd) return false;
  for (let slot = 1; slot <= count; slot++) {
    const start = suffixStart(page, slot), keyLength = prefix + start - last;
    if (start < last || start > pageBytes || keyLength === 0 || keyLength > maxKeyBytes) return false;
    last = start;
  }
  return true;
}
