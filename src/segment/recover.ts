/**
 * Reading an unsealed segment back: where does it end, and was anything after that end once durable?
 *
 * ```
 *   header │ batch │ batch │ pad ┃ batch │ ba░░░░░░░░ pad ┃ batch …
 *                                        ▲ end          ▲ does this pad say that bytes after `end` were durable?
 *                                                         yes: corruption   no: a torn tail, dropped
 * ```
 *
 * V1  The end is the first record that does not check; a batch that it cuts is not part of history.
 * V2  Bytes are checked, never asserted; memory is bounded by the largest batch.
 *
 * @module
 */

import { blockBytes, crc32, maxBatchBytes } from "../base/mod.ts";
import { type BufferPool, type IoEngine, type IoFile, readSequentially } from "../io/mod.ts";
import {
  checkRecord,
  decodeHeader,
  decodePad,
  type FileHeader,
  lastOfBatch,
  MemoryIndex,
  type Pad,
  padBytes,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../layer/mod.ts";

/** What was read back of a segment. */
export interface ScannedSegment {
  /** Its header, or `undefined` if it has none that checks. */
  header: FileHeader | undefined;
  /** Where its records lie. */
  index: MemoryIndex;
  /** Where the last whole batch, or the pad after it, ends; 0 without a header. */
  end: number;
  /** The LSN of the last whole batch; 0 if there is none. */
  lastLsn: number;
  /** How many batches there are. */
  batches: number;
  /** The checksum of the values area up to `end`. */
  valuesCrc: number;
  /** The highest LSN that a pad in front of `end` says was durable. */
  durableLsn: number;
  /** A pad behind `end` that says bytes behind `end` were durable: proof of damage. */
  proof: { offset: number; pad: Pad } | undefined;
}

/** Which segment is expected. */
export interface ExpectedSegment {
  /** The file's id. */
  fileId: bigint;
  /** The last LSN before it. */
  previousLsn: number;
}

/**
 * Reads a segment back.
 *
 * @param engine What reads.
 * @param pool Where buffers come from.
 * @param file The segment.
 * @param expected Which one it should be.
 */
export async function scanSegment(
  engine: IoEngine,
  pool: BufferPool,
  file: IoFile,
  expected: ExpectedSegment,
): Promise<ScannedSegment> {
  const size = await engine.size(file);
  const scanner = new Scanner(expected);
  for await (const chunk of readSequentially(engine, pool, file, { start: 0, end: size })) {
    scanner.feed(chunk);
    if (scanner.stopped) break;
  }
  const scanned = scanner.finish();
  scanned.proof = await findProof(engine, pool, file, size, expected.fileId, scanned);
  return scanned;
}

/** Takes bytes in order and indexes every whole batch. */
class Scanner {
  readonly #expected: ExpectedSegment;
  readonly #index = new MemoryIndex();
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  /** The offset in the file of `#bytes[0]`. */
  #base = 0;
  /** Where the batch that is being read starts, and where its next record starts, in `#bytes`. */
  #batchStart = 0;
  #at = 0;
  #batchLsn = 0;
  #header: FileHeader | undefined;
  #lastLsn = 0;
  #batches = 0;
  #crc = 0;
  #durableLsn = 0;
  stopped = false;

  constructor(expected: ExpectedSegment) {
    this.#expected = expected;
  }

  feed(chunk: Uint8Array): void {
    this.#take(chunk);
    if (this.#header === undefined && !this.#readHeader()) return;
    const from = this.#batchStart;
    while (!this.stopped && this.#readRecord());
    this.#crc = crc32(this.#bytes.subarray(from, this.#batchStart), this.#crc);
  }

  finish(): ScannedSegment {
    return {
      header: this.#header,
      index: this.#index,
      end: this.#header === undefined ? 0 : this.#base + this.#batchStart,
      lastLsn: this.#lastLsn,
      batches: this.#batches,
      valuesCrc: this.#crc,
      durableLsn: this.#durableLsn,
      proof: undefined,
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
    const header = this.#filled < blockBytes ? undefined : decodeHeader(this.#bytes.subarray(0, blockBytes));
    if (header === undefined || header.fileId !== this.#expected.fileId) {
      this.stopped = true;
      return false;
    }
    this.#header = header;
    this.#lastLsn = this.#expected.previousLsn;
    this.#batchStart = this.#at = blockBytes;
    return true;
  }

  /** Reads one record; returns whether there may be another in memory. */
  #readRecord(): boolean {
    const at = this.#at;
    if (at + recordHeaderBytes > this.#filled) return false;
    const header = readRecordHeader(this.#view, at);
    if (header === undefined) return this.#stop();
    const length = recordHeaderBytes + header.keyLength + header.valueLength;
    // What a batch may be bounds the memory that a hostile file takes (V2).
    if (at + length - this.#batchStart > maxBatchBytes) return this.#stop();
    if (at + length > this.#filled) return false;
    if (!checkRecord(this.#bytes, this.#view, at, length)) return this.#stop();
    if (header.kind === RecordKind.PAD) return this.#acceptPad(length);
    const inBatch = at > this.#batchStart;
    if (inBatch ? header.lsn !== this.#batchLsn : header.lsn <= this.#lastLsn) return this.#stop();
    this.#batchLsn = header.lsn;
    this.#at = at + length;
    if (header.flags === lastOfBatch) this.#acceptBatch();
    return true;
  }

  #acceptBatch(): void {
    this.#index.insertBatch(
      this.#bytes,
      this.#view,
      this.#batchStart,
      this.#at,
      this.#base,
    );
    this.#lastLsn = this.#batchLsn;
    this.#batches++;
    this.#batchStart = this.#at;
  }

  #acceptPad(length: number): boolean {
    const pad = decodePad(this.#view, this.#at);
    if (this.#at !== this.#batchStart || pad.fileId !== this.#expected.fileId) return this.#stop();
    if (pad.durableLsn > this.#durableLsn) this.#durableLsn = pad.durableLsn;
    this.#at += length;
    this.#batchStart = this.#at;
    return true;
  }

  #stop(): false {
    this.stopped = true;
    return false;
  }
}

/** The longest pad: it fills a block whose rest is too short for one, and the block behind it. */
const maxPadBytes = blockBytes + padBytes;

/**
 * Looks behind the end for a pad of this file that says bytes behind the end were durable.
 *
 * A pad is found by the id of its file, wherever it stands, so that damage in front of it hides none, in time and
 * memory that do not depend on what else is there. A copy of a pad within a value still tells the truth.
 */
async function findProof(
  engine: IoEngine,
  pool: BufferPool,
  file: IoFile,
  size: number,
  fileId: bigint,
  scanned: ScannedSegment,
): Promise<ScannedSegment["proof"]> {
  // Room that was reserved and never written is passed over, where the engine can tell it.
  const from = scanned.end - scanned.end % blockBytes;
  const data = await engine.nextData?.(file, from) ?? from;
  const start = Math.max(from, data - data % blockBytes);
  if (start >= size) return undefined;
  const search = new ProofSearch(fileId, scanned.end, start);
  for await (const chunk of readSequentially(engine, pool, file, { start, end: size })) {
    const proof = search.feed(chunk);
    if (proof !== undefined) return proof;
  }
  return undefined;
}

/** Takes bytes in order and looks for pads in them. */
class ProofSearch {
  readonly #fileId: bigint;
  readonly #end: number;
  /** The first byte of the id that is not zero, as most bytes of a file are, and where it stands in a pad. */
  readonly #sign: number;
  readonly #signAt: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The offset in the file of `#bytes[0]`. */
  #base: number;

  constructor(fileId: bigint, end: number, start: number) {
    this.#fileId = fileId;
    this.#end = end;
    this.#base = start;
    const id = new Uint8Array(8);
    new DataView(id.buffer).setBigUint64(0, fileId, true);
    const first = Math.max(0, id.findIndex((byte) => byte !== 0));
    this.#sign = id[first];
    this.#signAt = recordHeaderBytes + first;
  }

  feed(chunk: Uint8Array): ScannedSegment["proof"] {
    this.#take(chunk);
    const view = new DataView(this.#bytes.buffer);
    let sign = this.#bytes.indexOf(this.#sign, this.#signAt);
    while (sign >= 0) {
      const at = sign - this.#signAt;
      const pad = this.#padAt(view, at);
      if (pad !== undefined && pad.durableOffset > this.#end) return { offset: this.#base + at, pad };
      sign = this.#bytes.indexOf(this.#sign, sign + 1);
    }
    return undefined;
  }

  /** Reads a pad of this file, if one stands there whole. */
  #padAt(view: DataView, at: number): Pad | undefined {
    if (at + padBytes > view.byteLength) return undefined;
    if (view.getBigUint64(at + recordHeaderBytes, true) !== this.#fileId) return undefined;
    const header = readRecordHeader(view, at);
    if (header?.kind !== RecordKind.PAD) return undefined;
    const length = recordHeaderBytes + header.valueLength;
    if (length > maxPadBytes || at + length > view.byteLength) return undefined;
    return checkRecord(this.#bytes, view, at, length) ? decodePad(view, at) : undefined;
  }

  /** Keeps as much of what was searched as a pad that goes on in the chunk may take. */
  #take(chunk: Uint8Array): void {
    const from = Math.max(0, this.#bytes.length - maxPadBytes);
    const left = this.#bytes.length - from;
    const joined = new Uint8Array(left + chunk.length);
    joined.set(this.#bytes.subarray(from));
    joined.set(chunk, left);
    this.#base += from;
    this.#bytes = joined;
  }
}
