/**
 * Carrying out a plan of reads: in batches, at a bounded depth, each with a buffer, and with leases on its files for as
 * long as it is in flight.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { BufferPool, IoBuffer, IoEngine, Transfer } from "../../io/mod.ts";
import type { ReadCounters } from "../metrics.ts";
import type { StoredObject } from "../stored_object.ts";
import type { OpenFiles } from "./open_files.ts";
import type { PageCache } from "./page_cache.ts";
import type { PageRead } from "./page_read.ts";
import type { Run } from "./read_plan.ts";

/** Batches of reads that one question keeps in flight. */
const batchesInFlight = 4;
/** Runs in one batch. Of pages mostly all that a question asks for at once. */
const runsPerBatch = { values: 32, pages: 128 };

/** What is read: it says how reads are batched, and as what they count. */
export type ReadKind = keyof typeof runsPerBatch;

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
  /** Pages on their way, by their keys. */
  readonly flights: Map<number, PageRead>;
  /** What offsets and lengths of reads are multiples of, in bytes. */
  readonly alignment: number;
  /** Counts of what was done. */
  readonly counters: ReadCounters;
}

/** Whom the reads are for. */
export interface RunSink {
  /** The object of a run. */
  objectOf(run: Run): StoredObject;
  /** Takes the `done` bytes that a run brought, at `at` of memory that is lent for the call. It does not throw. */
  accept(run: Run, bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, done: number): void;
  /** Learns why a run brought nothing. It does not throw. */
  fail(run: Run, error: Error): void;
}

/** The reads of one plan. */
export class RunReader {
  readonly #context: ReadContext;
  readonly #kind: ReadKind;
  /** Those that got no descriptor come once more behind the others. */
  readonly #runs: Run[];
  readonly #sink: RunSink;
  readonly #flights: Promise<void>[] = [];
  #next = 0;

  /** Starts nothing yet. The row of runs is the reader's own from now on. */
  constructor(context: ReadContext, kind: ReadKind, runs: Run[], sink: RunSink) {
    this.#context = context;
    this.#kind = kind;
    this.#runs = runs;
    this.#sink = sink;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#flights.length === 0 && this.#next >= this.#runs.length;
  }

  /** Keeps reads in flight and waits for the oldest batch of them. It never rejects. */
  async step(): Promise<void> {
    const { turns, pool } = this.#context;
    turns.awaiting();
    while (this.#flights.length < batchesInFlight && this.#next < this.#runs.length) {
      // A first batch waits for its buffer; read-ahead takes one only if it is free.
      const buffer = pool.tryTake() ?? (this.#flights.length === 0 ? await pool.take() : undefined);
      if (buffer === undefined) break;
      this.#flights.push(this.#fly(buffer));
    }
    await this.#flights[0];
    this.#flights.shift();
    turns.answered();
  }

  /** Issues nothing more and waits for what is in flight. */
  async cancel(): Promise<void> {
    this.#next = Infinity;
    await Promise.all(this.#flights.splice(0));
  }

  async #fly(buffer: IoBuffer): Promise<void> {
    const { files, engine, counters } = this.#context;
    const { bytes } = buffer;
    const runs = this.#takeRuns(bytes.length);
    const objects = runs.map((run) => this.#sink.objectOf(run));
    const leases = await files.lease(objects);
    const issued: Run[] = [], batch: Transfer[] = [];
    let end = 0;
    runs.forEach((run, i) => {
      const file = leases.get(objects[i]);
      if (file === undefined) this.#runs.push(run);
      else if (file instanceof Error) this.#sink.fail(run, file);
      else {
        issued.push(run);
        const memory = bytes.subarray(end, end += run.length);
        batch.push({ file, offset: run.offset, bytes: memory, done: 0, error: undefined });
      }
    });
    if (batch.length > 0) await engine.read(batch);
    files.release(leases);
    counters[this.#kind === "pages" ? "pageReads" : "valueReads"] += batch.length;
    if (this.#kind === "values") counters.valueReadBytes += end;
    const view = new DataView(bytes.buffer, bytes.byteOffset, end);
    end = 0;
    issued.forEach((run, i) => {
      const { done, error } = batch[i];
      if (error === undefined) this.#sink.accept(run, bytes, view, end, done);
      else this.#sink.fail(run, error);
      end += run.length;
    });
    buffer.release();
  }

  /** The next runs that fit one batch. */
  #takeRuns(capacity: number): Run[] {
    const from = this.#next, most = from + runsPerBatch[this.#kind];
    let to = from, bytes = 0;
    while (to < this.#runs.length && to < most && bytes + this.#runs[to].length <= capacity) {
      bytes += this.#runs[to++].length;
    }
    this.#next = to;
    return this.#runs.slice(from, to);
  }
}
