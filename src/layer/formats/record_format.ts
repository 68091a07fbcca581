/**
 * The record: what the values area of every data file is made of. Little-endian.
 *
 * ```
 *   0        4     5      6            8              12        16         20
 *   ┌────────┬─────┬──────┬────────────┬──────────────┬─────────┬──────────┬───────┬─────────┐
 *   │ crc32  │kind │flags │ keyLength  │ valueLength  │ lsn low │ lsn high │ key … │ value … │
 *   └────────┴─────┴──────┴────────────┴──────────────┴─────────┴──────────┴───────┴─────────┘
 *      u32     u8    u8       u16            u32          u32       u32
 * ```
 *
 * The checksum covers everything after it and is combined with the seed of the file, so that a record of another file
 * does not check. It knows nothing of its place, so that it can be copied: a copy differs in these four bytes alone, and
 * they follow from the two seeds. A *pad* record fills the file up to a block boundary and carries, as its value, which
 * file it belongs to, where it stands and what was known durable before it:
 *
 * ```
 *   value of a pad:  0          8         16                24             32
 *                    ┌──────────┬─────────┬─────────────────┬──────────────┬─────────┐
 *                    │ file id  │ offset  │ durable offset  │ durable LSN  │ zeros … │
 *                    └──────────┴─────────┴─────────────────┴──────────────┴─────────┘
 * ```
 *
 * A *time mark* stands in a segment before the first batch of each second, has the LSN of that batch, and says, as its
 * value of 8 bytes, when it was appended, in milliseconds since the epoch. Neither of the two belongs to a batch.
 *
 * The value of a put with the flag *compressed* is that of `value_format.ts`; none in a segment has it. The value of a
 * patch is that of `patch_format.ts`.
 *
 * R1  A kind of 0 or above 7, an unknown flag, one that its kind cannot have, or a length over its limit is not a record.
 * R2  Every record of a batch has the batch's LSN, and only the last has the flag *last of its batch*.
 * R3  A record of another file does not check.
 *
 * @module
 */

import { crc32, crc32Within, maxKeyBytes, maxValueBytes } from "../../base/mod.ts";
import { isSameSpan } from "../spans.ts";
import { fileSeed } from "./file_seed.ts";
import { getLong, putLong } from "./long.ts";
import { wordAt } from "./word.ts";

/** The bytes of a record before its key. */
export const recordHeaderBytes: number = 20;
/** The bytes of a pad record before its zeros. */
export const padBytes: number = recordHeaderBytes + 32;

/** The bytes of a time mark. */
export const timeMarkBytes: number = recordHeaderBytes + 8;

/** What a record is. */
export const RecordKind = {
  /** A whole value. */
  PUT: 1,
  /** A tombstone. */
  DELETE: 2,
  /** A batch without changes: it has an LSN and nothing else, but in a log a value, its payload. */
  MARK: 3,
  /** Fills a block; belongs to no batch. */
  PAD: 4,
  /** Says when the batch behind it was appended; belongs to no batch. */
  TIME: 5,
  /** Patches of a key: they stand on the newest older version of it. */
  PATCH: 6,
  /** What patches of a key stand on, and the patches: nothing older is needed. */
  PATCHED: 7,
} as const;

/** The largest kind. */
export const lastKind: number = RecordKind.PATCHED;

/** Whether a record of such a kind is a version of a key. */
export function isVersionKind(kind: number): boolean {
  return kind === RecordKind.PUT || kind === RecordKind.DELETE || isPatchKind(kind);
}

/** Whether a record of such a kind belongs to a batch: all but pads and time marks do. */
export function isBatchKind(kind: number): boolean {
  return kind < RecordKind.PAD || kind > RecordKind.TIME;
}

/** Whether a record of such a kind has patches in the place of its value. */
export function isPatchKind(kind: number): boolean {
  return kind === RecordKind.PATCH || kind === RecordKind.PATCHED;
}

/** The flag *last of its batch*. */
export const lastOfBatch = 1;
/** The flag *compressed*: what stands in the value's place is a compressed value. Only layers that were merged have it. */
export const compressedFlag = 2;
/** The largest flags. */
export const mostFlags: number = lastOfBatch | compressedFlag;

const twoTo32 = 2 ** 32;

/** The header of a record. */
export interface RecordHeader {
  /** See {@linkcode RecordKind}. */
  kind: number;
  /** {@linkcode lastOfBatch} and {@linkcode compressedFlag}, or neither. */
  flags: number;
  /** The length of the key in bytes. */
  keyLength: number;
  /** The length in bytes of the value as it stands there. */
  valueLength: number;
  /** The LSN of the batch. */
  lsn: number;
}

/**
 * Writes the header of a record whose checksum and LSN are set later, by {@linkcode stampRecord}.
 *
 * @returns The offset of its key.
 */
export function writeRecordHeader(
  view: DataView,
  at: number,
  kind: number,
  keyLength: number,
  valueLength: number,
): number {
  view.setUint32(at + 4, kind | keyLength << 16, true);
  view.setUint32(at + 8, valueLength, true);
  return at + recordHeaderBytes;
}

/**
 * Sets the LSN, the flags and then the checksum of a record that is otherwise complete. Hot: `bench/ingest.ts`.
 *
 * @param seed The seed of its file's checksums.
 */
export function stampRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  lsnLow: number,
  lsnHigh: number,
  flags: number,
  seed: number,
): void {
  bytes[at + 5] = flags;
  view.setUint32(at + 12, lsnLow, true);
  view.setUint32(at + 16, lsnHigh, true);
  view.setUint32(at, crc32Within(bytes, view, at + 4, at + length) ^ seed, true);
}

/**
 * Gives a record whose value has become another one its new length, a flag more, and its checksum.
 *
 * @param length Its new length, header included.
 * @param flag The flag.
 * @param valueLength The length of what stands in the value's place.
 * @param seed The seed of its file's checksums.
 */
export function stampAgain(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  length: number,
  flag: number,
  valueLength: number,
  seed: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes[at + 5] |= flag;
  view.setUint32(at + 8, valueLength, true);
  view.setUint32(at, crc32(bytes.subarray(at + 4, at + length)) ^ seed, true);
}

/** The low 32 bits of an LSN. */
export function lsnLow(lsn: number): number {
  return lsn >>> 0;
}

/** The high bits of an LSN. */
export function lsnHigh(lsn: number): number {
  return Math.floor(lsn / twoTo32);
}

/** Joins the two halves of an LSN. */
export function joinLsn(low: number, high: number): number {
  return high * twoTo32 + low;
}

/** The length of the key of the record at `at`, from bytes that were checked. */
export function keyLengthAt(view: DataView, at: number): number {
  return view.getUint16(at + 6, true);
}

/** The length of the record at `at`, header included, from bytes that were checked. */
export function recordLengthAt(view: DataView, at: number): number {
  return recordHeaderBytes + keyLengthAt(view, at) + view.getUint32(at + 8, true);
}

/**
 * Reads the header of a record without checking its checksum.
 *
 * @param view At least {@linkcode recordHeaderBytes} from `at` on.
 * @returns The header, or `undefined` if no record can have it (R1).
 */
export function readRecordHeader(view: DataView, at: number): RecordHeader | undefined {
  const kind = view.getUint8(at + 4);
  const flags = view.getUint8(at + 5);
  const keyLength = view.getUint16(at + 6, true);
  const valueLength = view.getUint32(at + 8, true);
  const lsn = getLong(view, at + 12);
  if (kind === 0 || kind > lastKind || flags > mostFlags) return undefined;
  if ((flags & compressedFlag) !== 0 && kind !== RecordKind.PUT) return undefined;
  if (keyLength > maxKeyBytes || valueLength > maxValueBytes || Number.isNaN(lsn)) return undefined;
  const keyless = !isVersionKind(kind);
  if (keyless !== (keyLength === 0)) return undefined;
  if (kind === RecordKind.PAD && valueLength < padBytes - recordHeaderBytes) return undefined;
  if (kind === RecordKind.TIME && (valueLength !== 8 || flags !== 0)) return undefined;
  return { kind, flags, keyLength, valueLength, lsn };
}

/**
 * Whether the checksum of the whole record in `bytes` from `at` on is right.
 *
 * @param seed The seed of its file's checksums.
 */
export function checkRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  seed: number,
): boolean {
  return view.getUint32(at, true) === (crc32Within(bytes, view, at + 4, at + length) ^ seed) >>> 0;
}

/**
 * Where the value starts in a whole record in `bytes` from `at` on, if that is the record of a value of a key at an LSN.
 * Nothing is allocated and no checksum is formed. Hot: `bench/get.ts`.
 *
 * @returns An offset in `bytes`; −1 if it is another record.
 */
export function valueStartOf(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: Uint8Array,
  lsn: number,
): number {
  return isPutAt(bytes, at) ? startOfValue(bytes, at, length, key, lsn) : -1;
}

/**
 * Where what stands in the value's place starts, as {@linkcode valueStartOf} says, be it a value or patches.
 *
 * @returns An offset in `bytes`; −1 if it is another record, or a deletion.
 */
export function contentStartOf(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: Uint8Array,
  lsn: number,
): number {
  const hasContent = isPutAt(bytes, at) || isPatchKind(bytes[at + 4]);
  return hasContent ? startOfValue(bytes, at, length, key, lsn) : -1;
}

/** Whether the record at `at` is a whole value. */
export function isPutAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 4] === RecordKind.PUT;
}

function startOfValue(bytes: Uint8Array, at: number, length: number, key: Uint8Array, lsn: number): number {
  if (length < recordHeaderBytes) return -1;
  const keyLength = bytes[at + 6] | bytes[at + 7] << 8, start = at + recordHeaderBytes + keyLength;
  const isIt = keyLength === key.length && wordAt(bytes, at + 8) === length - recordHeaderBytes - keyLength &&
    joinLsn(wordAt(bytes, at + 12), wordAt(bytes, at + 16)) === lsn &&
    isSameSpan(bytes, at + recordHeaderBytes, key, 0, keyLength);
  return isIt ? start : -1;
}

/** Whether the value of the record at `at`, which is a whole one, is compressed. */
export function isCompressedAt(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 5] & compressedFlag) !== 0;
}

/** What a pad record says. */
export interface Pad {
  /** The file that it belongs to. */
  fileId: number;
  /** Its own offset in its file, so that blocks in the places of others are found out. */
  offset: number;
  /** The offset in its file up to which everything was known durable. */
  durableOffset: number;
  /** The LSN up to which the whole timeline was known durable. */
  durableLsn: number;
}

/**
 * Encodes a pad record.
 *
 * @param length Its whole length in bytes, at least {@linkcode padBytes}.
 * @param lsn The last LSN before it.
 * @param pad What it says.
 */
export function encodePad(length: number, lsn: number, pad: Pad): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const value = writeRecordHeader(view, 0, RecordKind.PAD, 0, length - recordHeaderBytes);
  putLong(view, value, pad.fileId);
  putLong(view, value + 8, pad.offset);
  putLong(view, value + 16, pad.durableOffset);
  putLong(view, value + 24, pad.durableLsn);
  stampRecord(bytes, view, 0, length, lsnLow(lsn), lsnHigh(lsn), 0, fileSeed(pad.fileId));
  return bytes;
}

/**
 * Reads what the pad record at `at`, already checked, says.
 *
 * @returns What it says; a number over 2^53 − 1, which nobody writes, is `NaN`, which equals nothing.
 */
export function decodePad(view: DataView, at: number): Pad {
  const value = at + recordHeaderBytes;
  return {
    fileId: getLong(view, value),
    offset: getLong(view, value + 8),
    durableOffset: getLong(view, value + 16),
    durableLsn: getLong(view, value + 24),
  };
}

/**
 * Encodes a time mark.
 *
 * @param lsn The LSN of the batch behind it.
 * @param milliseconds When that was appended, since the epoch.
 * @param seed The seed of its file's checksums.
 */
export function encodeTimeMark(lsn: number, milliseconds: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(timeMarkBytes), view = new DataView(bytes.buffer);
  putLong(view, writeRecordHeader(view, 0, RecordKind.TIME, 0, 8), milliseconds);
  stampRecord(bytes, view, 0, timeMarkBytes, lsnLow(lsn), lsnHigh(lsn), 0, seed);
  return bytes;
}

/**
 * Reads the time that the mark at `at`, already checked, tells.
 *
 * @returns Milliseconds since the epoch; `NaN` for a number over 2^53 − 1, which nobody writes.
 */
export function decodeTimeMark(view: DataView, at: number): number {
  return getLong(view, at + recordHeaderBytes);
}
