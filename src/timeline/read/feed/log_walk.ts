/**
 * The records of a segment in the order in which they lie, which is that of LSNs: whole batches, from one LSN to another.
 *
 * ```
 *   piece of a segment    time │ batch 7 │ batch 8 │ pad ┃ batch 9 │ bat…          fed once more, with what follows
 *                                 └ from            └ passed over   ┴ next
 * ```
 *
 * P4  Only whole batches are taken, each once, at increasing LSNs.
 *     A record that stands behind a newer one is damage: blocks that check may have changed places.
 * P5  Bytes of a file are checked before anything of them is believed; those that never left memory are not.
 *
 * @module
 */

import { compareKeys, CorruptionError, type Lsn, maxBatchBytes } from "../../../base/mod.ts";
import {
  checkRecord,
  decodePatches,
  flagsOfKind,
  isBatchKind,
  isPatchKind,
  joinLsn,
  lastOfBatch,
  type PatchList,
  readRecordHeader,
  type RecordFile,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
  VersionBlock,
} from "../../../layer/mod.ts";
import type { ChangeBatch } from "./change_batch.ts";
import { batchesOfRows } from "./log_batches.ts";
import type { KeyRange } from "./options.ts";

const nothing = new Uint8Array(0);

/** What of a segment is walked. */
export interface LogStretch {
  /** Its file. */
  readonly file: RecordFile;
  /** Where it ends, in bytes. */
  readonly end: number;
  /** The first LSN that counts. */
  readonly from: Lsn;
  /** The last LSN that counts. */
  readonly to: Lsn;
  /** Which keys count. */
  readonly range: KeyRange;
}

/** A walk over one piece of it. */
export class LogWalk {
  /** The batches that were taken of which anything counts. */
  batches: ChangeBatch[] = [];
  /** Where the batch starts that was not taken, in the file. */
  next: number;
  /** The first LSN that may come behind what was taken. */
  nextLsn: Lsn;
  /** The least LSN that a batch at {@linkcode next} may have: all in front of it are older. */
  leastLsn: Lsn;
  /** Whether nothing that counts comes any more. */
  isOver = false;
  readonly #stretch: LogStretch;
  /** The records that count; their keys, and values behind them, lie in the piece. */
  readonly #rows: VersionBlock;
  /** By row: the patches of those that have any. */
  readonly #patches = new Map<number, PatchList>();
  /** How many rows are those of whole batches. */
  #taken = 0;

  /**
   * Starts at a batch.
   *
   * @param stretch What is walked.
   * @param offset Where a batch starts, or what stands before it.
   * @param rows Room for its records, which may be that of an earlier walk.
   * @param leastLsn The least LSN that the batch may have.
   */
  constructor(
    stretch: LogStretch,
    offset: number,
    rows: VersionBlock = new VersionBlock(),
    leastLsn: Lsn = 0,
  ) {
    this.#stretch = stretch;
    this.#rows = rows;
    rows.count = 0;
    this.next = offset;
    this.nextLsn = stretch.from;
    this.leastLsn = leastLsn;
  }

  /**
   * Takes the batches of a piece, whose memory is not kept. Hot: `bench/follow.ts`.
   *
   * @param bytes Memory that holds it.
   * @param view The same memory.
   * @param start Where in it the piece starts, which stands at {@linkcode next} in the file.
   * @param end Where in it the piece ends.
   * @param isTrusted Whether it comes from memory alone (P5).
   * @throws {CorruptionError} If a record does not check; what stands before its batch was taken.
   */
  walk(
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
    isTrusted: boolean,
  ): void {
    try {
      this.#walk(bytes, view, start, end, isTrusted);
    } finally {
      this.#rows.count = this.#taken;
      this.batches = batchesOfRows(this.#rows, this.#patches);
      this.#rows.bytes = nothing;
    }
  }

  #walk(
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
    isTrusted: boolean,
  ): void {
    const rows = this.#rows, shift = this.next - start;
    rows.bytes = bytes;
    let least = this.leastLsn;
    for (let at = start, length = 0; at + recordHeaderBytes <= end; at += length) {
      length = isTrusted ? recordLengthAt(view, at) : this.#lengthAt(view, at, at + shift);
      if (at + length > end) break;
      if (!isTrusted) this.#check(bytes, view, at, length, at + shift, least);
      const kind = bytes[at + 4], lsn = lsnAt(view, at);
      least = Math.max(least, endsAt(kind, bytes[at + 5]) ? lsn + 1 : lsn);
      if (isBatchKind(kind) && !this.#accept(view, at, length, lsn, shift)) continue;
      // Neither a pad nor a time mark stands within a batch.
      this.#taken = rows.count;
      this.next = at + length + shift;
      this.leastLsn = least;
    }
  }

  /** Takes a record of a batch; returns whether the batch ends with it. */
  #accept(view: DataView, at: number, length: number, lsn: Lsn, shift: number): boolean {
    const { from, to } = this.#stretch, { bytes } = this.#rows;
    this.isOver ||= lsn > to;
    if (lsn >= from && lsn <= to && bytes[at + 4] !== RecordKind.MARK) {
      this.#take(view, at, length, lsn, shift);
    }
    if (bytes[at + 5] !== lastOfBatch) return false;
    if (lsn <= to) this.nextLsn = Math.max(this.nextLsn, lsn + 1);
    this.isOver ||= lsn === to;
    return true;
  }

  #take(view: DataView, at: number, length: number, lsn: Lsn, shift: number): void {
    const rows = this.#rows, row = rows.count, keyStart = at + recordHeaderBytes;
    const keyLength = view.getUint16(at + 6, true), kind = rows.bytes[at + 4];
    if (!this.#isInRange(keyStart, keyLength)) return;
    if (isPatchKind(kind)) this.#takePatches(kind, keyStart + keyLength, at + length, at + shift);
    rows.reserve(row + 1, 0);
    rows.keyStart[row] = keyStart;
    rows.keyLength[row] = keyLength;
    rows.lsn[row] = lsn;
    rows.offset[row] = at + shift;
    rows.length[row] = length;
    rows.flags[row] = flagsOfKind(kind);
    rows.count = row + 1;
  }

  /** Takes what the record of the next row has in the place of a value. */
  #takePatches(kind: number, start: number, end: number, offset: number): void {
    const list = decodePatches(kind, this.#rows.bytes as Uint8Array<ArrayBuffer>, start, end);
    if (list === undefined) throw this.#damage(offset, "patches", "something else");
    this.#patches.set(this.#rows.count, list);
  }

  #isInRange(keyStart: number, keyLength: number): boolean {
    const { start, end } = this.#stretch.range;
    if (start === undefined && end === undefined) return true;
    const key = this.#rows.bytes.subarray(keyStart, keyStart + keyLength);
    return (start === undefined || compareKeys(key, start) >= 0) &&
      (end === undefined || compareKeys(key, end) < 0);
  }

  /** The length of the record at `at`, if one can stand there. */
  #lengthAt(view: DataView, at: number, offset: number): number {
    const length = readRecordHeader(view, at) === undefined ? Infinity : recordLengthAt(view, at);
    if (offset + length <= this.#stretch.end && length <= maxBatchBytes) return length;
    throw this.#damage(offset, "a record", "none that ends there");
  }

  #check(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    offset: number,
    least: Lsn,
  ): void {
    if (!checkRecord(bytes, view, at, length, this.#stretch.file.seed)) {
      throw this.#damage(offset, "a record that checks", "one that does not");
    }
    const lsn = lsnAt(view, at);
    // A pad has the LSN of the batch in front of it.
    if (lsn >= (bytes[at + 4] === RecordKind.PAD ? least - 1 : least)) return;
    throw this.#damage(offset, `a record at LSN ${least} or later`, `one at LSN ${lsn}`);
  }

  #damage(offset: number, expected: string, found: string): CorruptionError {
    return new CorruptionError({ path: this.#stretch.file.object.path, offset, expected, found });
  }
}

function lsnAt(view: DataView, at: number): Lsn {
  return joinLsn(view.getUint32(at + 12, true), view.getUint32(at + 16, true));
}

/** Whether all behind such a record has a later LSN. A time mark has that of the batch behind it. */
function endsAt(kind: number, flags: number): boolean {
  return kind === RecordKind.PAD || isBatchKind(kind) && flags === lastOfBatch;
}
