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

/** As {@linkcode compareSpans}, four bytes at a time, where there are views of both pieces. */
export function compareViews(
  a: DataView,
  aStart: number,
  aLength: number,
  b: DataView,
  bStart: number,
  bLength: number,
): number {
  // Versions of one key mostly share its memory.
  if (a === b && aStart === bStart) return aLength - bLength;
  const length = aLength < bLength ? aLength : bLength, last = length - 4;
  if (last < 0) {
    for (let i = 0; i < length; i++) {
      const difference = a.getUint8(aStart + i) - b.getUint8(bStart + i);
      if (difference !== 0) return difference;
    }
    return aLength - bLength;
  }
  for (let i = 0; i < last; i += 4) {
    if (a.getInt32(aStart + i) !== b.getInt32(bStart + i)) {
      return a.getUint32(aStart + i) - b.getUint32(bStart + i);
    }
  }
  // They may overlap those before them, which are the same.
  return a.getUint32(aStart + last) - b.getUint32(bStart + last) || aLength - bLength;
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
