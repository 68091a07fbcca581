/**
 * The records of a segment of a log as they lie, as entries.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../../base/mod.ts";
import {
  checkRecord,
  getLong,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
} from "../../layer/mod.ts";
import { maxBatchBytes } from "../../base/mod.ts";

/** A record of a log. */
export interface LogEntry {
  /** Its offset: how many records were ever appended before it. */
  offset: number;
  /** Its payload, which is the reader's. */
  payload: Uint8Array<ArrayBuffer>;
}

/** A piece of a segment. */
export interface LogPiece {
  /** The bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where they start in the segment: at a record. */
  readonly start: number;
  /** Whether they come from memory alone, so that they need no check. */
  readonly isTrusted: boolean;
}

/** What is walked for. */
export interface WalkRange {
  /** The file, for messages. */
  readonly path: string;
  /** The seed of its checksums. */
  readonly seed: number;
  /** Where its records end. */
  readonly end: number;
  /** The LSN of the first record that counts. */
  readonly from: Lsn;
  /** The LSN of the last record that counts. */
  readonly to: Lsn;
}

/** What was found in a piece. */
export interface WalkedPiece {
  /** The entries that count. */
  readonly entries: LogEntry[];
  /** Where the record starts that comes next, in the segment. */
  readonly next: number;
  /** How long that is, if its header is there; 0 otherwise. */
  readonly needed: number;
}

/**
 * Takes the records of a piece. Hot: `bench/log.ts`.
 *
 * @param piece The piece.
 * @param range What counts.
 * @throws {CorruptionError} If a record does not check, or is not the one that comes next, and none before it counts.
 */
export function walkPayloads({ bytes, start, isTrusted }: LogPiece, range: WalkRange): WalkedPiece {
  const { path, seed, end, from, to } = range, entries: LogEntry[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damage = (offset: number, expected: string, found: string) =>
    new CorruptionError({ path, offset, expected, found });
  let at = 0, length = 0, due = from;
  for (; at + recordHeaderBytes <= bytes.length && due <= to; at += length, length = 0) {
    const header = isTrusted ? undefined : readRecordHeader(view, at);
    const isRecord = isTrusted || header !== undefined;
    length = isRecord ? recordLengthAt(view, at) : maxBatchBytes + 1;
    if (length > maxBatchBytes || start + at + length > end) {
      if (entries.length > 0) break;
      throw damage(start + at, "a record", "none that ends there");
    }
    if (at + length > bytes.length) break;
    if (!isTrusted && !checkRecord(bytes, view, at, length, seed)) {
      if (entries.length > 0) break;
      throw damage(start + at, "a record that checks", "one that does not");
    }
    // Neither a pad nor a time mark is a record of the log.
    if (bytes[at + 4] !== RecordKind.MARK) continue;
    const lsn = getLong(view, at + 12);
    if (lsn < from) continue;
    if (lsn !== due) {
      if (entries.length > 0) break;
      throw damage(start + at, `the record of offset ${due - 1}`, `that of offset ${lsn - 1}`);
    }
    due++;
    entries.push({ offset: lsn - 1, payload: bytes.slice(at + recordHeaderBytes, at + length) });
  }
  return { entries, next: start + at, needed: length };
}
