/**
 * Which of several stores a key belongs to.
 *
 * ```text
 * shard = mix(CRC-32 of the key, or of its stripe) mod count
 * mix(h): h ^= h >>> 16;  h *= 0x85ebca6b;  h ^= h >>> 13;  h *= 0xc2b2ae35;  h ^= h >>> 16      of 32 bits
 * ```
 *
 * It is fixed: stores that were divided by it could else not be read any more. The CRC alone is linear, so that keys
 * which differ in a few bits alone might share its lowest bits; mixing, which is that of MurmurHash3, ends that.
 */

import { crc32 } from "../crc32.ts";
import { ShardError } from "../errors.ts";
import { type Key, keyBytes } from "../key.ts";
import { maxShards } from "../limits.ts";
import { checkNames } from "../options.ts";
import { typeName } from "../type_name.ts";
import { keyText } from "./key_text.ts";

/** How keys are divided among stores. */
export interface Shards {
  /** How many stores there are, 1 to 65,536. */
  readonly count: number;
  /**
   * What of a key says where it belongs: keys of which it returns the same stay together. It is given a copy of the key,
   * and must always return the same for it. The default is the whole key.
   */
  readonly stripe?: ((key: Uint8Array<ArrayBuffer>) => Uint8Array) | undefined;
}

/** Which of the stores one is. */
export interface ShardOptions extends Shards {
  /** Its index, from 0 on. */
  readonly index: number;
}

/**
 * Tells to which of several stores a key belongs. It is the same in every version, on every machine.
 *
 * @param key The key.
 * @param shards How many stores there are, and what of a key counts.
 * @returns The index of the store, from 0 on.
 * @throws {TypeError} If the key or an option is of a wrong type, or `stripe` returns something else than bytes.
 * @throws {RangeError} If `count` is not a whole number from 1 to 65,536.
 * @throws {LimitError} If the key is empty or longer than 512 bytes.
 *
 * @example Keys of one user stay together
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeKey, encodeKey, shardOf } from "@varve/varve";
 *
 * const stripe = (key: Uint8Array) => encodeKey(decodeKey(key).slice(0, 2));
 * const name = shardOf(["user", 42, "name"], { count: 8, stripe });
 * assertEquals(shardOf(["user", 42, "mail"], { count: 8, stripe }), name);
 * ```
 */
export function shardOf(key: Key, shards: Shards): number {
  checkNames("find shard", shards, ["index", "count", "stripe"]);
  checkShards("find shard", shards);
  return indexOf(keyBytes(key), shards);
}

/** One of several stores. */
export class Shard {
  readonly #options: ShardOptions;

  /**
   * Checks which it is.
   *
   * @param action What it is for, such as `"open store"`.
   * @param options What the caller gave.
   * @throws {TypeError} If something of it is unknown or of a wrong type.
   * @throws {RangeError} If there can be no such shard.
   */
  constructor(action: string, options: ShardOptions) {
    checkNames(action, options, ["index", "count", "stripe"]);
    const { index, count, stripe } = options;
    checkShards(action, options);
    checkWhole(action, "index", index, 0, count - 1);
    this.#options = { index, count, stripe };
  }

  /**
   * Checks that a key belongs to it.
   *
   * @param key The key, which is only read.
   * @throws {ShardError} If it does not.
   * @throws {TypeError} If `stripe` returns something else than bytes.
   */
  check(key: Uint8Array): void {
    const { index, count } = this.#options, owner = indexOf(key, this.#options);
    if (owner === index) return;
    throw new ShardError(
      `Cannot use key ${keyText(key)}: it belongs to shard ${owner} of ${count}, and this is shard ${index}`,
      { key: new Uint8Array(key), index, count, owner },
    );
  }
}

function indexOf(key: Uint8Array, { count, stripe }: Shards): number {
  const hashed = stripe === undefined ? key : stripe(new Uint8Array(key));
  if (!(hashed instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot find shard: expected "stripe" to return a Uint8Array, found ${typeName(hashed)}`,
    );
  }
  return mix(crc32(hashed)) % count;
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}

function checkShards(action: string, { count, stripe }: Shards): void {
  checkWhole(action, "count", count, 1, maxShards);
  if (stripe === undefined || typeof stripe === "function") return;
  throw new TypeError(`Cannot ${action}: expected "stripe" to be a function, found ${typeName(stripe)}`);
}

function checkWhole(action: string, name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: expected "${name}" to be a number, found ${typeName(value)}`);
  }
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`Cannot ${action}: expected "${name}" from ${least} to ${most}, found ${value}`);
}
