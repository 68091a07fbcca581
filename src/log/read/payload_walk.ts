/**
 * The records of a segment of a log as they lie, as entries.
 *
 * @module
 */

import { CorruptionError, type Lsn, maxBatchBytes } from "../../base/mod.ts";
import {
  checkRecord,
  getLong,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
} from "../../layer/mod.ts";

/** Small payloads lie side by side in memory of so many bytes: who keeps one keeps no more. */
const mostBlockBytes = 4096;

/** A record of a log. */
export interface LogEntry {
  /** Its offset: how many records were ever appended before it. */
  offset: number;
  /**
   * Its payload, which is the reader's. Small ones lie side by side in one `ArrayBuffer`: who transfers that, such as to a
   * worker, takes a copy before.
   */
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
  /** How long that is, if its header is there and can be right; 0 otherwise. */
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
  const { path, seed, end, from, to } = range, starts: number[] = [], ends: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damage = (offset: number, expected: string, found: string) =>
    new CorruptionError({ path, offset, expected, found });
  let at = 0, length = 0, due = from;
  for (; at + recordHeaderBytes <= bytes.length && due <= to; at += length, length = 0) {
    const isRecord = isTrusted || readRecordHeader(view, at) !== undefined;
    const told = isRecord ? recordLengthAt(view, at) : Infinity;
    if (told > maxBatchBytes || start + at + told > end) {
      if (starts.length > 0) break;
      throw damage(start + at, "a record", "none that ends there");
    }
    length = told;
    if (at + length > bytes.length) break;
    if (!isTrusted && !checkRecord(bytes, view, at, length, seed)) {
      if (starts.length > 0) break;
      throw damage(start + at, "a record that checks", "one that does not");
    }
    // Neither a pad nor a time mark is a record of the log.
    if (bytes[at + 4] !== RecordKind.MARK) continue;
    const lsn = getLong(view, at + 12);
    if (lsn < from) continue;
    if (lsn !== due) {
      if (starts.length > 0) break;
      throw damage(start + at, `the record of offset ${due - 1}`, `that of offset ${lsn - 1}`);
    }
    due++;
    starts.push(at + recordHeaderBytes);
    ends.push(at + length);
  }
  return { entries: copiesOf(bytes, starts, ends, from - 1), next: start + at, needed: length };
}

/** Payloads as entries in memory that is nobody else's: small ones side by side, with what stands between them. */
function copiesOf(
  bytes: Uint8Array<ArrayBuffer>,
  starts: readonly number[],
  ends: readonly number[],
  offset: number,
): LogEntry[] {
  const entries = new Array<LogEntry>(starts.length);
  for (let first = 0, next = 0; first < starts.length; first = next) {
    const start = starts[first];
    do next++; while (next < starts.length && ends[next] - start <= mostBlockBytes);
    const memory = bytes.slice(start, ends[next - 1]).buffer;
    for (let i = first; i < next; i++) {
      entries[i] = {
        offset: offset + i,
        payload: new Uint8Array(memory, starts[i] - start, ends[i] - starts[i]),
      };
    }
  }
  return entries;
}
