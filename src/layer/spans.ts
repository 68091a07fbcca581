/**
 * Keys that lie within larger pieces of memory. Hot: `bench/merge_bench.ts`.
 *
 * @module
 */

/** Compares so many bytes of two pieces of memory as keys are compared. */
export function compareSpans(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const length = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i] - b[bStart + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** Whether so many bytes of two pieces of memory are the same; sorted neighbours differ at their ends first. */
export function isSameSpan(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = length - 1; i >= 0; i--) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
