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

import { CorruptionError } from "../../base/mod.ts";
import type { Objects } from "../objects.ts";
import type { StoredObject } from "../stored_object.ts";
import { planReads, type ReadPlan, type Run, wantStride } from "./read_plan.ts";
import { type ReadKind, RunReader } from "./run_reader.ts";

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
  /** Learns why a range could not be read, which is also what `accept` threw. */
  fail(item: number, error: Error): void;
}

/** A range that is put together from several parts. */
interface Assembly {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that are still to come: without end, if a part of them failed. */
  missing: number;
}

/** The reading of many ranges. */
export class RangeRead {
  readonly #wants: RangeWants;
  readonly #sink: RangeSink;
  readonly #plan: ReadPlan | undefined;
  /** None if nothing must be read. */
  readonly #reader: RunReader | undefined;
  #assemblies: Map<number, Assembly> | undefined;
  #isCancelled = false;

  /**
   * Copies what writers have in memory, and plans the rest.
   *
   * @param objects What reads.
   * @param wants The ranges. It is asked as long as they are read.
   * @param sink Who is told.
   * @param kind As what the reads count.
   */
  constructor(objects: Objects, wants: RangeWants, sink: RangeSink, kind: ReadKind = "values") {
    this.#wants = wants;
    this.#sink = sink;
    let inFiles: Float64Array | undefined;
    for (let item = 0; item < wants.count; item++) {
      const length = wants.lengthOf(item);
      if (length === 0) continue;
      const object = wants.objectOf(item);
      const inFile = object.isWriting ? this.#copyFromMemory(item) : length;
      if (inFile === 0) continue;
      inFiles ??= new Float64Array(wants.count * wantStride);
      inFiles[item * wantStride] = object.order;
      inFiles[item * wantStride + 1] = wants.offsetOf(item);
      inFiles[item * wantStride + 2] = inFile;
    }
    if (inFiles === undefined) return;
    const plan = this.#plan = planReads(inFiles, objects.reads.alignment);
    this.#reader = new RunReader(objects.reads, kind, plan.runs, {
      objectOf: (run) => wants.objectOf(plan.items[run.firstPiece]),
      accept: (run, bytes, view, at, done) => this.#accept(run, bytes, view, at, done),
      fail: (run, error) => this.#failRun(run, error),
    });
  }

  /** Whether the sink was told of every range. */
  get done(): boolean {
    return this.#reader === undefined || this.#reader.done;
  }

  /** Keeps reads in flight and waits for the oldest batch of them. It never rejects. */
  async step(): Promise<void> {
    await this.#reader?.step();
  }

  /** Tells the sink nothing more, and waits for what is in flight. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await this.#reader?.cancel();
  }

  /** Copies what of a range is in memory, and returns how many bytes of it must come from the file (D1). */
  #copyFromMemory(item: number): number {
    const offset = this.#wants.offsetOf(item), length = this.#wants.lengthOf(item);
    const { writer } = this.#wants.objectOf(item).own;
    if (writer === undefined || offset + length <= writer.memoryStart) return length;
    const inFile = Math.max(0, writer.memoryStart - offset);
    const { bytes } = this.#assemblyOf(item);
    writer.copyOut(offset + inFile, inFile === 0 ? bytes : bytes.subarray(inFile));
    this.#assembled(item, length - inFile);
    return inFile;
  }

  #accept(run: Run, bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, done: number): void {
    const { items, offsets, lengths } = this.#plan as ReadPlan;
    for (let i = run.firstPiece; i < run.endPiece; i++) {
      const item = items[i], length = lengths[i], from = offsets[i] - run.offset, at = start + from;
      if (from + length > done) this.#fail(item, length, this.#endsEarly(item, run.offset + done));
      else if (length === this.#wants.lengthOf(item)) this.#deliver(item, bytes, view, at, false);
      else {
        const assembly = this.#assemblyOf(item);
        assembly.bytes.set(bytes.subarray(at, at + length), offsets[i] - this.#wants.offsetOf(item));
        this.#assembled(item, length);
      }
    }
  }

  #failRun(run: Run, error: Error): void {
    const { items, lengths } = this.#plan as ReadPlan;
    for (let i = run.firstPiece; i < run.endPiece; i++) this.#fail(items[i], lengths[i], error);
  }

  #assemblyOf(item: number): Assembly {
    this.#assemblies ??= new Map();
    let assembly = this.#assemblies.get(item);
    if (assembly === undefined) {
      const length = this.#wants.lengthOf(item);
      assembly = { bytes: new Uint8Array(length), missing: length };
      this.#assemblies.set(item, assembly);
    }
    return assembly;
  }

  /** Notes that so many bytes more of a range are there. */
  #assembled(item: number, length: number): void {
    const assembly = this.#assemblyOf(item), { bytes } = assembly;
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
      this.#sink.fail(item, error as Error);
    }
  }

  /** Fails a range, once, however many parts of it fail. */
  #fail(item: number, length: number, error: Error): void {
    if (length < this.#wants.lengthOf(item)) {
      const assembly = this.#assemblyOf(item);
      if (assembly.missing === Infinity) return;
      assembly.missing = Infinity;
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
