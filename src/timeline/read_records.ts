/**
 * Reading records whose places are known: from memory at once, from files by merged reads at a bounded depth.
 *
 * D1  Which bytes a writer still has in memory is asked, and they are copied, in one turn; the rest is in the file by
 *     then (W1, W2 of the writer). So no byte is missed between the two.
 * D2  A record is checked by its checksum, its key and its LSN before its value is given out.
 * D3  A value is given out as memory of its own, which the engine never touches again.
 * D4  Buffers are given back when their reads are done, whether or not anybody asks for the values: a reader that
 *     pauses holds values, bounded by its window, but never a buffer that others wait for.
 *
 * @module
 */

import { assert, CorruptionError } from "../base/mod.ts";
import type { BufferedWriter, IoBufferMut, Transfer } from "../io/mod.ts";
import { checkRecord, readRecordHeader, recordHeaderBytes, RecordKind } from "../layer/mod.ts";
import type { Located } from "./locate.ts";
import { planReads, type ReadPlan, type Run } from "./read_plan.ts";
import type { ReadContext, ReadLeases } from "./read_context.ts";

/** Batches of reads that one question keeps in flight. */
const batchesInFlight = 4;
/** Reads in one batch. */
const runsPerBatch = 32;

/** A record that is put together from several parts. */
interface Assembly {
  readonly bytes: Uint8Array;
  /** Bytes that are still to come. */
  missing: number;
}

/** The records of one window of a question. */
export class RecordReader {
  /** By item: the value, once it was read. */
  readonly values: (Uint8Array | undefined)[];
  /** By item: why there is no value. */
  readonly failures: Map<number, Error> = new Map();
  readonly #context: ReadContext;
  readonly #leases: ReadLeases;
  readonly #located: Located;
  readonly #keys: readonly Uint8Array[];
  readonly #from: number;
  /** By item: the bytes that must come from its file, until they have; 0 once its value is known. */
  readonly #inFile: number[] = [];
  readonly #assemblies = new Map<number, Assembly>();
  readonly #plan: ReadPlan;
  readonly #flights: Promise<void>[] = [];
  #nextRun = 0;

  /**
   * Copies what is in memory and plans the rest.
   *
   * @param context What reads.
   * @param leases Leases of the question.
   * @param located Where records lie.
   * @param keys The keys, by the same numbers.
   * @param from The first item of the window.
   * @param to The item after its last.
   */
  constructor(
    context: ReadContext,
    leases: ReadLeases,
    located: Located,
    keys: readonly Uint8Array[],
    from: number,
    to: number,
  ) {
    this.#context = context;
    this.#leases = leases;
    this.#located = located;
    this.#keys = keys;
    this.#from = from;
    this.values = [];
    this.#copyFromMemory(from, to);
    this.#plan = planReads({
      count: to - from,
      sourceOf: (item) => located.sourceOf(from + item),
      offsetOf: (item) => located.offsetOf(from + item),
      lengthOf: (item) => this.#inFile[item],
    }, context.alignment);
  }

  /** Whether every record was read. */
  get done(): boolean {
    return this.#nextRun === this.#plan.runs.length && this.#flights.length === 0;
  }

  /** Whether an item's value, or why there is none, is known. */
  isReady(item: number): boolean {
    return this.#inFile[item] === 0;
  }

  /** Finds out how many bytes of each record must come from its file, and copies the others (D1). */
  #copyFromMemory(from: number, to: number): void {
    const located = this.#located;
    for (let i = from; i < to; i++) {
      const source = located.sourceOf(i);
      const length = source < 0 ? 0 : located.lengthOf(i);
      this.values.push(undefined);
      this.#inFile.push(length);
      const writer = source < 0 ? undefined : located.sources[source].writer;
      if (writer !== undefined && located.offsetOf(i) + length > writer.memoryStart) {
        this.#copyRecord(i - from, writer, located.offsetOf(i), length);
      }
    }
  }

  #copyRecord(item: number, writer: BufferedWriter, offset: number, length: number): void {
    const bytes = new Uint8Array(length);
    const inFile = Math.max(0, writer.memoryStart - offset);
    writer.copyOut(offset + inFile, bytes.subarray(inFile));
    this.#inFile[item] = inFile;
    this.#assemblies.set(item, { bytes, missing: inFile });
    if (inFile === 0) this.#finish(item, bytes, 0, length);
  }

  /** Keeps reads in flight and waits for the oldest batch of them. */
  async step(): Promise<void> {
    while (this.#flights.length < batchesInFlight && this.#nextRun < this.#plan.runs.length) {
      // A first batch waits for its buffer; read-ahead takes one only if it is free.
      const buffer = this.#flights.length === 0
        ? await this.#context.pool.take()
        : this.#context.pool.tryTake();
      if (buffer === undefined) break;
      await this.#issue(buffer);
    }
    await this.#flights[0];
    this.#flights.shift();
  }

  /** Waits for what is in flight. */
  async cancel(): Promise<void> {
    await Promise.all(this.#flights.splice(0));
  }

  async #issue(buffer: IoBufferMut): Promise<void> {
    const runs = this.#takeRuns(buffer.bytes.length);
    try {
      await this.#leaseFiles(runs);
    } catch (error) {
      buffer.release();
      for (const run of runs) this.#failRun(run, error as Error);
      return;
    }
    this.#flights.push(this.#read(buffer, runs));
  }

  async #read(buffer: IoBufferMut, runs: Run[]): Promise<void> {
    try {
      const batch = this.#transfersOf(runs, buffer.bytes);
      await this.#context.engine.read(batch);
      for (let i = 0; i < runs.length; i++) this.#accept(runs[i], batch[i]);
    } finally {
      buffer.release();
    }
  }

  #transfersOf(runs: Run[], memory: Uint8Array<ArrayBuffer>): Transfer[] {
    let at = 0;
    const batch = runs.map((run): Transfer => {
      const bytes = memory.subarray(at, at + run.length);
      at += run.length;
      const lease = this.#leases.get(this.#located.sources[run.source].path);
      assert(lease !== undefined, "files are leased before they are read");
      return { file: lease.file, offset: run.offset, bytes, done: 0, error: undefined };
    });
    this.#context.counters.valueReads += batch.length;
    this.#context.counters.valueReadBytes += at;
    return batch;
  }

  #takeRuns(capacity: number): Run[] {
    const { runs } = this.#plan;
    const from = this.#nextRun;
    let bytes = 0, to = from;
    while (to < runs.length && to - from < runsPerBatch && bytes + runs[to].length <= capacity) {
      bytes += runs[to++].length;
    }
    this.#nextRun = to;
    return runs.slice(from, to);
  }

  async #leaseFiles(runs: Run[]): Promise<void> {
    let last = -1;
    for (const { source } of runs) {
      if (source === last) continue;
      last = source;
      const { path } = this.#located.sources[source];
      if (this.#leases.get(path) === undefined) await this.#leases.acquire(path);
    }
  }

  #failRun(run: Run, error: Error): void {
    for (let i = run.firstPiece; i <= run.lastPiece; i++) this.#fail(this.#plan.pieces.itemOf(i), error);
  }

  #fail(item: number, error: Error): void {
    this.#inFile[item] = 0;
    this.failures.set(item, error);
  }

  #accept(run: Run, transfer: Transfer): void {
    if (transfer.error !== undefined) return this.#failRun(run, transfer.error);
    const view = new DataView(transfer.bytes.buffer, transfer.bytes.byteOffset, transfer.bytes.length);
    const { pieces } = this.#plan;
    for (let i = run.firstPiece; i <= run.lastPiece; i++) {
      const item = pieces.itemOf(i), offset = pieces.offsetOf(i), length = pieces.lengthOf(i);
      const at = offset - run.offset;
      if (at + length > transfer.done) {
        this.#fail(item, this.#corruption(item, "its whole record", "the end of the file"));
      } else if (length < this.#located.lengthOf(this.#from + item)) {
        this.#assemble(item, offset, transfer.bytes.subarray(at, at + length));
      } else {
        this.#finish(item, transfer.bytes, at, length, view);
      }
    }
  }

  #assemble(item: number, offset: number, bytes: Uint8Array): void {
    let assembly = this.#assemblies.get(item);
    if (assembly === undefined) {
      const length = this.#located.lengthOf(this.#from + item);
      assembly = { bytes: new Uint8Array(length), missing: length };
      this.#assemblies.set(item, assembly);
    }
    assembly.bytes.set(bytes, offset - this.#located.offsetOf(this.#from + item));
    assembly.missing -= bytes.length;
    if (assembly.missing === 0) this.#finish(item, assembly.bytes, 0, assembly.bytes.length);
  }

  /** Checks a whole record and takes its value out (D2, D3). */
  #finish(item: number, bytes: Uint8Array, at: number, length: number, view: DataView = viewOf(bytes)): void {
    this.#inFile[item] = 0;
    const key = this.#keys[this.#from + item];
    const header = length < recordHeaderBytes ? undefined : readRecordHeader(view, at);
    if (header === undefined || !checkRecord(bytes, view, at, length)) {
      return this.#fail(item, this.#corruption(item, "a record that checks", "one that does not"));
    }
    const keyEnd = at + recordHeaderBytes + header.keyLength;
    const isIt = header.kind === RecordKind.PUT && header.lsn === this.#located.lsnOf(this.#from + item) &&
      keyEnd + header.valueLength === at + length && isKeyAt(bytes, at + recordHeaderBytes, keyEnd, key);
    if (!isIt) return this.#fail(item, this.#corruption(item, "the record of this key and LSN", "another"));
    const own = this.#assemblies.delete(item);
    this.values[item] = own ? bytes.subarray(keyEnd, at + length) : bytes.slice(keyEnd, at + length);
  }

  #corruption(item: number, expected: string, found: string): CorruptionError {
    const located = this.#located;
    const i = this.#from + item;
    return new CorruptionError({
      path: located.sources[located.sourceOf(i)].path,
      offset: located.offsetOf(i),
      expected: `${expected} at LSN ${located.lsnOf(i)}`,
      found,
    });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isKeyAt(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false;
  for (let i = 0; i < key.length; i++) {
    if (bytes[start + i] !== key[i]) return false;
  }
  return true;
}
