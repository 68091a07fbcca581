/**
 * Versions of one batch in the order of their keys.
 *
 * Most batches are of some hundred changes, of keys in no order. Their heads are sorted as numbers, with the number of
 * the row in the lowest digits, so that no function is called for a comparison: some 40 ns a row.
 *
 * ```
 *   53 bits:  │ 5 bytes of the key, behind what all have │ which of the rows │
 * ```
 *
 * @module
 */

import { compareSpans, keyHead, type VersionBlock } from "../../../layer/mod.ts";

/** Rows that can be told apart beside five bytes of a key. */
const mostNumbered = 2 ** 13;

/** Rows whose keys are compared. */
export type KeyRows = Pick<VersionBlock, "bytes" | "keyStart" | "keyLength">;

/**
 * Puts rows of one LSN in the order of their keys. Hot: `bench/follow.ts`.
 *
 * @param block Where the rows are.
 * @param rows Their numbers, in the order in which they came.
 * @returns The numbers in the order of keys, of rows of one key the last alone; `rows` itself if that is what it is.
 */
export function inKeyOrder(block: KeyRows, rows: Uint32Array): Uint32Array {
  if (isAscending(block, rows)) return rows;
  const sorted = rows.length <= mostNumbered ? sortByHeads(block, rows) : sortRows(block, rows.slice(), rows);
  return lastOfEach(block, sorted);
}

function isAscending(block: KeyRows, rows: Uint32Array): boolean {
  for (let i = 1; i < rows.length; i++) {
    if (compareKeysOf(block, rows[i - 1], rows[i]) >= 0) return false;
  }
  return true;
}

function compareKeysOf({ bytes, keyStart, keyLength }: KeyRows, a: number, b: number): number {
  return compareSpans(bytes, keyStart[a], keyLength[a], bytes, keyStart[b], keyLength[b]);
}

function sortByHeads(block: KeyRows, rows: Uint32Array): Uint32Array {
  const { bytes, keyStart, keyLength } = block, shared = sharedLength(block, rows);
  const numbers = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const start = keyStart[rows[i]];
    const head = Math.floor(keyHead(bytes, start + shared, start + keyLength[rows[i]]) / 256);
    numbers[i] = head * mostNumbered + i;
  }
  numbers.sort();
  const sorted = new Uint32Array(rows.length);
  let last = -1, from = 0;
  for (let i = 0; i < rows.length; i++) {
    // By a power of two, which is exact, and costs less than a remainder.
    const head = Math.floor(numbers[i] * (1 / mostNumbered));
    sorted[i] = rows[numbers[i] - head * mostNumbered];
    if (head === last) continue;
    sortSame(block, sorted, from, i);
    last = head;
    from = i;
  }
  sortSame(block, sorted, from, rows.length);
  return sorted;
}

/** Sorts rows of one head, which stand in the order in which they came. */
function sortSame(block: KeyRows, sorted: Uint32Array, from: number, to: number): void {
  if (to - from > 1) sortRows(block, sorted.subarray(from, to), sorted.slice(from, to));
}

/** Sorts rows in place; those of one key stand as they do in `arrived`. */
function sortRows(block: KeyRows, rows: Uint32Array, arrived: Uint32Array): Uint32Array {
  const places = rows.map((_, i) => i);
  places.sort((a, b) => compareKeysOf(block, arrived[a], arrived[b]) || a - b);
  places.forEach((place, i) => rows[i] = arrived[place]);
  return rows;
}

/** How many bytes all keys begin with in common. */
function sharedLength({ bytes, keyStart, keyLength }: KeyRows, rows: Uint32Array): number {
  const first = keyStart[rows[0]];
  let shared = keyLength[rows[0]];
  for (let i = 1; i < rows.length && shared > 0; i++) {
    const start = keyStart[rows[i]], most = Math.min(shared, keyLength[rows[i]]);
    for (shared = 0; shared < most && bytes[start + shared] === bytes[first + shared];) shared++;
  }
  return shared;
}

/** Leaves the last of neighbours that have one key. */
function lastOfEach(block: KeyRows, sorted: Uint32Array): Uint32Array {
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    const isSame = count > 0 && compareKeysOf(block, sorted[count - 1], sorted[i]) === 0;
    sorted[isSame ? count - 1 : count++] = sorted[i];
  }
  return sorted.subarray(0, count);
}
