/** A segment over a file in memory, and where everything in it lies. */

import { BufferPool } from "../../src/io/mod.ts";
import { type FileHeader, MemoryIndex } from "../../src/layer/mod.ts";
import {
  type Change,
  RecordBuffer,
  type ResumePoint,
  type ScannedSegment,
  scanSegment,
  SegmentWriter,
} from "../../src/segment/mod.ts";
import { GatedEngine } from "../io/gated_engine.ts";
import { MemoryEngine } from "../io/memory_engine.ts";

/** A block of the file system. */
export const block = 4096;
/** The path of the segment. */
export const path = "/timeline/segment.seg";

/** What a segment's header says here. */
export const header: FileHeader = {
  storeId: "00112233445566778899aabbccddeeff",
  timelineId: 0x0123456789abcdefn,
  fileId: 0xfedcba9876543210n,
  sequence: 1,
  firstLsn: 1,
  previousEnd: 0,
  previousSequence: 0,
  previousLsn: 0,
};

/** A part of a segment's values area. */
export interface Part {
  readonly kind: "header" | "batch" | "pad";
  readonly start: number;
  readonly end: number;
  /** Of a batch. */
  readonly lsn: number;
  /** Of a pad: what it says was durable. */
  readonly durable: number;
}

/** A segment that is being written. */
export class SegmentFixture {
  readonly memory: MemoryEngine;
  readonly engine: GatedEngine;
  readonly pool: BufferPool;
  readonly writer: SegmentWriter;
  readonly index: MemoryIndex = new MemoryIndex();
  readonly parts: Part[] = [];
  readonly #scanPool: BufferPool;
  lsn: number;

  constructor(
    memory: MemoryEngine = new MemoryEngine(),
    own: FileHeader = header,
    resume?: ResumePoint,
    bufferBytes: number = 2 * block,
  ) {
    this.memory = memory;
    this.engine = new GatedEngine(memory);
    this.pool = new BufferPool(memory, { bufferBytes, budgetBytes: 1 << 20 });
    this.#scanPool = new BufferPool(memory, { bufferBytes, budgetBytes: 1 << 20 });
    const file = memory.open(path, { access: "write", direct: true, create: resume === undefined });
    this.writer = new SegmentWriter(this.engine, this.pool, path, file, own, resume);
    this.lsn = resume?.lastLsn ?? own.previousLsn;
    if (resume === undefined) this.#add("header", 0, {});
  }

  #add(kind: Part["kind"], start: number, more: { lsn?: number; durable?: number }): void {
    this.parts.push({ kind, start, end: this.writer.position, lsn: 0, durable: 0, ...more });
  }

  /** Appends a batch; without changes, one that has an LSN and nothing else. */
  append(...changes: Change[]): number {
    const records = new RecordBuffer();
    for (const change of changes) records.add(change);
    if (changes.length === 0) records.mark();
    this.lsn++;
    records.stamp(this.lsn);
    const start = this.writer.append(records, this.lsn);
    this.index.insertBatch(records.bytes, records.view, 0, records.end, start);
    this.#add("batch", start, { lsn: this.lsn });
    return start;
  }

  /** Pads and syncs. */
  async sync(): Promise<void> {
    const start = this.writer.position;
    const durable = this.writer.durableOffset;
    const syncing = this.writer.sync(0, Promise.resolve());
    if (this.writer.position > start) this.#add("pad", start, { durable });
    await syncing;
  }

  /** Ends writing and leaves the file as it is. */
  async abandon(): Promise<void> {
    await this.writer.abandon();
  }

  /** What the file holds. */
  get contents(): Uint8Array<ArrayBuffer> {
    return this.memory.contents(path);
  }

  /** What is found in the file, were it to hold `bytes`. */
  scan(bytes: Uint8Array = this.contents, fileId: bigint = header.fileId): Promise<ScannedSegment> {
    return scan(bytes, { fileId, pool: this.#scanPool });
  }

  /** What must be found if the first byte that is wrong, or not there, is at `offset` and the file has `length` bytes. */
  expected(offset: number, length: number): { end: number; batches: number; proof: boolean } {
    const damaged = this.parts.find(({ start, end }) => start <= offset && offset < end);
    const end = damaged?.start ?? this.parts[this.parts.length - 1].end;
    const batches = this.parts.filter((part) => part.kind === "batch" && part.end <= end).length;
    const proof = this.parts.some((part) => part.start > end && part.end <= length && part.durable > end);
    return { end, batches, proof };
  }
}

/** How to scan. */
export interface ScanOptions {
  /** The id of the file that is expected. */
  fileId?: bigint;
  /** The last LSN before the segment. */
  previousLsn?: number;
  /** Where buffers come from. */
  pool?: BufferPool;
}

/** Scans a file that holds `bytes`. */
export async function scan(bytes: Uint8Array, options: ScanOptions = {}): Promise<ScannedSegment> {
  const memory = new MemoryEngine();
  memory.put(path, bytes);
  const pool = options.pool ?? new BufferPool(memory, { bufferBytes: 1 << 20, budgetBytes: 1 << 22 });
  const file = await memory.open(path, { access: "read", direct: true });
  const found = await scanSegment(memory, pool, file, {
    fileId: options.fileId ?? header.fileId,
    previousLsn: options.previousLsn ?? 0,
  });
  if (pool.takenBytes !== 0) throw new Error("a scan kept buffers");
  return found;
}
