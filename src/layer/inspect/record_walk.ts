/**
 * Walking the records of a values area in the order in which they lie, across what is damaged.
 *
 * ```
 *   record │ record │ re░░rd │ record │ pad ┃ record │ ░░░░░░░░░░░░ │ record …
 *                   └ gap ───┘                       └ gap ─────────┘
 *                     its length still leads             where the next record stands is known from the index,
 *                     to a record                        or it is the next bytes that check
 * ```
 *
 * Q1  Records and gaps come in order and cover the area without an overlap.
 * Q2  What is handed on checks, lies in the area, is of LSNs that may be there and, in a segment, in their order.
 * Q3  Memory is bounded by two records, and the search for the next one by the bytes that it may sum in vain.
 *
 * @module
 */

import { blockBytes, type Lsn } from "../../base/mod.ts";
import { fileSeed } from "../formats/file_seed.ts";
import {
  checkRecord,
  decodeTimeMark,
  lastKind,
  lastOfBatch,
  mostFlags,
  padBytes,
  readRecordHeader,
  type RecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../formats/record_format.ts";
import { isNearlyPad } from "./nearly_pad.ts";

/** What is known of an area before it is walked. */
export interface RecordArea {
  /** Where its first record stands. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** The id of the file, to which its records are bound. */
  readonly fileId: number;
  /** The least LSN that its records have. */
  readonly firstLsn: Lsn;
  /** The largest LSN that its records have. */
  readonly lastLsn: Lsn;
  /** Whether records stand in the order of their LSNs, as in a segment. */
  readonly isOrdered: boolean;
  /**
   * Where the next record at or after an offset stands, from an index that is whole; `undefined` if none does. Left out,
   * it is looked for.
   */
  readonly known?: ((offset: number) => number | undefined) | undefined;
}

/** Who is told what a walk comes by. */
export interface RecordSink {
  /**
   * Takes a record that checks; pads and time marks are not handed on.
   *
   * @param header Its header.
   * @param bytes Memory that holds it, lent for the call.
   * @param at Where in it the record starts.
   * @param offset Where the record starts in the file.
   */
  record(header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, at: number, offset: number): void;
  /** Learns when the batch at an LSN was appended, in milliseconds since the epoch. */
  time?(lsn: Lsn, milliseconds: number): void;
  /**
   * Learns of a stretch without a record that checks.
   *
   * @param from Where it starts.
   * @param to Where it ends.
   * @param wasPad Whether all that stood there is a pad, some of which is damaged: no record is lost with it.
   */
  gap(from: number, to: number, wasPad: boolean): void;
}

/** Bytes that are summed in vain, beside each of the area once, before the search for a record is given up (Q3). */
const mostBytesInVain = 1024 * 1024 * 1024;
const noRecord = 0;
const moreBytes = -1;

/** A walk along an area, which is fed with its bytes. */
export class RecordWalk {
  readonly #area: RecordArea;
  readonly #sink: RecordSink;
  readonly #seed: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  /** The offset in the file of `#bytes[0]`. */
  #base: number;
  /** Where the next record is looked for, in `#bytes`. */
  #at = 0;
  /** Where the gap starts that is being crossed, in the file. */
  #gap: number | undefined;
  /** Where the record behind a gap stands if only its contents are damaged, in the file. */
  #trusted: number | undefined;
  /** Where the gap ends if a pad is all that stood there, in the file. */
  #padEnd: number | undefined;
  #isInBatch = false;
  #lastLsn: Lsn;
  #vainBytes = 0;

  /**
   * Starts to walk.
   *
   * @param area What is walked.
   * @param sink Who is told.
   */
  constructor(area: RecordArea, sink: RecordSink) {
    this.#area = area;
    this.#sink = sink;
    this.#seed = fileSeed(area.fileId);
    this.#base = area.start;
    this.#lastLsn = area.firstLsn - 1;
  }

  /** Whether the last record that was handed on is followed by others of its batch. */
  get isInBatch(): boolean {
    return this.#isInBatch;
  }

  /** Where the gap starts that is being crossed; `undefined` if none is. */
  get gapStart(): number | undefined {
    return this.#gap;
  }

  /** Takes the next bytes of the area. */
  feed(chunk: Uint8Array): void {
    this.#take(chunk);
    while (this.#gap === undefined ? this.#read(false) : this.#search(false));
  }

  /** Passes over bytes that cannot be read, up to an offset. */
  skip(to: number): void {
    this.#gap ??= this.#base + this.#at;
    this.#trusted = this.#padEnd = undefined;
    this.#base = to;
    this.#at = this.#filled = 0;
  }

  /** Ends the walk: no more bytes come. */
  finish(): void {
    while (this.#gap === undefined ? this.#read(true) : this.#search(true));
    const from = this.#gap ?? this.#base + this.#at;
    const { end } = this.#area;
    if (from < end) this.#sink.gap(from, end, this.#padEnd === end);
  }

  /** Keeps what may belong to the next record, and adds the chunk behind it. */
  #take(chunk: Uint8Array): void {
    const left = this.#filled - this.#at, needed = left + chunk.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, left * 2));
      larger.set(this.#bytes.subarray(this.#at, this.#filled));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    } else this.#bytes.copyWithin(0, this.#at, this.#filled);
    this.#bytes.set(chunk, left);
    this.#base += this.#at;
    this.#at = 0;
    this.#filled = needed;
  }

  /** Reads the record that must stand here; whether there may be another in memory. */
  #read(isEnd: boolean): boolean {
    const at = this.#at;
    if (at === this.#filled) return false;
    const length = this.#judge(at);
    const isWhole = length > 0 || length === noRecord && at + padBytes <= this.#filled;
    if (!isWhole && !isEnd) return false;
    if (length > 0) this.#accept(at, length);
    else this.#openGap(at);
    return true;
  }

  #openGap(at: number): void {
    const offset = this.#gap = this.#base + at;
    const header = at + recordHeaderBytes <= this.#filled ? readRecordHeader(this.#view, at) : undefined;
    const behind = header === undefined ? this.#area.end : offset + lengthOf(header);
    this.#trusted = behind < this.#area.end ? behind : undefined;
    this.#padEnd = this.#padEndAt(at);
    this.#at = at + 1;
  }

  /** Where a pad ends that stands at `at` and does not check, in the file; `undefined` if there is none. */
  #padEndAt(at: number): number | undefined {
    if (this.#isInBatch || at + padBytes > this.#filled) return undefined;
    const from = this.#base + at, end = Math.ceil((from + padBytes) / blockBytes) * blockBytes;
    const head = this.#bytes.subarray(at, at + padBytes);
    return isNearlyPad(head, end - from, this.#area.fileId) ? end : undefined;
  }

  /** Looks for the record behind a gap; whether there may be another in memory. */
  #search(isEnd: boolean): boolean {
    if (this.#trusted !== undefined) {
      const at = this.#trusted - this.#base, length = this.#judge(at);
      if (length === moreBytes && !isEnd) return false;
      this.#trusted = undefined;
      if (length > 0) return this.#closeGap(at, length);
    }
    for (let at = this.#next(this.#at); at < this.#filled; at = this.#next(at + 1)) {
      const length = this.#judge(at);
      this.#at = at;
      if (length > 0) return this.#closeGap(at, length);
      if (length === moreBytes && !isEnd) return false;
    }
    this.#at = this.#filled;
    return false;
  }

  /** The next place, in `#bytes`, where a record may start. */
  #next(from: number): number {
    const { known, start, end: areaEnd } = this.#area;
    if (this.#vainBytes > mostBytesInVain + (areaEnd - start)) return Infinity;
    if (known !== undefined) return (known(this.#base + from) ?? Infinity) - this.#base;
    const bytes = this.#bytes, end = this.#filled - recordHeaderBytes;
    // The kind and the flags of a record leave one place of 4,000 in random bytes.
    let at = from;
    while (at <= end && (bytes[at + 4] - 1 >>> 0 >= lastKind || bytes[at + 5] > mostFlags)) at++;
    return at;
  }

  #closeGap(at: number, length: number): true {
    const to = this.#base + at;
    this.#sink.gap(this.#gap as number, to, this.#padEnd === to);
    this.#accept(at, length);
    return true;
  }

  #accept(at: number, length: number): void {
    this.#gap = undefined;
    this.#at = at + length;
    const header = readRecordHeader(this.#view, at) as RecordHeader;
    if (header.kind === RecordKind.PAD) {
      this.#isInBatch = false;
      return;
    }
    if (header.kind === RecordKind.TIME) {
      this.#isInBatch = false;
      this.#sink.time?.(header.lsn, decodeTimeMark(this.#view, at));
      return;
    }
    this.#isInBatch = header.flags !== lastOfBatch;
    this.#lastLsn = header.lsn;
    this.#sink.record(header, this.#bytes, at, this.#base + at);
  }

  /** The length of the record at `at`, or why there is none. */
  #judge(at: number): number {
    if (at + recordHeaderBytes > this.#filled) return moreBytes;
    const header = readRecordHeader(this.#view, at);
    if (header === undefined || !this.#mayStand(header, this.#base + at)) return noRecord;
    const length = lengthOf(header);
    if (at + length > this.#filled) return moreBytes;
    // A pad that is where it says it is, and in the file that it names, checks like any record.
    if (checkRecord(this.#bytes, this.#view, at, length, this.#seed)) {
      return length;
    }
    this.#vainBytes += length;
    return noRecord;
  }

  /** Whether such a record may stand there (Q2). */
  #mayStand(header: RecordHeader, offset: number): boolean {
    const { end, firstLsn, lastLsn, isOrdered } = this.#area, { kind, lsn } = header;
    const behind = offset + lengthOf(header), isBehindGap = this.#gap !== undefined;
    if (behind > end) return false;
    if (kind === RecordKind.PAD) {
      return behind % blockBytes === 0 && (isBehindGap || !isOrdered || !this.#isInBatch);
    }
    if (lsn < firstLsn || lsn > lastLsn) return false;
    if (!isOrdered) return true;
    if (header.flags > lastOfBatch) return false;
    if (isBehindGap) return lsn >= this.#lastLsn;
    if (this.#isInBatch) return kind !== RecordKind.TIME && lsn === this.#lastLsn;
    return lsn > this.#lastLsn;
  }
}

function lengthOf({ keyLength, valueLength }: RecordHeader): number {
  return recordHeaderBytes + keyLength + valueLength;
}
