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
  runFlag,
  suffixStart,
} from "../formats/page_format.ts";
import { checkRun, checkSlot, type StoredLayer } from "../layer.ts";
import { isSameSpan } from "../spans.ts";
import type { VersionBlock } from "../version_cursor.ts";

/** Prefixes longer than this are copied by the runtime, which takes longer to start. */
const longPrefix = 32;

/**
 * Reads a checked leaf into a block. Equal keys that follow each other lie there once. Hot: `bench/merge_bench.ts`.
 *
 * @param block Where to.
 * @param layer The layer of the leaf.
 * @param number The number of the page.
 * @param page The page.
 * @param reverse Whether its last slot becomes the first row.
 * @throws {CorruptionError} If a slot says what cannot be (P3).
 */
export function loadLeaf(
  block: VersionBlock,
  layer: StoredLayer,
  number: number,
  page: Uint8Array,
  reverse: boolean,
): void {
  const count = pageCount(page);
  block.reserve(count, 0);
  block.count = count;
  loadKeys(block, page, reverse);
  const lsnWidth = page[10], offsetWidth = page[11], lengthWidth = page[12];
  const base = getUint(page, 16, 7);
  const lsns = columnsStart(page);
  const offsets = lsns + count * lsnWidth;
  const lengths = offsets + count * offsetWidth;
  for (let slot = 0; slot < count; slot++) {
    const row = reverse ? count - 1 - slot : slot;
    const lsn = base + getUint(page, lsns + slot * lsnWidth, lsnWidth);
    const offset = getUint(page, offsets + slot * offsetWidth, offsetWidth);
    const tagged = getUint(page, lengths + slot * lengthWidth, lengthWidth);
    const length = Math.floor(tagged / 4);
    if ((tagged & 3) === runFlag) checkRun(layer, number, lsn, offset, length);
    else checkSlot(layer, number, lsn, offset, length, block.keyLength[row]);
    block.lsn[row] = lsn;
    block.offset[row] = offset;
    block.length[row] = length;
    block.flags[row] = tagged & 3;
  }
  if (page[13] + page[14] > 0) loadSums(block, page, lengths + count * lengthWidth, reverse);
  else block.sum = block.headSum = undefined;
}

function loadSums(block: VersionBlock, page: Uint8Array, start: number, reverse: boolean): void {
  const { count } = block, { sum, headSum } = block.withSums();
  const sumWidth = page[13], headSumWidth = page[14], headSums = start + count * sumWidth;
  for (let slot = 0; slot < count; slot++) {
    const row = reverse ? count - 1 - slot : slot;
    sum[row] = getUint(page, start + slot * sumWidth, sumWidth);
    headSum[row] = getUint(page, headSums + slot * headSumWidth, headSumWidth);
  }
}

function loadKeys(block: VersionBlock, page: Uint8Array, reverse: boolean): void {
  const { count, keyStart, keyLength } = block;
  const prefix = prefixLength(page);
  let at = 0, lastStart = 0, lastLength = -1;
  for (let slot = 0; slot < count; slot++) {
    const start = suffixStart(page, slot), length = suffixStart(page, slot + 1) - start;
    if (length !== lastLength || !isSameSpan(page, start, page, lastStart, length)) {
      if (slot > 0) at += prefix + lastLength;
      copyKey(block, page, prefix, start, length, at);
      lastStart = start;
      lastLength = length;
    }
    const row = reverse ? count - 1 - slot : slot;
    keyStart[row] = at;
    keyLength[row] = prefix + length;
  }
}

function copyKey(
  block: VersionBlock,
  page: Uint8Array,
  prefix: number,
  start: number,
  length: number,
  to: number,
): void {
  if (to + prefix + length > block.bytes.length) block.reserve(0, to + prefix + length);
  const { bytes } = block;
  if (prefix > longPrefix) bytes.set(page.subarray(pageHeaderBytes, pageHeaderBytes + prefix), to);
  else for (let i = 0; i < prefix; i++) bytes[to + i] = page[pageHeaderBytes + i];
  for (let i = 0; i < length; i++) bytes[to + prefix + i] = page[start + i];
}
