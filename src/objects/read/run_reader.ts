/**
 * Carrying out a plan of reads: in batches, at a bounded depth, each with a buffer, and with leases on its files for as
 * long as it is in flight.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { BufferPool, IoBuffer, IoEngine, IoFile, Transfer } from "../../io/mod.ts";
import type { ReadCounters } from "../metrics.ts";
import { isOutOfDescriptors, type OpenFiles } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";
import type { PageFlights } from "./page_read.ts";
import type { ReadPlan, Run } from "./read_plan.ts";
import type { StoredObject } from "../stored_object.ts";

/** Batches of reads that one question keeps in flight. */
const batchesInFlight = 4;

/** What the reads of one store share. */
export interface ReadContext {
  /** What reads. */
  readonly engine: IoEngine;
  /** Who is told that somebody waits. */
  readonly turns: Turns;
  /** Buffers of one batch each. */
  readonly pool: BufferPool;
  /** Open files. */
  readonly files: OpenFiles;
  /** Pages in memory. */
  readonly cache: PageCache;
  /** Pages on their way. */
  readonly flights: PageFlights;
  /** What offsets and lengths of reads are multiples of, in bytes. */
  readonly alignment: number;
  /** Counts of what was done. */
  readonly counters: ReadCounters;
}

/** Whom the reads are for. */
export interface RunSink {
  /** The object of a range of the plan. */
  objectOf(item: number): StoredObject;
  /** Takes note of what is issued. */
  issued(transfers: number, byteLength: number): void;
  /** Takes what a run brought; the memory is lent for the call. It does not throw. */
  accept(run: Run, transfer: Transfer): void;
  /** Learns why a run brought nothing. It does not throw. */
  fail(run: Run, error: Error): void;
}

/** The reads of one plan. */
export class RunReader {
  readonly #context: ReadContext;
  readonly #plan: ReadPlan;
  readonly #sink: RunSink;
  readonly #runsPerBatch: number;
  readonly #flights: Promise<void>[] = [];
  #nextRun = 0;
  /** Runs that got no descriptor and are tried again. */
  readonly #putBack: Run[] = [];
  /** Whether there are no descriptors at all, for nobody. */
  #isStarved = false;
  #isCancelled = false;

  /** Starts nothing yet. */
  constructor(context: ReadContext, plan: ReadPlan, sink: RunSink, runsPerBatch: number) {
    this.#context = context;
    this.#plan = plan;
    this.#sink = sink;
    this.#runsPerBatch = runsPerBatch;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#flights.length === 0 && !this.#hasRuns;
  }

  get #hasRuns(): boolean {
    return !this.#isCancelled && (this.#nextRun < this.#plan.runs.length || this.#putBack.length > 0);
  }

  /** Keeps reads in flight and waits for the oldest batch of them. It never rejects. */
  async step(): Promise<void> {
    const { turns, pool } = this.#context;
    turns.awaiting();
    try {
      while (this.#flights.length < batchesInFlight && this.#hasRuns) {
        // A first batch waits for its buffer; read-ahead takes one only if it is free.
        const buffer = pool.tryTake() ?? (this.#flights.length === 0 ? await pool.take() : undefined);
        if (buffer === undefined) break;
        if (this.#hasRuns) this.#flights.push(this.#fly(buffer));
        else buffer.release();
      }
      await this.#flights[0];
      this.#flights.shift();
    } finally {
      turns.answered();
    }
  }

  /** Reads everything. It never rejects. */
  async finish(): Promise<void> {
    while (!this.done) await this.step();
  }

  /** Issues nothing more and waits for what is in flight. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all(this.#flights.splice(0));
  }

  async #fly(buffer: IoBuffer): Promise<void> {
    const { files } = this.#context;
    const runs = this.#takeRuns(buffer.bytes.length);
    const leased: StoredObject[] = [];
    try {
      const failures = await this.#leaseFiles(runs, leased);
      if (failures !== undefined && leased.length === 0) await this.#leaseInTurn(leased, failures);
      const able = failures === undefined ? runs : this.#withoutFailed(runs, failures);
      if (able.length > 0) await this.#read(able, buffer.bytes);
    } finally {
      for (const object of leased) files.release(object);
      buffer.release();
    }
  }

  #takeRuns(capacity: number): Run[] {
    if (this.#putBack.length > 0) {
      return this.#putBack.splice(0, countFitting(this.#putBack, 0, this.#runsPerBatch, capacity));
    }
    const from = this.#nextRun;
    this.#nextRun += countFitting(this.#plan.runs, from, this.#runsPerBatch, capacity);
    return this.#plan.runs.slice(from, this.#nextRun);
  }

  /** Leases the file of every run, and says which objects have none; `undefined` if all have. */
  #leaseFiles(runs: readonly Run[], leased: StoredObject[]): Promise<Map<StoredObject, Error>> | undefined {
    const { files } = this.#context;
    let last: StoredObject | undefined;
    let closed: StoredObject[] | undefined;
    for (const run of runs) {
      const object = this.#objectOf(run);
      if (object === last) continue;
      last = object;
      if (files.tryLease(object) !== undefined) leased.push(object);
      else (closed ??= []).push(object);
    }
    return closed && this.#openFiles(closed, leased);
  }

  async #openFiles(
    objects: readonly StoredObject[],
    leased: StoredObject[],
  ): Promise<Map<StoredObject, Error>> {
    const failures = new Map<StoredObject, Error>();
    await Promise.all(objects.map((object) =>
      this.#context.files.lease(object).then(
        () => leased.push(object),
        (error) => failures.set(object, error),
      )
    ));
    return failures;
  }

  /** Leases one file of those that only lack a descriptor; the batch holds none yet (F1). */
  async #leaseInTurn(leased: StoredObject[], failures: Map<StoredObject, Error>): Promise<void> {
    const object = failures.keys().find((object) => isOutOfDescriptors(failures.get(object)));
    if (object === undefined) return;
    try {
      await this.#context.files.leaseInTurn(object);
      leased.push(object);
      failures.delete(object);
    } catch (error) {
      failures.set(object, error as Error);
      this.#isStarved = isOutOfDescriptors(error);
    }
  }

  /** Takes out runs without a file: those are tried again whose object only lacks a descriptor, if there are any. */
  #withoutFailed(runs: readonly Run[], failures: ReadonlyMap<StoredObject, Error>): Run[] {
    return runs.filter((run) => {
      const error = failures.get(this.#objectOf(run));
      if (error === undefined) return true;
      if (isOutOfDescriptors(error) && !this.#isStarved) this.#putBack.push(run);
      else this.#sink.fail(run, error);
      return false;
    });
  }

  async #read(runs: readonly Run[], memory: Uint8Array<ArrayBuffer>): Promise<void> {
    let at = 0;
    const batch = runs.map((run): Transfer => {
      const bytes = memory.subarray(at, at + run.length);
      at += run.length;
      const file = this.#objectOf(run).own.file as IoFile;
      return { file, offset: run.offset, bytes, done: 0, error: undefined };
    });
    this.#sink.issued(batch.length, at);
    await this.#context.engine.read(batch);
    for (let i = 0; i < runs.length; i++) {
      const { error } = batch[i];
      if (error === undefined) this.#sink.accept(runs[i], batch[i]);
      else this.#sink.fail(runs[i], error);
    }
  }

  #objectOf(run: Run): StoredObject {
    return this.#sink.objectOf(this.#plan.pieces.itemOf(run.firstPiece));
  }
}

/** How many runs from `from` on fit one batch. */
function countFitting(runs: readonly Run[], from: number, most: number, capacity: number): number {
  let bytes = 0, to = from;
  while (to < runs.length && to - from < most && bytes + runs[to].length <= capacity) {
    bytes += runs[to++].length;
  }
  return to - from;
}
