/** The keys and values of `node/keys.mjs`, with types: Deno and node draw from the same source. */

import * as source from "./node/keys.mjs";

/** The length of a key in bytes. */
export const keyBytes: number = source.keyBytes;

/** Makes the key of a number below 2^32. */
export const keyOf: (number: number) => Uint8Array = source.keyOf;

/** Writes the key of a number into 18 bytes, and returns them. */
export const writeKey: (bytes: Uint8Array, number: number) => Uint8Array = source.writeKey;

/** Makes a source of pseudo-random integers below what it is asked for. */
export const randomOf: (seed: number) => (below: number) => number = source.randomOf;

/** Makes a permutation of the integers below `count`. */
export const permutationOf: (count: number) => (index: number) => number = source.permutationOf;

/** Makes the order in which records are written: the number of the key of the record at an index. */
export const orderOf: (
  order: "sequential" | "random" | "hot",
  records: number,
) => (index: number) => number = source.orderOf;

/** Makes values of one length, which the caller must not change. */
export const valuesOf: (length: number) => (index: number) => Uint8Array = source.valuesOf;
