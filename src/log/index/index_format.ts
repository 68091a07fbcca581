/**
 * The index of a sealed segment of a log: what stands behind its records. Numbers have 64 bits, little-endian, but for the
 * checksum, which has 32, and the version, which has 16.
 *
 * ```
 *   segment:  header block │ records, pads │ index, whole blocks
 *
 *   index:    0       4          12        16        24         32          40
 *             ┌───────┬──────────┬─────────┬─────────┬──────────┬───────────┬──────────┬───
 *             │ crc32 │ VARVELX1 │ version │ file id │ sequence │ first LSN │ last LSN │ …
 *             └───────┴──────────┴─────────┴─────────┴──────────┴───────────┴──────────┴───
 *             48           56       64
 *          ───┬────────────┬────────┬───────┬───────────────────┬─────────────────────┬─────────┐
 *             │ values end │ places │ times │ (LSN, place) …   │ (LSN, second) …    │ zeros … │
 *          ───┴────────────┴────────┴───────┴───────────────────┴─────────────────────┴─────────┘
 * ```
 *
 * The checksum covers the rest, zeros included, and is combined with the seed of the file. A place is where a record of
 * that LSN starts; a second is one by which all up to that LSN were appended. An index says nothing that the records do
 * not: where it does not check, they are read instead.
 *
 * @module
 */

import { blockBytes, crc32, type Lsn, maxSeconds, type Times, timesFault } from "../../base/mod.ts";
import { fileSeed, getLong, putLong } from "../../layer/mod.ts";
import { type NotedRecord, SparseIndex } from "./sparse_index.ts";

/** The version of this format. */
export const indexVersion = 1;

const magic = new TextEncoder().encode("VARVELX1");
const headBytes = 72;
const pairBytes = 16;

/** Which segment an index is of. */
export interface IndexedSegment {
  /** Its file. */
  readonly fileId: number;
  /** Its place in its log. */
  readonly sequence: number;
  /** The LSN of its first record. */
  readonly firstLsn: Lsn;
  /** The LSN of its last record. */
  readonly lastLsn: Lsn;
  /** Where its records end. */
  readonly valuesEnd: number;
}

/** What an index says. */
export interface SegmentIndex {
  /** Where records lie. */
  readonly places: SparseIndex;
  /** When they were appended. */
  readonly times: Times;
}

const numbers = ["fileId", "sequence", "firstLsn", "lastLsn", "valuesEnd"] as const;

/** Encodes an index, in whole blocks. */
export function encodeIndex(
  segment: IndexedSegment,
  { places, times }: SegmentIndex,
): Uint8Array<ArrayBuffer> {
  const { noted } = places, pairs = noted.length + times.lsns.length;
  const length = Math.ceil((headBytes + pairs * pairBytes) / blockBytes) * blockBytes;
  const bytes = new Uint8Array(length), view = new DataView(bytes.buffer);
  bytes.set(magic, 4);
  view.setUint16(12, indexVersion, true);
  numbers.forEach((name, i) => putLong(view, 16 + i * 8, segment[name]));
  putLong(view, 56, noted.length);
  putLong(view, 64, times.lsns.length);
  let at = headBytes;
  const put = (first: number, second: number) => {
    putLong(view, at, first);
    putLong(view, at + 8, second);
    at += pairBytes;
  };
  for (const { lsn, place } of noted) put(lsn, place);
  times.lsns.forEach((lsn, i) => put(lsn, times.seconds[i]));
  view.setUint32(0, checksumOf(bytes, segment.fileId), true);
  return bytes;
}

function checksumOf(bytes: Uint8Array, fileId: number): number {
  return (crc32(bytes.subarray(4)) ^ fileSeed(fileId)) >>> 0;
}

/**
 * Decodes an index.
 *
 * @param bytes All that stands behind the records, in whole blocks.
 * @param segment Whose it must be.
 * @returns What it says; `undefined` if it does not check, is another's, or contradicts itself.
 */
export function decodeIndex(
  bytes: Uint8Array<ArrayBuffer>,
  segment: IndexedSegment,
): SegmentIndex | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < blockBytes || magic.some((byte, i) => bytes[4 + i] !== byte)) return undefined;
  if (view.getUint16(12, true) !== indexVersion) return undefined;
  if (view.getUint32(0, true) !== checksumOf(bytes, segment.fileId)) return undefined;
  if (numbers.some((name, i) => getLong(view, 16 + i * 8) !== segment[name])) return undefined;
  const places = getLong(view, 56), times = getLong(view, 64);
  if (!(headBytes + (places + times) * pairBytes <= bytes.length)) return undefined;
  const noted = Array.from({ length: places }, (_, i): NotedRecord => {
    const at = headBytes + i * pairBytes;
    return { lsn: getLong(view, at), place: getLong(view, at + 8) };
  });
  const column = (offset: number) =>
    Float64Array.from(
      { length: times },
      (_, i) => getLong(view, headBytes + (places + i) * pairBytes + offset),
    );
  const found: Times = { lsns: column(0), seconds: column(8) };
  if (!arePlaces(noted, segment) || timesFault(found) !== undefined) return undefined;
  if ((found.seconds.at(-1) ?? 0) > maxSeconds || (found.lsns.at(-1) ?? 0) > segment.lastLsn) {
    return undefined;
  }
  return { places: new SparseIndex(noted), times: found };
}

/** Whether records may lie so: in order, within the segment. */
function arePlaces(noted: readonly NotedRecord[], { firstLsn, lastLsn, valuesEnd }: IndexedSegment): boolean {
  return noted.every(({ lsn, place }, i) => {
    const before = noted[i - 1] ?? { lsn: firstLsn - 1, place: blockBytes - 1 };
    return lsn > before.lsn && lsn <= lastLsn && place > before.place && place < valuesEnd;
  });
}
