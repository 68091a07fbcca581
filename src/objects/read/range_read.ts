/**
 * Reading ranges whose places are known: from a writer's memory at once, from files by merged reads at a bounded depth.
 *
 * D1  Which bytes a writer still has in memory is asked, and they are copied, in one turn; the rest is in the file by
 *     then (W1, W2 of the writer). So no byte is missed between the two.
 * D2  Of every range that has a length the sink is told exactly once, unless the read is cancelled: what it holds, or
 *     why it could not be read.
 * D3  Memory is lent for the call, and used again after it, unless it is given away (`owned`).
 * D4  Buffers are given back when their reads are done, whether or not anybody asks for more: a reader that pauses
 *     never holds a buffer that others wait for.
 *
 * @module
 */

import { asMemoryError, blockBytes, CorruptionError } from "../../base/mod.ts";
import type { IoBuffer, Transfer } from "../../io/mod.ts";
import { type ObjectsContext, readBufferBytes } from "../context.ts";
import type { Objects } from "../objects.ts";
import type { StoredObject } from "../stored_object.ts";
import { maxRunBytes, planReads, type ReadPlan, type Run, wantStride } from "./read_plan.ts";

/** Batches of reads that one question keeps in flight. */
const batchesInFlight = 4;
/** Runs in one batch. Of pages mostly all that a question asks for at once. */
const runsPerBatch = { values: 32, pages: 128, stretches: 32 };
/** The longest run. What is read from front to back for upkeep fills a buffer, so that few calls bring it. */
const longestRun = { values: maxRunBytes, pages: maxRunBytes, stretches: readBufferBytes };
const nothing = new Uint8Array(0), nothingView = new DataView(nothing.buffer);
/** Of what needs nothing. */
const noReads = planReads(new Float64Array(0), blockBytes);

/** What is read: it says how reads are batched, and as what they count. */
export type ReadKind = keyof typeof runsPerBatch;

/** Which ranges to read, by item. */
export interface RangeWants {
  /** How many items there are. */
  readonly count: number;
  /** The object of an item that has a length. */
  objectOf(item: number): StoredObject;
  /** Where its range starts, in bytes. */
  offsetOf(item: number): number;
  /** How long its range is, in bytes; 0 if there is nothing to read. */
  lengthOf(item: number): number;
}

/** Who is told what was read, in no order, from the call of the constructor on (D2). */
export interface RangeSink {
  /**
   * Takes a range.
   *
   * @param item Which.
   * @param bytes Memory that holds the range among other things.
   * @param view The same memory.
   * @param at Where in it the range starts.
   * @param length The length of the range.
   * @param owned Whether the memory is the range's own, to be kept; it must be copied otherwise (D3).
   */
  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): void;
  /** Learns why a range could not be read, which is also what `accept` threw: a `MemoryError` if there was no memory. */
  fail(item: number, error: Error): void;
}

/** Is told how ranges are read, for who wants to know what that cost. */
export interface RangeObserver {
  /**
   * Ranges are to be read from files.
   *
   * @param items Which, in no order; one that is cut into pieces stands there for each.
   * @param reads By how many reads, once neighbours are merged.
   */
  planned(items: readonly number[], reads: number): void;
  /** So many reads were carried out, which transferred so many bytes. */
  transferred(reads: number, bytes: number): void;
}

/** What came of a run. */
type Came = Pick<Transfer, "done" | "error">;

/** A range that is put together from several parts. */
interface Assembly {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that are still to come. */
  missing: number;
}

/** The reading of many ranges. */
export class RangeRead {
  readonly #context: ObjectsContext;
  readonly #kind: ReadKind;
  readonly #wants: RangeWants;
  readonly #sink: RangeSink;
  readonly #observer: RangeObserver | undefined;
  /** Runs that got no descriptor are put once more behind the others. */
  readonly #plan: ReadPlan;
  #nextRun = 0;
  /** Batches in flight. */
  readonly #flights: Promise<void>[] = [];
  /** By item; `undefined` if it failed. */
  #assemblies: Map<number, Assembly | undefined> | undefined;
  #isCancelled = false;

  /**
   * Copies what writers have in memory, and plans the rest.
   *
   * @param objects What reads.
   * @param wants The ranges. It is asked as long as they are read.
   * @param sink Who is told.
   * @param kind What is read.
   * @param observer Is told how, if anybody wants to know.
   */
  constructor(
    objects: Objects,
    wants: RangeWants,
    sink: RangeSink,
    kind: ReadKind = "values",
    observer?: RangeObserver,
  ) {
    this.#context = objects.context;
    this.#kind = kind;
    this.#wants = wants;
    this.#sink = sink;
    this.#observer = observer;
    let inFiles: Float64Array | undefined;
    for (let item = 0, at = 0; item < wants.count; item++, at += wantStride) {
      const length = wants.lengthOf(item);
      if (length === 0) continue;
      const object = wants.objectOf(item);
      const inFile = object.isWriting ? this.#copyFromMemory(item) : length;
      if (inFile === 0) continue;
      inFiles ??= new Float64Array(wants.count * wantStride);
      inFiles[at] = object.order;
      inFiles[at + 1] = wants.offsetOf(item);
      inFiles[at + 2] = inFile;
    }
    this.#plan = inFiles === undefined ? noReads : planReads(
      inFiles,
      this.#context.alignment,
      longestRun[kind],
    );
    observer?.planned(this.#plan.items, this.#plan.runs.length);
  }

  /** Whether the sink was told of every range. */
  get done(): boolean {
    return this.#flights.length === 0 && this.#nextRun >= this.#plan.runs.length;
  }

  /** Bytes that are read of files. */
  get plannedBytes(): number {
    let bytes = 0;
    for (const { length } of this.#plan.runs) bytes += length;
    return bytes;
  }

  get #mayIssue(): boolean {
    return this.#flights.length < batchesInFlight && this.#nextRun < this.#plan.runs.length;
  }

  /** Issues reads, as far as buffers are free, and waits for none. */
  issue(): void {
    while (this.#mayIssue) {
      const buffer = this.#tryTake();
      if (buffer === undefined) return;
      this.#flights.push(this.#fly(buffer));
    }
  }

  /** A buffer, if one is free. Of a lack of memory for another one a first batch tells, which needs one. */
  #tryTake(): IoBuffer | undefined {
    try {
      return this.#context.readPool.tryTake();
    } catch {
      return undefined;
    }
  }

  /** Keeps reads in flight and waits for the oldest batch of them. It never rejects. */
  async step(): Promise<void> {
    const { host: { turns }, readPool: pool } = this.#context;
    turns.awaiting();
    this.issue();
    // A first batch waits for its buffer; read-ahead takes one only if it is free.
    if (this.#flights.length === 0 && this.#mayIssue) {
      try {
        this.#flights.push(this.#fly(await pool.take()));
        this.issue();
      } catch (error) {
        this.#failNext(asMemoryError(error, "read") as Error);
      }
    }
    await this.#flights[0];
    this.#flights.shift();
    turns.answered();
  }

  /** Tells the sink nothing more, issues nothing more, and waits for what is in flight. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    this.#nextRun = Infinity;
    await Promise.all(this.#flights.splice(0));
  }

  /** Reads the next batch, with leases on its files only while it is in flight. */
  async #fly(buffer: IoBuffer): Promise<void> {
    const { files, host: { engine, clock }, counters, reads } = this.#context;
    const { bytes } = buffer;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const runs = this.#takeRuns(bytes.length);
    const objects = runs.map(({ firstPiece }) => this.#wants.objectOf(this.#plan.items[firstPiece]));
    const leases = await files.lease(objects);
    const issued: Run[] = [], batch: Transfer[] = [];
    let end = 0;
    runs.forEach((run, i) => {
      const file = leases.get(objects[i]);
      if (file === undefined) this.#plan.runs.push(run);
      else if (file instanceof Error) this.#take(run, bytes, view, 0, { done: 0, error: file });
      else {
        issued.push(run);
        const memory = bytes.subarray(end, end += run.length);
        batch.push({ file, offset: run.offset, bytes: memory, done: 0, error: undefined });
      }
    });
    if (batch.length > 0) {
      const began = clock.monotonic();
      await engine.read(batch);
      reads.record(began, clock.monotonic());
    }
    files.release(leases);
    counters[this.#kind === "pages" ? "pageReads" : "valueReads"] += batch.length;
    if (this.#kind !== "pages") counters.valueReadBytes += end;
    this.#observer?.transferred(batch.length, end);
    end = 0;
    issued.forEach((run, i) => {
      this.#take(run, bytes, view, end, batch[i]);
      end += run.length;
    });
    buffer.release();
  }

  /** Fails the next batch, for which no buffer is to be had. */
  #failNext(error: Error): void {
    for (const run of this.#takeRuns(this.#context.readPool.bufferBytes)) {
      this.#take(run, nothing, nothingView, 0, { done: 0, error });
    }
  }

  /** The next runs that fit one batch. */
  #takeRuns(capacity: number): Run[] {
    const { runs } = this.#plan;
    const from = this.#nextRun, most = from + runsPerBatch[this.#kind];
    let to = from, bytes = 0;
    while (to < runs.length && to < most && bytes + runs[to].length <= capacity) bytes += runs[to++].length;
    this.#nextRun = to;
    return runs.slice(from, to);
  }

  /** Copies what of a range is in memory, and returns how many bytes of it must come from the file (D1). */
  #copyFromMemory(item: number): number {
    const offset = this.#wants.offsetOf(item), length = this.#wants.lengthOf(item);
    const { writer } = this.#wants.objectOf(item).own;
    if (writer === undefined || offset + length <= writer.memoryStart) return length;
    const inFile = Math.max(0, writer.memoryStart - offset), assembly = this.#assemblyOf(item);
    if (assembly === undefined) return 0;
    const { bytes } = assembly;
    writer.copyOut(offset + inFile, inFile === 0 ? bytes : bytes.subarray(inFile));
    this.#assembled(item, assembly, length - inFile);
    return inFile;
  }

  /** Hands on what a run brought to `start` of the memory, or why it failed. */
  #take(run: Run, bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, came: Came): void {
    const { items, offsets, lengths } = this.#plan;
    const { done, error } = came, { offset, endPiece } = run;
    for (let i = run.firstPiece; i < endPiece; i++) {
      const item = items[i], length = lengths[i], from = offsets[i] - offset;
      if (error !== undefined || from + length > done) {
        this.#fail(item, length, error ?? this.#endsEarly(item, offset + done));
      } else if (length === this.#wants.lengthOf(item)) this.#deliver(item, bytes, view, start + from, false);
      else {
        const assembly = this.#assemblyOf(item), part = bytes.subarray(start + from, start + from + length);
        if (assembly === undefined) continue;
        assembly.bytes.set(part, offsets[i] - this.#wants.offsetOf(item));
        this.#assembled(item, assembly, length);
      }
    }
  }

  /** Where a range is put together; `undefined` if it failed, now too, for want of memory. */
  #assemblyOf(item: number): Assembly | undefined {
    const assemblies = this.#assemblies ??= new Map();
    if (!assemblies.has(item)) {
      const missing = this.#wants.lengthOf(item);
      try {
        assemblies.set(item, { bytes: new Uint8Array(missing), missing });
      } catch (error) {
        this.#fail(item, 0, asMemoryError(error, "read") as Error);
      }
    }
    return assemblies.get(item);
  }

  /** Notes that so many bytes more of a range are there. */
  #assembled(item: number, assembly: Assembly, length: number): void {
    const { bytes } = assembly;
    assembly.missing -= length;
    if (assembly.missing > 0) return;
    this.#assemblies?.delete(item);
    this.#deliver(item, bytes, new DataView(bytes.buffer), 0, true);
  }

  #deliver(item: number, bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, owned: boolean): void {
    if (this.#isCancelled) return;
    try {
      this.#sink.accept(item, bytes, view, at, this.#wants.lengthOf(item), owned);
    } catch (error) {
      this.#sink.fail(item, asMemoryError(error, "read") as Error);
    }
  }

  /** Fails a range, once, however many parts of it fail. */
  #fail(item: number, length: number, error: Error): void {
    if (length < this.#wants.lengthOf(item)) {
      const assemblies = this.#assemblies ??= new Map();
      if (assemblies.has(item) && assemblies.get(item) === undefined) return;
      assemblies.set(item, undefined);
    }
    if (!this.#isCancelled) this.#sink.fail(item, error);
  }

  #endsEarly(item: number, offset: number): CorruptionError {
    return new CorruptionError({
      path: this.#wants.objectOf(item).path,
      offset,
      expected: `the ${this.#wants.lengthOf(item)} bytes at ${this.#wants.offsetOf(item)}`,
      found: "the end of the file",
    });
  }
}
