/**
 * What a vectored read is asked for: keys, and runs of adjacent keys.
 *
 * @module
 */

import { type Key, keyBytes, typeName } from "../base/mod.ts";

/** A run of adjacent keys: base, base + 1, … as big-endian integers of the same length. */
export interface KeyVec {
  /** The first key. */
  base: Key;
  /** How many keys, 1 or more. */
  count: number;
}

/**
 * Expands keys and runs of keys, one after the other.
 *
 * @param keys Keys and runs of keys.
 * @yields The bytes of each key, as memory of its own.
 * @throws {TypeError} If something is neither a key nor a run of keys.
 * @throws {RangeError} If a run counts past the last key of its length.
 */
export function* expandKeys(keys: Iterable<Key | KeyVec>): Generator<Uint8Array> {
  for (const key of keys) {
    if (typeof key === "string") yield keyBytes(key);
    else if (key instanceof Uint8Array) yield keyBytes(key).slice();
    else if (isKeyVec(key)) yield* expandVec(key);
    else throw new TypeError(`Cannot read key: expected a key or a KeyVec, found ${typeName(key)}`);
  }
}

function isKeyVec(value: unknown): value is KeyVec {
  return typeof value === "object" && value !== null && "base" in value && "count" in value;
}

function* expandVec({ base, count }: KeyVec): Generator<Uint8Array> {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot read keys: expected a count of 1 or more, found ${count}`);
  }
  let key = new Uint8Array(keyBytes(base));
  for (let i = 0; i < count; i++) {
    if (i > 0) key = nextKey(key, base, count);
    yield key;
  }
}

function nextKey(key: Uint8Array<ArrayBuffer>, base: Key, count: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(key);
  for (let at = next.length - 1; at >= 0; at--) {
    if (next[at] !== 0xff) {
      next[at]++;
      return next;
    }
    next[at] = 0;
  }
  throw new RangeError(`Cannot read ${count} keys from "${base}": there are fewer of that length`);
}
