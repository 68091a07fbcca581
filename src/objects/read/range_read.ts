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

import { assert, CorruptionError } from "../../base/mod.ts";
import type { Transfer } from "../../io/mod.ts";
import type { Objects } from "../objects.ts";
import { type Pieces, planReads, type Run, wantStride } from "./read_plan.ts";
import { type ReadContext, RunReader, type RunSink } from "./run_reader.ts";
import type { StoredObject } from "../stored_object.ts";

/** Runs of ranges in one batch. */
const runsPerBatch = 32;

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

/** The reading of many ranges. */
export class RangeRead {
  readonly #delivery: RangeDelivery;
  readonly #reader: RunReader;

  /**
   * Copies what writers have in memory, and plans the rest.
   *
   * @param objects What reads.
   * @param wants The ranges. It is asked as long as they are read.
   * @param sink Who is told.
   */
  constructor(objects: Objects, wants: RangeWants, sink: RangeSink) {
    const context = objects.reads;
    const delivery = new RangeDelivery(context, wants, sink);
    const inFiles = new Float64Array(wants.count * wantStride);
    for (let item = 0, at = 0; item < wants.count; item++, at += wantStride) {
      const length = wants.lengthOf(item);
      if (length === 0) continue;
      const object = wants.objectOf(item);
      inFiles[at] = object.order;
      inFiles[at + 1] = wants.offsetOf(item);
      inFiles[at + 2] = object.isWriting ? delivery.copyFromMemory(item) : length;
    }
    const plan = planReads(inFiles, context.alignment);
    delivery.pieces = plan.pieces;
    this.#delivery = delivery;
    this.#reader = new RunReader(context, plan, delivery, runsPerBatch);
  }

  /** Whether the sink was told of every range. */
  get done(): boolean {
    return this.#reader.done;
  }

  /** Keeps reads in flight and waits for the oldest batch of them. It never rejects. */
  step(): Promise<void> {
    return this.#reader.step();
  }

  /** Tells the sink nothing more, and waits for what is in flight. */
  cancel(): Promise<void> {
    this.#delivery.isCancelled = true;
    return this.#reader.cancel();
  }
}

/** A range that is put together from several parts. */
interface Assembly {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that are still to come. */
  missing: number;
  isFailed: boolean;
}

/** Hands ranges over. */
class RangeDelivery implements RunSink {
  isCancelled = false;
  pieces: Pieces | undefined;
  readonly #context: ReadContext;
  readonly #wants: RangeWants;
  readonly #sink: RangeSink;
  #assemblies: Map<number, Assembly> | undefined;

  constructor(context: ReadContext, wants: RangeWants, sink: RangeSink) {
    this.#context = context;
    this.#wants = wants;
    this.#sink = sink;
  }

  /** Copies what of a range is in memory, and returns how many bytes of it must come from the file (D1). */
  copyFromMemory(item: number): number {
    const offset = this.#wants.offsetOf(item), length = this.#wants.lengthOf(item);
    const { writer } = this.#wants.objectOf(item).own;
    if (writer === undefined || offset + length <= writer.memoryStart) return length;
    const inFile = Math.max(0, writer.memoryStart - offset);
    const bytes = new Uint8Array(length);
    writer.copyOut(offset + inFile, inFile === 0 ? bytes : bytes.subarray(inFile));
    if (inFile === 0) this.#deliver(item, bytes, new DataView(bytes.buffer), 0, true);
    else this.#startAssembly(item, bytes, inFile);
    return inFile;
  }

  objectOf(item: number): StoredObject {
    return this.#wants.objectOf(item);
  }

  issued(transfers: number, byteLength: number): void {
    this.#context.counters.valueReads += transfers;
    this.#context.counters.valueReadBytes += byteLength;
  }

  accept(run: Run, transfer: Transfer): void {
    const pieces = this.#pieces();
    const bytes = transfer.bytes as Uint8Array<ArrayBuffer>;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = run.firstPiece; i < run.endPiece; i++) {
      const item = pieces.itemOf(i), offset = pieces.offsetOf(i), length = pieces.lengthOf(i);
      const at = offset - run.offset;
      if (at + length > transfer.done) {
        this.#fail(item, length, this.#endsEarly(item, run.offset + transfer.done));
      } else if (length < this.#wants.lengthOf(item)) {
        this.#assemble(item, offset, bytes.subarray(at, at + length));
      } else {
        this.#deliver(item, bytes, view, at, false);
      }
    }
  }

  fail(run: Run, error: Error): void {
    const pieces = this.#pieces();
    for (let i = run.firstPiece; i < run.endPiece; i++) {
      this.#fail(pieces.itemOf(i), pieces.lengthOf(i), error);
    }
  }

  #pieces(): Pieces {
    assert(this.pieces !== undefined, "runs are those of the plan");
    return this.pieces;
  }

  #startAssembly(item: number, bytes: Uint8Array<ArrayBuffer>, missing: number): Assembly {
    const assembly = { bytes, missing, isFailed: false };
    (this.#assemblies ??= new Map()).set(item, assembly);
    return assembly;
  }

  #assemblyOf(item: number): Assembly {
    const length = this.#wants.lengthOf(item);
    return this.#assemblies?.get(item) ?? this.#startAssembly(item, new Uint8Array(length), length);
  }

  #assemble(item: number, offset: number, part: Uint8Array): void {
    const assembly = this.#assemblyOf(item);
    if (assembly.isFailed) return;
    const { bytes } = assembly;
    bytes.set(part, offset - this.#wants.offsetOf(item));
    assembly.missing -= part.length;
    if (assembly.missing > 0) return;
    this.#assemblies?.delete(item);
    this.#deliver(item, bytes, new DataView(bytes.buffer), 0, true);
  }

  #deliver(item: number, bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, owned: boolean): void {
    if (this.isCancelled) return;
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
      if (assembly.isFailed) return;
      assembly.isFailed = true;
    }
    if (!this.isCancelled) this.#sink.fail(item, error);
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
