/** Structured keys as wholes: encoded and decoded. `key_part.ts` has their format. */

import { maxKeyBytes } from "../limits.ts";
import { typeName } from "../type_name.ts";
import { escapedZero, type KeyPart, maxTaggedLength, Tag } from "./key_part.ts";
import { writeParts } from "./write_parts.ts";

/** The one NaN that is written. */
const quietNaN = 0x7ff8000000000000n;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Where a key is encoded before it gets memory of its own. */
const memory = new Uint8Array(maxKeyBytes);

/**
 * Encodes parts as a key whose bytewise order is the order of the parts.
 *
 * Parts compare first by type (`Uint8Array` < `string` < `number` < `bigint` < `boolean`), then by value: bytes
 * bytewise, strings by code point, numbers as −∞ < … < −0 < 0 < … < ∞ < NaN, `false` before `true`. A key sorts
 * before every longer key that starts with its parts. The encoding of no parts is empty: that is no key, but it is
 * the prefix of every one.
 *
 * @param parts The parts, in order of weight.
 * @returns The key: at most 512 bytes.
 * @throws {TypeError} If a part has another type, or is a string with a lone surrogate.
 * @throws {LimitError} If the key is longer than 512 bytes.
 *
 * @example Sorting by number within a user
 * ```ts
 * import { encodeKey } from "@varve/varve";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const second = encodeKey(["user", 7, 2]);
 * const tenth = encodeKey(["user", 7, 10]);
 * const prefix = encodeKey(["user", 7]);
 *
 * assert(second.toHex() < tenth.toHex());
 * assertEquals(tenth.subarray(0, prefix.length), prefix);
 * ```
 */
export function encodeKey(parts: readonly KeyPart[]): Uint8Array<ArrayBuffer> {
  if (!Array.isArray(parts)) {
    throw new TypeError(`Cannot encode key: expected an array of parts, found ${typeName(parts)}`);
  }
  return memory.slice(0, writeParts(memory, 0, maxKeyBytes, parts));
}

/**
 * Decodes a key that {@linkcode encodeKey} made.
 *
 * @param key The whole key.
 * @returns Its parts. Bytes are copied.
 * @throws {TypeError} If `key` is not bytes, or is not what `encodeKey` makes.
 *
 * @example Reading the parts back
 * ```ts
 * import { decodeKey, encodeKey } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeKey(encodeKey(["user", 7n, true])), ["user", 7n, true]);
 * ```
 */
export function decodeKey(key: Uint8Array): KeyPart[] {
  if (!(key instanceof Uint8Array)) {
    throw new TypeError(`Cannot decode key: expected a Uint8Array, found ${typeName(key)}`);
  }
  const parts: KeyPart[] = [];
  let at = 0;
  while (at < key.length) {
    const { part, end } = decodePart(key, at);
    parts.push(part);
    at = end;
  }
  return parts;
}

interface DecodedPart {
  part: KeyPart;
  end: number;
}

function decodePart(key: Uint8Array, at: number): DecodedPart {
  const tag = key[at];
  if (tag === Tag.BYTES || tag === Tag.STRING) return decodeEscaped(key, at);
  if (tag === Tag.NUMBER) return decodeNumber(key, at);
  if (tag >= Tag.HUGE_NEGATIVE && tag <= Tag.HUGE_POSITIVE) return decodeBigint(key, at);
  if (tag === Tag.FALSE || tag === Tag.TRUE) return { part: tag === Tag.TRUE, end: at + 1 };
  throw malformed(at, `a tag 0x${tag.toString(16)}`);
}

function decodeEscaped(key: Uint8Array, start: number): DecodedPart {
  const bytes = new Uint8Array(key.length - start);
  let length = 0;
  let at = start + 1;
  for (;;) {
    if (at >= key.length) throw malformed(start, "a part without an end");
    if (key[at] === 0) {
      if (key[at + 1] !== escapedZero) break;
      bytes[length++] = 0;
      at += 2;
    } else {
      bytes[length++] = key[at++];
    }
  }
  const body = bytes.slice(0, length);
  return { part: key[start] === Tag.BYTES ? body : decodeText(body, start), end: at + 1 };
}

function decodeText(bytes: Uint8Array, at: number): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed(at, "a string that is not UTF-8");
  }
}

function decodeNumber(key: Uint8Array, at: number): DecodedPart {
  const part = takeBytes(key, at, 9).subarray(1);
  if ((part[0] & 0x80) === 0) flip(part);
  else part[0] ^= 0x80;
  const view = new DataView(part.buffer, 1), number = view.getFloat64(0);
  if (Number.isNaN(number) && view.getBigUint64(0) !== quietNaN) throw malformed(at, "an unusual NaN");
  return { part: number, end: at + 9 };
}

function flip(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] ^= 0xff;
}

function decodeBigint(key: Uint8Array, at: number): DecodedPart {
  const tag = key[at];
  if (tag === Tag.ZERO) return { part: 0n, end: at + 1 };
  const negative = tag < Tag.ZERO;
  const huge = tag === Tag.HUGE_NEGATIVE || tag === Tag.HUGE_POSITIVE;
  const length = huge ? hugeLength(key, at, negative) : Math.abs(tag - Tag.ZERO);
  const from = at + (huge ? 3 : 1);
  const magnitude = takeBytes(key, from, length);
  if (negative) flip(magnitude);
  if (magnitude[0] === 0) throw malformed(at, "a bigint with leading zeros");
  const integer = BigInt("0x" + magnitude.toHex());
  return { part: negative ? -integer : integer, end: from + length };
}

function hugeLength(key: Uint8Array, at: number, negative: boolean): number {
  const bytes = takeBytes(key, at + 1, 2);
  if (negative) flip(bytes);
  const length = (bytes[0] << 8) | bytes[1];
  if (length <= maxTaggedLength) throw malformed(at, "a short bigint in the long form");
  return length;
}

/** Copies `length` bytes from `at`. */
function takeBytes(key: Uint8Array, at: number, length: number): Uint8Array<ArrayBuffer> {
  if (at + length > key.length) throw malformed(at, "a part without an end");
  return new Uint8Array(key.subarray(at, at + length));
}

function malformed(at: number, found: string): TypeError {
  return new TypeError(`Cannot decode key: found ${found} at byte ${at}`);
}
