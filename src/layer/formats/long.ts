/**
 * Numbers of 64 bits on disk: safe integers in memory.
 *
 * @module
 */

const twoTo32 = 2 ** 32;
/** The high words of safe integers are below this. */
const highLimit = 1 << 21;

/** Writes a safe integer ≥ 0 as 64 bits, little-endian. */
export function putLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / twoTo32), true);
}

/** Reads what {@linkcode putLong} wrote; `NaN`, which equals nothing, if it is over 2^53 − 1. */
export function getLong(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high < highLimit ? high * twoTo32 + view.getUint32(at, true) : NaN;
}
