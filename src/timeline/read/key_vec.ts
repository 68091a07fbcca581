/**
 * What a vectored read is asked for: keys, and runs of adjacent keys.
 *
 * @module
 */

import { type Key, keyBytes, typeName } from "../../base/mod.ts";

/**
 * A run of adjacent keys: base, base + 1, … as big-endian integers of the same length. {@linkcode Timeline} has an
 * example.
 */
export interface KeyVec {
  /** The first key. */
  base: Key;
  /** How many keys, 1 or more. */
  count: number;
}

/**
 * The bytes of a key, as memory of its own, which the caller may not change while the read waits.
 *
 * @throws {TypeError} If `key` is neither a `Uint8Array` nor a string.
 * @throws {LimitError} If `key` is empty or longer than 512 bytes.
 */
export function ownKey(key: Key): Uint8Array<ArrayBuffer> {
  const bytes = keyBytes(key);
  return typeof key === "string" ? bytes as Uint8Array<ArrayBuffer> : new Uint8Array(bytes);
}

/**
 * Many keys: anything that iterates over them, but not one key, which iterates over its letters or bytes. An array may
 * be changed once the call has returned; anything else is asked for its keys as the read goes on.
 */
export type Keys<T extends Key | KeyVec = Key | KeyVec> = Iterable<T> & object;

/**
 * Expands keys and runs of keys, one after the other.
 *
 * @param keys Keys and runs of keys.
 * @returns The bytes of each key, as memory of its own. The iterator throws a `TypeError` if something is neither a key
 * nor a run of keys, and a `RangeError` if a run counts past the last key of its length.
 * @throws {TypeError} If `keys` is one key, or nothing that iterates.
 */
export function expandKeys(keys: Keys): Generator<Uint8Array<ArrayBuffer>> {
  const isMany = typeof keys === "object" && keys !== null && Symbol.iterator in keys &&
    !(keys instanceof Uint8Array);
  if (!isMany) throw new TypeError(`Cannot read keys: expected an iterable of keys, found ${typeName(keys)}`);
  return expand(Array.isArray(keys) ? keys.map(withoutSharing) : keys);
}

/** What stands in an array may be changed once the call has returned; what is yielded is copied when it is. */
function withoutSharing(key: Key | KeyVec): Key | KeyVec {
  if (key instanceof Uint8Array) return new Uint8Array(key);
  return isKeyVec(key) && key.base instanceof Uint8Array ? { ...key, base: new Uint8Array(key.base) } : key;
}

function* expand(keys: Keys): Generator<Uint8Array<ArrayBuffer>> {
  for (const key of keys) {
    if (typeof key === "string" || key instanceof Uint8Array) yield ownKey(key);
    else if (isKeyVec(key)) yield* expandVec(key);
    else throw new TypeError(`Cannot read key: expected a key or a KeyVec, found ${typeName(key)}`);
  }
}

function isKeyVec(value: unknown): value is KeyVec {
  return typeof value === "object" && value !== null && "base" in value && "count" in value;
}

function* expandVec({ base, count }: KeyVec): Generator<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot read keys: expected a count of 1 or more, found ${count}`);
  }
  let key = ownKey(base);
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
