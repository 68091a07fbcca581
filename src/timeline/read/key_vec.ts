/**
 * What a vectored read is asked for: keys, and runs of adjacent keys.
 *
 * @module
 */

import { type Key, keyBytes, typeName } from "../../base/mod.ts";
import { Copies } from "./records/copies.ts";

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
 * @returns A copy of the bytes of each key, beside others of them. The iterator throws a `TypeError` if something is neither a key
 * nor a run of keys, and a `RangeError` if a run counts past the last key of its length.
 * @throws {TypeError} If `keys` is one key, or nothing that iterates.
 */
export function expandKeys(keys: Keys): Generator<Uint8Array<ArrayBuffer>> {
  const isMany = typeof keys === "object" && keys !== null && Symbol.iterator in keys &&
    !(keys instanceof Uint8Array);
  if (!isMany) throw new TypeError(`Cannot read keys: expected an iterable of keys, found ${typeName(keys)}`);
  if (!Array.isArray(keys)) return expand(keys);
  const copies = new Copies();
  return expand(keys.map((key) => withoutSharing(key, copies)));
}

/** What stands in an array may be changed once the call has returned; what is yielded is copied when it is. */
function withoutSharing(key: Key | KeyVec, copies: Copies): Key | KeyVec {
  if (key instanceof Uint8Array) return copies.copy(key, 0, key.length);
  return isKeyVec(key) && key.base instanceof Uint8Array ? { ...key, base: new Uint8Array(key.base) } : key;
}

function* expand(keys: Keys): Generator<Uint8Array<ArrayBuffer>> {
  const copies = new Copies();
  for (const key of keys) {
    if (key instanceof Uint8Array) yield copies.copy(keyBytes(key), 0, key.length);
    else if (typeof key === "string") yield ownKey(key);
    else if (isKeyVec(key)) yield* expandVec(key, copies);
    else throw new TypeError(`Cannot read key: expected a key or a KeyVec, found ${typeName(key)}`);
  }
}

function isKeyVec(value: unknown): value is KeyVec {
  return typeof value === "object" && value !== null && "base" in value && "count" in value;
}

function* expandVec({ base, count }: KeyVec, copies: Copies): Generator<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot read keys: expected a count of 1 or more, found ${count}`);
  }
  const key = ownKey(base);
  for (let i = 0; i < count; i++) {
    if (i > 0) increment(key, base, count);
    yield copies.copy(key, 0, key.length);
  }
}

function increment(key: Uint8Array, base: Key, count: number): void {
  for (let at = key.length - 1; at >= 0; at--) {
    if (key[at] !== 0xff) {
      key[at]++;
      return;
    }
    key[at] = 0;
  }
  throw new RangeError(`Cannot read ${count} keys from "${base}": there are fewer of that length`);
}
