/** Keys: 1 to 512 bytes, ordered bytewise; a string stands for its UTF-8, and parts for what they are encoded as. */

import { LimitError } from "./errors.ts";
import type { KeyPart } from "./keys/key_part.ts";
import { encodeKey } from "./keys/structured_key.ts";
import { maxKeyBytes } from "./limits.ts";
import { typeName } from "./type_name.ts";

/**
 * A key: 1 to 512 bytes, a string that stands for its UTF-8, or parts that stand for what {@linkcode encodeKey} makes of
 * them.
 */
export type Key = Uint8Array | string | readonly KeyPart[];
/** A value: 0 bytes to 64 MiB, or a string that stands for its UTF-8. */
export type Value = Uint8Array | string;

const encoder = new TextEncoder();

/**
 * Returns the bytes of a key.
 *
 * @param key A key. Bytes are not copied.
 * @returns Its bytes.
 * @throws {TypeError} If `key` is neither a `Uint8Array` nor a string nor parts.
 * @throws {LimitError} If `key` is empty or longer than 512 bytes.
 */
export function keyBytes(key: Key): Uint8Array {
  const bytes = boundBytes(key);
  if (bytes.length === 0 || bytes.length > maxKeyBytes) throw keyLengthError(bytes.length, bytes);
  return bytes;
}

/**
 * The error of a key that is empty or too long.
 *
 * @param found Its length in bytes.
 * @param key Its bytes, if they are at hand.
 */
export function keyLengthError(found: number, key?: Uint8Array): LimitError {
  const context = { limit: found === 0 ? 1 : maxKeyBytes, found, key: key && new Uint8Array(key) };
  if (found === 0) return new LimitError("Cannot use key: it is empty", context);
  return new LimitError(`Cannot use key: its length is ${found} bytes, the limit is ${maxKeyBytes}`, context);
}

/**
 * Returns the bytes of a bound of a range, which unlike a key may be empty or long.
 *
 * @param bound A key that need not exist. Bytes are not copied.
 * @returns Its bytes.
 * @throws {TypeError} If `bound` is neither a `Uint8Array` nor a string nor parts.
 * @throws {LimitError} If parts take more than 512 bytes.
 */
export function boundBytes(bound: Key): Uint8Array {
  if (typeof bound === "string") return encoder.encode(bound);
  if (bound instanceof Uint8Array) return bound;
  if (Array.isArray(bound)) return encodeKey(bound);
  throw noKey(bound);
}

/** The error of what is no key. */
export function noKey(found: unknown): TypeError {
  const expected = "expected a Uint8Array, a string or an array of parts";
  return new TypeError(`Cannot use key: ${expected}, found ${typeName(found)}`);
}

/**
 * Compares two keys bytewise.
 *
 * @returns A negative number, zero or a positive number, as `a` stands before, at or after `b`.
 */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const length = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < length; i++) {
    const difference = a[i] - b[i];
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * Returns the first key after every key that starts with `prefix`.
 *
 * @returns That key, or `undefined` if there is none, because `prefix` is empty or all 0xff.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = prefix.slice(0, length);
  end[length - 1]++;
  return end;
}
