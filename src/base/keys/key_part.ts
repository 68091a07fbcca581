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

/** One part of a structured key. */
export type KeyPart = Uint8Array | string | number | bigint | boolean;

/** What a part begins with. */
export const Tag = {
  /** Bytes, which end with a zero. */
  BYTES: 0x01,
  /** A string, which ends with a zero. */
  STRING: 0x02,
  /** A number. */
  NUMBER: 0x03,
  /** A negative bigint of more than {@linkcode maxTaggedLength} bytes. */
  HUGE_NEGATIVE: 0x10,
  /** The bigint 0; as much less or more for a bigint of so many bytes. */
  ZERO: 0x19,
  /** A positive bigint of more than {@linkcode maxTaggedLength} bytes. */
  HUGE_POSITIVE: 0x22,
  /** `false`. */
  FALSE: 0x30,
  /** `true`. */
  TRUE: 0x31,
} as const;

/** A bigint of more bytes than this carries its length beside its tag. */
export const maxTaggedLength = 8;

/** Follows a zero byte that belongs to a string or to bytes; no tag. */
export const escapedZero = 0xff;
