/**
 * Structured keys: several typed parts in one key, so that bytewise order is the order of the parts.
 *
 * Each part is a tag and a body. Where one encoded part is a prefix of another, the other goes on with 0xff, a zero
 * byte that was escaped, which is no tag; hence keys compare part by part, and
 * the encoding of leading parts is a prefix of every key that starts with those parts. The types stand in the
 * order of Deno KV: `Uint8Array` < `string` < `number` < `bigint` < `boolean`.
 *
 * ```text
 * Uint8Array   01  bytes, each 00 written as 00 ff   00
 * string       02  UTF-8, each 00 written as 00 ff   00
 * number       03  8 bytes: IEEE 754, sign bit flipped; all bits flipped if negative
 * bigint < 0   10  length, 2 bytes, flipped          magnitude, flipped      (more than 8 bytes)
 *              19 − length                           magnitude, flipped      (1 to 8 bytes)
 * bigint 0     19
 * bigint > 0   19 + length                           magnitude               (1 to 8 bytes)
 *              22  length, 2 bytes                   magnitude               (more than 8 bytes)
 * false, true  30, 31
 * ```
 * The tags are hexadecimal, and everything is big-endian. A key has one encoding only: what
 * {@linkcode decodeKey} accepts, {@linkcode encodeKey} gives back.
 */

import { concat, equals } from "@std/bytes";
import { LimitError } from "./errors.ts";
import { typeName } from "./key.ts";
import { maxKeyBytes } from "./limits.ts";

/** One part of a structured key. */
export type KeyPart = Uint8Array | string | number | bigint | boolean;

const tagBytes = 0x01;
const tagString = 0x02;
const tagNumber = 0x03;
const tagHugeNegative = 0x10;
const tagZero = 0x19;
const tagHugePositive = 0x22;
const tagFalse = 0x30;
const tagTrue = 0x31;
/** A bigint of more bytes than this carries its length beside its tag. */
const maxTaggedLength = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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
export function encodeKey(parts: readonly KeyPart[]): Uint8Array {
  const key = concat(parts.map(encodePart));
  if (key.length > maxKeyBytes) throw tooLong(key.length);
  return key;
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

function encodePart(part: KeyPart): Uint8Array {
  if (part instanceof Uint8Array) return encodeEscaped(tagBytes, part);
  switch (typeof part) {
    case "string":
      return encodeString(part);
    case "number":
      return encodeNumber(part);
    case "bigint":
      return encodeBigint(part);
    case "boolean":
      return Uint8Array.of(part ? tagTrue : tagFalse);
    default:
      throw new TypeError(
        `Cannot encode key: expected a Uint8Array, string, number, bigint or boolean, found ${
          typeName(part)
        }`,
      );
  }
}

function encodeString(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError("Cannot encode key: a string holds a lone surrogate");
  return encodeEscaped(tagString, encoder.encode(text));
}

function encodeEscaped(tag: number, bytes: Uint8Array): Uint8Array {
  const part = new Uint8Array(2 * bytes.length + 2);
  part[0] = tag;
  let at = 1;
  for (const byte of bytes) {
    part[at++] = byte;
    if (byte === 0) part[at++] = 0xff;
  }
  return part.subarray(0, at + 1);
}

function encodeNumber(number: number): Uint8Array {
  const part = new Uint8Array(9);
  part[0] = tagNumber;
  const view = new DataView(part.buffer);
  // The engine may hold any of the many NaNs; a key has one encoding, so the positive quiet one stands for all.
  if (Number.isNaN(number)) view.setUint32(1, 0x7ff80000);
  else view.setFloat64(1, number);
  flipNumber(part, (part[1] & 0x80) !== 0);
  return part;
}

/** Flips all bits of a negative number, so that larger magnitudes sort first, and the sign bit of any other. */
function flipNumber(part: Uint8Array, negative: boolean): void {
  if (negative) flip(part, 1);
  else part[1] ^= 0x80;
}

function flip(bytes: Uint8Array, from: number): void {
  for (let i = from; i < bytes.length; i++) bytes[i] ^= 0xff;
}

function encodeBigint(integer: bigint): Uint8Array {
  if (integer === 0n) return Uint8Array.of(tagZero);
  const magnitude = magnitudeBytes(integer < 0n ? -integer : integer);
  const length = magnitude.length;
  const huge = length > maxTaggedLength;
  const part = new Uint8Array((huge ? 3 : 1) + length);
  if (huge) {
    part[1] = length >> 8;
    part[2] = length;
  }
  part.set(magnitude, huge ? 3 : 1);
  if (integer < 0n) flip(part, 1);
  part[0] = bigintTag(length, integer < 0n);
  return part;
}

function bigintTag(length: number, negative: boolean): number {
  if (length > maxTaggedLength) return negative ? tagHugeNegative : tagHugePositive;
  return negative ? tagZero - length : tagZero + length;
}

function magnitudeBytes(magnitude: bigint): Uint8Array {
  const digits = magnitude.toString(16);
  if (digits.length > 2 * maxKeyBytes) throw tooLong(digits.length >> 1);
  return Uint8Array.fromHex(digits.length % 2 === 0 ? digits : "0" + digits);
}

function tooLong(found: number): LimitError {
  const limit = maxKeyBytes;
  return new LimitError(`Cannot encode key: its length is ${found} bytes or more, the limit is ${limit}`, {
    limit,
    found,
  });
}

interface DecodedPart {
  part: KeyPart;
  end: number;
}

function decodePart(key: Uint8Array, at: number): DecodedPart {
  const tag = key[at];
  if (tag === tagBytes || tag === tagString) return decodeEscaped(key, at);
  if (tag === tagNumber) return decodeNumber(key, at);
  if (tag >= tagHugeNegative && tag <= tagHugePositive) return decodeBigint(key, at);
  if (tag === tagFalse || tag === tagTrue) return { part: tag === tagTrue, end: at + 1 };
  throw malformed(at, `a tag 0x${tag.toString(16)}`);
}

function decodeEscaped(key: Uint8Array, start: number): DecodedPart {
  const bytes = new Uint8Array(key.length - start);
  let length = 0;
  let at = start + 1;
  for (;;) {
    if (at >= key.length) throw malformed(start, "a part without an end");
    if (key[at] === 0) {
      if (key[at + 1] !== 0xff) break;
      bytes[length++] = 0;
      at += 2;
    } else {
      bytes[length++] = key[at++];
    }
  }
  const body = bytes.slice(0, length);
  return { part: key[start] === tagBytes ? body : decodeText(body, start), end: at + 1 };
}

function decodeText(bytes: Uint8Array, at: number): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed(at, "a string that is not UTF-8");
  }
}

function decodeNumber(key: Uint8Array, at: number): DecodedPart {
  const part = takeBytes(key, at, 9);
  flipNumber(part, (part[1] & 0x80) === 0);
  const number = new DataView(part.buffer).getFloat64(1);
  const canonical = !Number.isNaN(number) || equals(encodeNumber(number), key.subarray(at, at + 9));
  if (!canonical) throw malformed(at, "an unusual NaN");
  return { part: number, end: at + 9 };
}

function decodeBigint(key: Uint8Array, at: number): DecodedPart {
  const tag = key[at];
  if (tag === tagZero) return { part: 0n, end: at + 1 };
  const negative = tag < tagZero;
  const huge = tag === tagHugeNegative || tag === tagHugePositive;
  const length = huge ? hugeLength(key, at, negative) : Math.abs(tag - tagZero);
  const from = at + (huge ? 3 : 1);
  const magnitude = takeBytes(key, from, length);
  if (negative) flip(magnitude, 0);
  if (magnitude[0] === 0) throw malformed(at, "a bigint with leading zeros");
  const integer = BigInt("0x" + magnitude.toHex());
  return { part: negative ? -integer : integer, end: from + length };
}

function hugeLength(key: Uint8Array, at: number, negative: boolean): number {
  const bytes = takeBytes(key, at + 1, 2);
  if (negative) flip(bytes, 0);
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
