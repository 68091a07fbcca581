/** Makes bytes that nearly make sense out of bytes that do. */

import type { Random } from "../../random.ts";

const mostMutations = 4;
const mostExtraBytes = 64;
/** Numbers at which something may change, as they are and one off. */
const interesting = [0, 1, 20, 44, 127, 255, 512, 4096, 8192, 65535, 2 ** 26, 2 ** 31, 2 ** 32 - 1, 2 ** 53];

type Bytes = Uint8Array<ArrayBuffer>;
type Mutation = (bytes: Bytes, random: Random, other: Uint8Array) => Bytes;

/**
 * A copy with up to four changes.
 *
 * @param bytes What makes sense.
 * @param random What chooses.
 * @param other What parts of may come in.
 */
export function mutate(bytes: Uint8Array, random: Random, other: Uint8Array): Bytes {
  let mutated = bytes.slice() as Bytes;
  for (let left = random.once(2) ? 1 : random.from(1, mostMutations); left > 0; left--) {
    mutated = random.pick(mutations)(mutated, random, other);
  }
  return mutated;
}

/** A place in the bytes: mostly in front, where heads stand. */
function placeIn(length: number, random: Random): number {
  return random.below(random.once(2) ? Math.min(length, 160) : length);
}

/** Puts a number of 1, 2, 4 or 8 bytes somewhere, little-endian, as far as there is room. */
function putNumber(bytes: Bytes, at: number, width: number, number: number): void {
  let rest = number < 0 ? 2n ** 64n + BigInt(number) : BigInt(number);
  for (let i = at; i < at + width && i < bytes.length; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
}

const mutations: readonly Mutation[] = [
  (bytes, random) => {
    if (bytes.length > 0) bytes[placeIn(bytes.length, random)] ^= 1 << random.below(8);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length > 0) bytes[placeIn(bytes.length, random)] = random.below(256);
    return bytes;
  },
  (bytes, random) => {
    const number = random.pick(interesting) + random.from(-1, 1);
    putNumber(bytes, placeIn(bytes.length, random), random.pick([1, 2, 4, 8]), number);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length > 0) {
      const at = placeIn(bytes.length, random);
      bytes[at] += random.pick([-1, 1]);
    }
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const longer = new Uint8Array(bytes.length + random.below(mostExtraBytes));
    longer.fill(random.pick([0, 255, random.below(256)]));
    longer.set(bytes);
    return longer;
  },
  (bytes, random, other) => {
    const from = random.below(other.length + 1),
      length = random.below(Math.min(256, other.length - from) + 1);
    bytes.set(other.subarray(from, Math.min(from + length, from + bytes.length)), 0);
    return bytes;
  },
  (bytes, random, other) => {
    const at = random.below(bytes.length + 1), from = random.below(other.length + 1);
    const part = other.subarray(from, from + Math.min(bytes.length - at, random.below(512)));
    bytes.set(part, at);
    return bytes;
  },
  (bytes, random) => {
    const at = placeIn(bytes.length, random), to = placeIn(bytes.length, random);
    bytes.copyWithin(to, at, at + random.below(64));
    return bytes;
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1), gone = random.below(16);
    const shorter = new Uint8Array(Math.max(at, bytes.length - gone));
    shorter.set(bytes.subarray(0, at));
    shorter.set(bytes.subarray(Math.min(bytes.length, at + gone)), at);
    return shorter;
  },
];
