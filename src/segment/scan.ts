/**
 * Reading an unsealed segment back: where does it end, and was anything behind that end once durable?
 *
 * ```
 *   header │ batch │ batch │ pad ┃ batch │ ba░░░░░░░░ pad ┃ batch …
 *                                        ▲ end          ▲ does this pad say that bytes behind `end` were durable?
 *                                                         yes: corruption   no: a torn tail, dropped
 * ```
 *
 * A pad that was written elsewhere ends it too, and is corruption.
 *
 * V1  The end is the first record that does not check; a batch that it cuts is not part of history.
 * V2  Bytes are checked, never asserted; memory is bounded by the largest batch.
 * V3  A header that checks and is another file's is no torn write.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Lsn, maxBatchBytes, maxSeconds } from "../base/mod.ts";
import {
  checkRecord,
  decodeHeader,
  decodePad,
  decodeTimeMark,
  type FileHeader,
  fileSeed,
  lastOfBatch,
  type MemoryIndex,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
  timeMarkBytes,
} from "../layer/mod.ts";
import { misplacedPad, type Proof } from "./proof.ts";
import { SegmentTimes } from "./segment_times.ts";

/** What tells a segment from every other file. */
export type SegmentIdentity = Pick<
  FileHeader,
  "kind" | "storeId" | "timelineId" | "fileId" | "sequence" | "generation" | "firstLsn"
>;

/** Which segment is expected. */
export interface ExpectedSegment {
  /** What its header must say. */
  readonly header: SegmentIdentity;
  /** The last LSN before it. */
  readonly previousLsn: Lsn;
  /** Where it ends, if that was settled before: nothing behind is read. */
  readonly end?: number | undefined;
  /** Whether all behind the end is searched for pads, and not only up to a first proof of damage. */
  readonly searchesAll?: boolean | undefined;
}

/** What is told of whole batches: where their records lie. */
export interface BatchIndex {
  /**
   * Takes a batch, whose memory is lent.
   *
   * @param bytes Memory that holds it.
   * @param view The same memory.
   * @param start Where in it its first record starts, or the time mark before that.
   * @param end Where its last record ends.
   * @param base What is added to a place in `bytes` to give the offset in the segment.
   */
  insertBatch(bytes: Uint8Array, view: DataView, start: number, end: number, base: number): void;
}

/** What was read back of a segment. */
export interface ScannedSegment<Index extends BatchIndex = MemoryIndex> {
  /** Its header, or `undefined` if it has none that checks. */
  readonly header: FileHeader | undefined;
  /** Where its records lie. */
  readonly index: Index;
  /** When its batches were appended. */
  readonly times: SegmentTimes;
  /** Where the last whole batch, or the pad behind it, ends; 0 without a header. */
  readonly end: number;
  /** The LSN of the last whole batch; `undefined` if there is none. */
  readonly lastLsn: Lsn | undefined;
  /** How many batches there are. */
  readonly batches: number;
  /** The highest LSN of the timeline that a pad in front of `end` says was durable. */
  readonly durableLsn: Lsn;
  /** The highest that a pad behind `end` says was durable. */
  readonly restDurableLsn: Lsn;
  /** How many bytes of the file pads behind `end` say were durable. */
  readonly restDurableOffset: number;
  /** Whether anything was ever written behind `end`, as far as the system can tell. */
  readonly hasRest: boolean;
  /** A pad that proves damage. */
  readonly proof: Proof | undefined;
}

/** The last batch or pad that was whole: a record of it stands there as long as the file is the one that was read. */
export interface ScanMark {
  /** Where its first record starts. */
  readonly offset: number;
  /** The checksum of that record, which depends on the id of the file too. */
  readonly checksum: number;
  /** Where it ends. */
  readonly end: number;
}

/** Takes bytes in order and indexes every whole batch. */
export class Scanner<Index extends BatchIndex> {
  readonly #path: string;
  readonly #expected: ExpectedSegment;
  readonly #seed: number;
  readonly #index: Index;
  readonly #times = new SegmentTimes();
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  /** The offset in the file of `#bytes[0]`. */
  #base = 0;
  /** Where the batch that is being read starts, a mark before it included, and its next record, in `#bytes`. */
  #batchStart = 0;
  #at = 0;
  #batchLsn = 0;
  /** What the mark says before the batch that is being read. */
  #time: number | undefined;
  #header: FileHeader | undefined;
  #lastLsn: Lsn;
  #batches = 0;
  #durableLsn = 0;
  #proof: Proof | undefined;
  /** Where the last whole batch or pad starts in the file, and the checksum there; 0 and 0 before the first. */
  #lastOffset = 0;
  #lastChecksum = 0;
  /** Whether it has come to where the segment ends. */
  stopped = false;
  /** Where pads stand: at most one a block. */
  readonly pads: Set<number> = new Set();

  /**
   * Starts before the header.
   *
   * @param path The segment's, for messages.
   * @param expected Which one it should be.
   * @param index What is told of batches.
   */
  constructor(path: string, expected: ExpectedSegment, index: Index) {
    this.#path = path;
    this.#expected = expected;
    this.#index = index;
    this.#seed = fileSeed(expected.header.fileId);
    this.#lastLsn = expected.previousLsn;
  }

  /**
   * Goes back to the end of what is whole, which it must be fed from next, also where something did not check that stands
   * there; a proof of damage stays one.
   */
  rewind(): void {
    this.#base += this.#batchStart;
    this.#bytes = new Uint8Array(0);
    this.#filled = this.#batchStart = this.#at = 0;
    this.#time = undefined;
    this.stopped = false;
  }

  /** Where the last whole batch, or the pad behind it, ends: the offset of what it must be fed next, once it was rewound. */
  get end(): number {
    return this.#base + this.#batchStart;
  }

  /** What tells whether the file is still the one that was read; `undefined` before the first batch. */
  get mark(): ScanMark | undefined {
    if (this.#lastOffset === 0) return undefined;
    return { offset: this.#lastOffset, checksum: this.#lastChecksum, end: this.end };
  }

  /** Takes the next bytes, of which nothing is kept. */
  feed(chunk: Uint8Array): void {
    this.#take(chunk);
    if (this.#header === undefined && !this.#readHeader()) return;
    while (!this.stopped && this.#readRecord());
  }

  /** What was found so far. */
  finish(): ScannedSegment<Index> {
    return {
      header: this.#header,
      index: this.#index,
      times: this.#times,
      end: this.end,
      lastLsn: this.#batches === 0 ? undefined : this.#lastLsn,
      batches: this.#batches,
      durableLsn: this.#durableLsn,
      restDurableLsn: 0,
      restDurableOffset: 0,
      hasRest: false,
      proof: this.#proof,
    };
  }

  /** Moves what is left of an unfinished batch to the front and adds the chunk behind it. */
  #take(chunk: Uint8Array): void {
    const left = this.#filled - this.#batchStart;
    const needed = left + chunk.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, left * 2));
      larger.set(this.#bytes.subarray(this.#batchStart, this.#filled));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    } else {
      this.#bytes.copyWithin(0, this.#batchStart, this.#filled);
    }
    this.#bytes.set(chunk, left);
    this.#base += this.#batchStart;
    this.#at -= this.#batchStart;
    this.#batchStart = 0;
    this.#filled = needed;
  }

  #readHeader(): boolean {
    if (this.#filled < blockBytes) return false;
    const header = decodeHeader(this.#bytes.subarray(0, blockBytes));
    if (header === undefined) return this.#stop();
    this.#checkHeader(header);
    this.#header = header;
    this.#batchStart = this.#at = blockBytes;
    return true;
  }

  #checkHeader(header: FileHeader): void {
    const expected = this.#expected.header;
    const names = Object.keys(expected) as (keyof typeof expected)[];
    const other = names.find((name) => header[name] !== expected[name]);
    if (other === undefined) return;
    throw new CorruptionError({
      path: this.#path,
      offset: 0,
      expected: `a header with the ${other} ${expected[other]}`,
      found: `that of another file, with the ${other} ${header[other]}`,
    });
  }

  /** Reads one record; returns whether there may be another in memory. */
  #readRecord(): boolean {
    const at = this.#at;
    if (at + recordHeaderBytes > this.#filled) return false;
    const header = readRecordHeader(this.#view, at);
    // No value is compressed before it is merged.
    if (header === undefined || header.flags > lastOfBatch) return this.#stop();
    const length = recordHeaderBytes + header.keyLength + header.valueLength;
    // What a batch may be bounds the memory that a hostile file takes (V2).
    if (at + length - this.#batchStart > maxBatchBytes + timeMarkBytes) return this.#stop();
    if (at + length > this.#filled) return false;
    if (!checkRecord(this.#bytes, this.#view, at, length, this.#seed)) return this.#stop();
    if (header.kind === RecordKind.PAD) return this.#acceptPad(length);
    if (header.kind === RecordKind.TIME) return this.#takeMark(header.lsn, length);
    const inBatch = at > this.#batchStart;
    if (inBatch ? header.lsn !== this.#batchLsn : header.lsn <= this.#lastLsn) return this.#stop();
    this.#batchLsn = header.lsn;
    this.#at = at + length;
    if (header.flags === lastOfBatch) this.#acceptBatch();
    return true;
  }

  /** Takes a mark: it stands before a batch of its LSN, the first of a second, and counts once that is whole. */
  #takeMark(lsn: Lsn, length: number): boolean {
    const milliseconds = decodeTimeMark(this.#view, this.#at);
    const mayStand = this.#at === this.#batchStart && lsn > this.#lastLsn &&
      milliseconds < maxSeconds * 1000 && this.#times.isDue(milliseconds);
    if (!mayStand) return this.#stop();
    this.#time = milliseconds;
    this.#batchLsn = lsn;
    this.#at += length;
    return true;
  }

  #acceptBatch(): void {
    if (this.#time !== undefined) this.#times.mark(this.#time, this.#lastLsn);
    this.#time = undefined;
    this.#index.insertBatch(this.#bytes, this.#view, this.#batchStart, this.#at, this.#base);
    this.#lastLsn = this.#batchLsn;
    this.#batches++;
    this.#endAt(this.#at);
  }

  #acceptPad(length: number): boolean {
    if (this.#at !== this.#batchStart) return this.#stop();
    const pad = decodePad(this.#view, this.#at);
    const offset = this.#base + this.#at;
    if (pad.offset !== offset) {
      this.#proof = misplacedPad(offset, pad);
      return this.#stop();
    }
    this.pads.add(offset);
    if (pad.durableLsn > this.#durableLsn) this.#durableLsn = pad.durableLsn;
    this.#endAt(this.#at + length);
    return true;
  }

  /** Notes that what began at the start of the batch ends, whole. */
  #endAt(at: number): void {
    this.#lastOffset = this.#base + this.#batchStart;
    this.#lastChecksum = this.#view.getUint32(this.#batchStart, true);
    this.#at = this.#batchStart = at;
  }

  #stop(): false {
    this.stopped = true;
    return false;
  }
}
