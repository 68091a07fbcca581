/**
 * What a key begins with as one number, so that most comparisons of keys are one of numbers.
 *
 * @module
 */

/** The bytes of a key that a head stands for. */
export const headBytes = 6;

/**
 * The number that the first six bytes of `bytes[start, end)` stand for, zeros where there are fewer. Of two keys the
 * larger has no smaller one. Hot: `bench/layer_map_bench.ts`.
 */
export function keyHead(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= headBytes) {
    const high = bytes[start] << 16 | bytes[start + 1] << 8 | bytes[start + 2];
    return high * 0x1000000 + (bytes[start + 3] << 16 | bytes[start + 4] << 8 | bytes[start + 5]);
  }
  let head = 0;
  for (let i = start; i < start + headBytes; i++) head = head * 256 + (i < end ? bytes[i] : 0);
  return head;
}

/** How many bytes two keys begin with in common, `most` at the most. */
export function commonLength(a: Uint8Array, b: Uint8Array, most: number = Infinity): number {
  const end = Math.min(a.length, b.length, most);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
