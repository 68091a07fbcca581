/**
 * The slots of a leaf as columns.
 *
 * @module
 */

import {
  columnsStart,
  getUint,
  pageCount,
  pageHeaderBytes,
  prefixLength,
  suffixStart,
} from "../formats/page_format.ts";
import { contradiction, isSoundSlot, type StoredLayer } from "../layer.ts";
import type { VersionBlock } from "../version_cursor.ts";

const leastRows = 512;
const leastBytes = 16 * 1024;
/** Prefixes longer than this are copied by the runtime, which takes longer to start. */
const longPrefix = 32;

/** A block that holds the versions of one leaf after another. Hot: `bench/merge_bench.ts`. */
export class LeafBlock implements VersionBlock {
  /** See {@linkcode VersionBlock.count}. */
  count = 0;
  /** See {@linkcode VersionBlock.bytes}. Equal keys that follow each other lie there once. */
  bytes: Uint8Array = new Uint8Array(leastBytes);
  /** See {@linkcode VersionBlock.keyStart}. */
  keyStart: Int32Array = new Int32Array(leastRows);
  /** See {@linkcode VersionBlock.keyLength}. */
  keyLength: Int32Array = new Int32Array(leastRows);
  /** See {@linkcode VersionBlock.lsn}. */
  lsn: Float64Array = new Float64Array(leastRows);
  /** See {@linkcode VersionBlock.offset}. */
  offset: Float64Array = new Float64Array(leastRows);
  /** See {@linkcode VersionBlock.length}. */
  length: Uint32Array = new Uint32Array(leastRows);
  /** See {@linkcode VersionBlock.flags}. */
  flags: Uint8Array = new Uint8Array(leastRows);

  /**
   * Reads a checked leaf.
   *
   * @param layer Its layer.
   * @param number The number of the page.
   * @param page The page.
   * @param reverse Whether its last slot becomes the first row.
   * @throws {CorruptionError} If a slot says what cannot be (P3).
   */
  load(layer: StoredLayer, number: number, page: Uint8Array, reverse: boolean): void {
    const count = pageCount(page);
    if (count > this.lsn.length) this.#growRows(count);
    this.count = count;
    this.#loadKeys(page, count, reverse);
    const first = reverse ? count - 1 : 0, step = reverse ? -1 : 1;
    const lsnWidth = page[10], offsetWidth = page[11], lengthWidth = page[12];
    const base = getUint(page, 16, 7);
    const lsns = columnsStart(page);
    const offsets = lsns + count * lsnWidth;
    const lengths = offsets + count * offsetWidth;
    for (let slot = 0, row = first; slot < count; slot++, row += step) {
      const lsn = base + getUint(page, lsns + slot * lsnWidth, lsnWidth);
      const offset = getUint(page, offsets + slot * offsetWidth, offsetWidth);
      const tagged = getUint(page, lengths + slot * lengthWidth, lengthWidth);
      const length = Math.floor(tagged / 4);
      if (!isSoundSlot(layer.description, lsn, offset, length, this.keyLength[row])) {
        throw contradiction(layer, number, `slot ${slot} to lead into the values of its layer`);
      }
      this.lsn[row] = lsn;
      this.offset[row] = offset;
      this.length[row] = length;
      this.flags[row] = tagged & 3;
    }
  }

  #loadKeys(page: Uint8Array, count: number, reverse: boolean): void {
    const prefix = prefixLength(page);
    const { keyStart, keyLength } = this;
    let at = 0, lastStart = 0, lastLength = -1;
    for (let slot = 0; slot < count; slot++) {
      const start = suffixStart(page, slot), length = suffixStart(page, slot + 1) - start;
      if (length !== lastLength || !isSame(page, start, lastStart, length)) {
        if (slot > 0) at += prefix + lastLength;
        this.#copyKey(page, prefix, start, length, at);
        lastStart = start;
        lastLength = length;
      }
      const row = reverse ? count - 1 - slot : slot;
      keyStart[row] = at;
      keyLength[row] = prefix + length;
    }
  }

  #copyKey(page: Uint8Array, prefix: number, start: number, length: number, to: number): void {
    if (to + prefix + length > this.bytes.length) this.#growBytes(to + prefix + length);
    const { bytes } = this;
    if (prefix > longPrefix) bytes.set(page.subarray(pageHeaderBytes, pageHeaderBytes + prefix), to);
    else for (let i = 0; i < prefix; i++) bytes[to + i] = page[pageHeaderBytes + i];
    for (let i = 0; i < length; i++) bytes[to + prefix + i] = page[start + i];
  }

  #growBytes(least: number): void {
    const bytes = new Uint8Array(least * 2);
    bytes.set(this.bytes);
    this.bytes = bytes;
  }

  #growRows(count: number): void {
    this.keyStart = new Int32Array(count);
    this.keyLength = new Int32Array(count);
    this.lsn = new Float64Array(count);
    this.offset = new Float64Array(count);
    this.length = new Uint32Array(count);
    this.flags = new Uint8Array(count);
  }
}

/** Whether two pieces of a page are the same; sorted neighbours differ at their ends first. */
function isSame(page: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = length - 1; i >= 0; i--) if (page[a + i] !== page[b + i]) return false;
  return true;
}
