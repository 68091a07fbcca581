/**
 * What a vectored read is asked for: keys, and runs of adjacent keys.
 *
 * @module
 */

import { type Key, keyBytes, type KeyPart, type KeyPrefix, typeName } from "../../base/mod.ts";
import { Copies } from "./records/copies.ts";

/**
 * A run of adjacent keys: base, base + 1, … as big-endian integers of the same length. {@linkcode Timeline} has an
 * example. A base of parts counts in what they are encoded as: `["page", 1n]` in the last byte, up to `["page", 255n]`.
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
 * @throws {TypeError} If `key` is neither a `Uint8Array` nor a string nor parts.
 * @throws {LimitError} If `key` is empty or longer than 512 bytes.
 */
export function ownKey(key: Key): Uint8Array<ArrayBuffer> {
  const bytes = keyBytes(key);
  return key instanceof Uint8Array ? new Uint8Array(bytes) : bytes as Uint8Array<ArrayBuffer>;
}

/**
 * Many keys: anything that iterates over them, but not one key, which iterates over its letters, bytes or parts. An array
 * may be changed once the call has returned; anything else is asked for its keys as the read goes on.
 */
export type Keys<T extends Key | KeyVec = Key | KeyVec> = Iterable<T> & object;

/**
 * Expands keys and runs of keys, one after the other.
 *
 * @param keys Keys and runs of keys.
 * @param prefix What stands before each of them. The default is nothing.
 * @returns A copy of the bytes of each key, beside others of them. The iterator throws a `TypeError` if something is neither a key
 * nor a run of keys, and a `RangeError` if a run counts past the last key of its length.
 * @throws {TypeError} If `keys` is one key, or nothing that iterates.
 */
export function expandKeys(keys: Keys, prefix?: KeyPrefix): Generator<Uint8Array<ArrayBuffer>> {
  const isMany = typeof keys === "object" && keys !== null && Symbol.iterator in keys &&
    !(keys instanceof Uint8Array);
  if (!isMany) throw new TypeError(`Cannot read keys: expected an iterable of keys, found ${typeName(keys)}`);
  if (!Array.isArray(keys)) return expand(keys, prefix);
  const copies = new Copies();
  return expand(keys.map((key) => withoutSharing(key, copies)), prefix);
}

/** What stands in an array may be changed once the call has returned; what is yielded is copied when it is. */
function withoutSharing(key: Key | KeyVec, copies: Copies): Key | KeyVec {
  if (key instanceof Uint8Array) return copies.copy(key, 0, key.length);
  if (typeof key === "string") return key;
  if (Array.isArray(key)) return key.map(ownPart);
  return isKeyVec(key) ? { ...key, base: withoutSharing(key.base, copies) as Key } : key;
}

function ownPart(part: KeyPart): KeyPart {
  return part instanceof Uint8Array ? new Uint8Array(part) : part;
}

function* expand(keys: Keys, prefix: KeyPrefix | undefined): Generator<Uint8Array<ArrayBuffer>> {
  const copies = new Copies();
  for (const key of keys) {
    if (isKeyVec(key)) yield* expandVec(key, copies, prefix);
    else if (!isKey(key)) throw wrongKey(key);
    else if (prefix !== undefined) yield copied(prefix.write(key), copies);
    else if (key instanceof Uint8Array) yield copied(keyBytes(key), copies);
    else yield ownKey(key);
  }
}

function copied(key: Uint8Array, copies: Copies): Uint8Array<ArrayBuffer> {
  return copies.copy(key, 0, key.length);
}

function isKey(value: unknown): value is Key {
  return typeof value === "string" || value instanceof Uint8Array || Array.isArray(value);
}

function wrongKey(found: unknown): TypeError {
  return new TypeError(`Cannot read key: expected a key or a KeyVec, found ${typeName(found)}`);
}

function isKeyVec(value: unknown): value is KeyVec {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  return "base" in value && "count" in value;
}

function* expandVec(
  { base, count }: KeyVec,
  copies: Copies,
  prefix: KeyPrefix | undefined,
): Generator<Uint8Array<ArrayBuffer>> {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot read keys: expected a count of 1 or more, found ${count}`);
  }
  const key = prefix?.keyOf(base) ?? ownKey(base), start = prefix?.length ?? 0;
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      increment(key, start, base, count);
      prefix?.check(key.subarray(start));
    }
    yield copied(key, copies);
  }
}

/** Counts up the bytes of a key from `start` on. */
function increment(key: Uint8Array, start: number, base: Key, count: number): void {
  for (let at = key.length - 1; at >= start; at--) {
    if (key[at] !== 0xff) {
      key[at]++;
      return;
    }
    key[at] = 0;
  }
  throw new RangeError(`Cannot read ${count} keys from "${base}": there are fewer of that length`);
}
