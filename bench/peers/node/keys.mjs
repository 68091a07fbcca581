/**
 * Keys and values that every peer is given, in Deno and in node.
 *
 * A key is 18 bytes: a fixed prefix of 10, then a number as 8 bytes big-endian, so that numbers in order are keys in
 * order. Values are slices of one pool of random bytes, so that no peer can gain by compressing them.
 */

/** The length of a key in bytes. */
export const keyBytes = 18;

const prefix = new TextEncoder().encode("varvebench");
const poolBytes = 1 << 20;

/**
 * Writes the key of a number.
 *
 * @param {Uint8Array} bytes 18 bytes.
 * @param {number} number An integer from 0 to 2^32 − 1.
 * @returns {Uint8Array} `bytes`.
 */
export function writeKey(bytes, number) {
  bytes.set(prefix);
  bytes[10] =
    bytes[11] =
    bytes[12] =
    bytes[13] =
      0;
  bytes[14] = number >>> 24;
  bytes[15] = number >>> 16;
  bytes[16] = number >>> 8;
  bytes[17] = number;
  return bytes;
}

/**
 * Makes the key of a number.
 *
 * @param {number} number An integer from 0 to 2^32 − 1.
 * @returns {Uint8Array} A new array of 18 bytes.
 */
export function keyOf(number) {
  return writeKey(new Uint8Array(keyBytes), number);
}

/**
 * Makes a source of pseudo-random numbers (mulberry32), the same for the same seed.
 *
 * @param {number} seed An integer.
 * @returns {(below: number) => number} A function that returns an integer from 0 to `below` − 1.
 */
export function randomOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/**
 * Makes a permutation of the integers below `count`, so that a random order visits each once without a table.
 *
 * Multiplying by an odd number and folding high bits into low ones are bijections on a power of two; a result
 * beyond `count` is mixed again until it falls below.
 *
 * @param {number} count How many integers, at most 2^31.
 * @returns {(index: number) => number} The permutation.
 */
export function permutationOf(count) {
  const bits = Math.max(2, Math.ceil(Math.log2(Math.max(2, count))));
  const mask = 2 ** bits - 1;
  const half = bits >>> 1;
  return (index) => {
    let mixed = index;
    do {
      mixed = (Math.imul(mixed, 0x9e3779b1) & mask) >>> 0;
      mixed = (mixed ^ (mixed >>> half)) >>> 0;
      mixed = (Math.imul(mixed, 0x85ebca6b) & mask) >>> 0;
      mixed = (mixed ^ (mixed >>> half)) >>> 0;
      mixed = (mixed + 0x27d4eb2f) & mask;
      mixed = mixed >>> 0;
    } while (mixed >= count);
    return mixed;
  };
}

/**
 * Makes the order in which records are written.
 *
 * @param {"sequential" | "random" | "hot"} order `"random"` draws with replacement, as `db_bench fillrandom` does;
 * `"hot"` goes round 1,024 keys.
 * @param {number} records How many records there are.
 * @returns {(index: number) => number} The number of the key of the record at `index`; called in order.
 */
export function orderOf(order, records) {
  if (order === "sequential") return (index) => index;
  if (order === "hot") {
    const hot = permutationOf(1024);
    return (index) => hot(index & 1023);
  }
  const random = randomOf(1);
  return () => random(records);
}

/**
 * Makes values of one length.
 *
 * @param {number} length Their length in bytes, at most 512 KiB.
 * @returns {(index: number) => Uint8Array} A function that returns one of 1,024 values, which the caller must not
 * change.
 */
export function valuesOf(length) {
  const pool = new Uint8Array(poolBytes);
  const words = new Uint32Array(pool.buffer);
  const random = randomOf(7);
  for (let i = 0; i < words.length; i++) words[i] = random(4294967296);
  const values = [];
  for (let i = 0; i < 1024; i++) {
    const start = random(poolBytes - length);
    values.push(pool.subarray(start, start + length));
  }
  return (index) => values[index & 1023];
}
