/** Parts of structured keys, written into memory that is there. Hot: `bench/keys.ts`. */

import { LimitError } from "../errors.ts";
import { maxKeyBytes } from "../limits.ts";
import { typeName } from "../type_name.ts";
import { escapedZero, type KeyPart, maxTaggedLength, Tag } from "./key_part.ts";

const encoder = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));
const mostTagged = 2n ** BigInt(8 * maxTaggedLength) - 1n;

/**
 * Writes parts one behind the other.
 *
 * @param to The memory.
 * @param at Where the first part begins.
 * @param end Where the longest key would end that the parts belong to: 512 bytes behind its beginning.
 * @param parts The parts.
 * @returns Where the last part ends.
 * @throws {TypeError} If a part has another type, or is a string with a lone surrogate.
 * @throws {LimitError} If the key is longer than 512 bytes.
 */
export function writeParts(to: Uint8Array, at: number, end: number, parts: readonly KeyPart[]): number {
  for (let i = 0; i < parts.length; i++) at = writePart(to, at, end, parts[i]);
  return at;
}

function writePart(to: Uint8Array, at: number, end: number, part: KeyPart): number {
  switch (typeof part) {
    case "string":
      return writeText(to, at, end, part);
    case "number":
      return writeNumber(to, at, end, part);
    case "bigint":
      return writeBigint(to, at, end, part);
    case "boolean":
      checkRoom(1, end - at);
      to[at] = part ? Tag.TRUE : Tag.FALSE;
      return at + 1;
    default:
      if (part instanceof Uint8Array) return writeBytes(to, at, end, part);
      throw new TypeError(
        `Cannot encode key: expected a Uint8Array, string, number, bigint or boolean, found ${
          typeName(part)
        }`,
      );
  }
}

function writeText(to: Uint8Array, at: number, end: number, text: string): number {
  // A UTF-16 code unit is at most three bytes of UTF-8, and a zero is two bytes.
  if (3 * text.length + 2 > end - at) checkRoom(textLength(text), end - at);
  to[at++] = Tag.STRING;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      to[at++] = unit;
      if (unit === 0) to[at++] = escapedZero;
    } else if (unit < 0x800) {
      to[at++] = 0xc0 | unit >> 6;
      to[at++] = 0x80 | unit & 0x3f;
    } else if ((unit & 0xf800) !== 0xd800) {
      to[at++] = 0xe0 | unit >> 12;
      to[at++] = 0x80 | unit >> 6 & 0x3f;
      to[at++] = 0x80 | unit & 0x3f;
    } else {
      const point = pairAt(text, i++);
      to[at++] = 0xf0 | point >> 18;
      to[at++] = 0x80 | point >> 12 & 0x3f;
      to[at++] = 0x80 | point >> 6 & 0x3f;
      to[at++] = 0x80 | point & 0x3f;
    }
  }
  to[at] = 0;
  return at + 1;
}

/** The code point of the two surrogates at `i`. */
function pairAt(text: string, i: number): number {
  const point = text.codePointAt(i) as number;
  if (point > 0xffff) return point;
  throw new TypeError("Cannot encode key: a string holds a lone surrogate");
}

/** How many bytes a string takes, or at least more than a key has. */
function textLength(text: string): number {
  if (text.length > maxKeyBytes) return text.length + 2;
  return bytesLength(encoder.encode(text));
}

function writeBytes(to: Uint8Array, at: number, end: number, bytes: Uint8Array): number {
  if (2 * bytes.length + 2 > end - at) checkRoom(bytesLength(bytes), end - at);
  to[at++] = Tag.BYTES;
  for (let i = 0; i < bytes.length; i++) {
    const byte = to[at++] = bytes[i];
    if (byte === 0) to[at++] = escapedZero;
  }
  to[at] = 0;
  return at + 1;
}

/** How many bytes a part of bytes takes, or at least more than a key has. */
function bytesLength(bytes: Uint8Array): number {
  let length = bytes.length + 2;
  if (bytes.length > maxKeyBytes) return length;
  for (const byte of bytes) if (byte === 0) length++;
  return length;
}

function writeNumber(to: Uint8Array, at: number, end: number, number: number): number {
  checkRoom(9, end - at);
  scratch.setFloat64(0, number);
  let high = scratch.getInt32(0), low = scratch.getInt32(4);
  if (Number.isNaN(number)) {
    // The engine may hold any of the many NaNs; a key has one encoding, so the positive quiet one stands for all.
    high = 0x7ff80000;
    low = 0;
  }
  // All bits of a negative number are flipped, so that larger magnitudes sort first, and the sign of any other.
  if (high < 0) low = ~low;
  high ^= high >> 31 | 0x80000000;
  to[at] = Tag.NUMBER;
  to[at + 1] = high >> 24;
  to[at + 2] = high >> 16;
  to[at + 3] = high >> 8;
  to[at + 4] = high;
  to[at + 5] = low >> 24;
  to[at + 6] = low >> 16;
  to[at + 7] = low >> 8;
  to[at + 8] = low;
  return at + 9;
}

function writeBigint(to: Uint8Array, at: number, end: number, integer: bigint): number {
  const isNegative = integer < 0n, magnitude = isNegative ? -integer : integer;
  const flip = isNegative ? 0xff : 0;
  if (magnitude > mostTagged) return writeHuge(to, at, end, magnitude, flip);
  scratch.setBigUint64(0, magnitude);
  const high = scratch.getInt32(0), low = scratch.getInt32(4);
  const length = 8 - ((high === 0 ? 32 + Math.clz32(low) : Math.clz32(high)) >> 3);
  checkRoom(1 + length, end - at);
  to[at++] = isNegative ? Tag.ZERO - length : Tag.ZERO + length;
  for (let i = 8 - length; i < 8; i++) to[at++] = scratch.getUint8(i) ^ flip;
  return at;
}

/** Writes a bigint whose length does not fit its tag. */
function writeHuge(to: Uint8Array, at: number, end: number, magnitude: bigint, flip: number): number {
  const digits = magnitude.toString(16), length = (digits.length + 1) >> 1;
  checkRoom(3 + length, end - at);
  const bytes = Uint8Array.fromHex(digits.padStart(2 * length, "0"));
  to[at++] = flip === 0 ? Tag.HUGE_POSITIVE : Tag.HUGE_NEGATIVE;
  to[at++] = length >> 8 ^ flip;
  to[at++] = length ^ flip;
  for (const byte of bytes) to[at++] = byte ^ flip;
  return at;
}

function checkRoom(needed: number, room: number): void {
  if (needed <= room) return;
  const limit = maxKeyBytes, found = limit - room + needed;
  throw new LimitError(`Cannot encode key: its length is ${found} bytes or more, the limit is ${limit}`, {
    limit,
    found,
  });
}
