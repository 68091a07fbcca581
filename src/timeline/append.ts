/**
 * Changes on their way into a timeline: encoded, appended, and made durable if that was asked for.
 *
 * A1  An append that rejects was not applied, unless its error says at which LSN it was.
 *
 * @module
 */

import {
  appliedAt,
  checkFlag,
  checkLsn,
  checkNames,
  type Lsn,
  PoisonedError,
  ReadOnlyError,
  typeName,
} from "../base/mod.ts";
import { Batch, type Change, EncodedBatch, recordsOf } from "../segment/mod.ts";
import { AppendTimer } from "./meters.ts";
import type { TimelineContext } from "./timeline_context.ts";
import type { TimelineWriter } from "./write/timeline_writer.ts";

/** Options of {@linkcode Timeline.append}. */
export interface AppendOptions {
  /** The LSN of the batch, greater than the last. The default is the last LSN + 1. */
  lsn?: Lsn | undefined;
  /** Whether the promise waits until the batch is durable. The default is `false`. */
  sync?: boolean | undefined;
}

/** Options of {@linkcode Timeline.writable}. */
export interface WritableOptions {
  /** Whether each chunk is durable before the next is taken. The default is `false`: closing the stream syncs. */
  sync?: boolean | undefined;
}

const appendNames = ["lsn", "sync"];
const writableNames = ["sync"];

/** What changes pass on their way to the writer. */
export class Appender {
  readonly #context: TimelineContext;
  readonly #writer: TimelineWriter;
  readonly #timer: AppendTimer;
  /** Where changes are encoded; missing while an iterable of changes, which may append too, is being read. */
  #scratch: EncodedBatch | undefined;

  /** Stands before a writer. */
  constructor(context: TimelineContext, writer: TimelineWriter) {
    this.#context = context;
    this.#writer = writer;
    this.#timer = new AppendTimer(context.host.clock, context.meters.append);
  }

  /**
   * Checks that the store is open, and open for writing.
   *
   * @throws {Deno.errors.BadResource} If it was closed.
   * @throws {ReadOnlyError} If it is read only.
   */
  check(): void {
    const { views, readOnly, objects } = this.#context;
    views.checkOpen();
    if (!readOnly) return;
    throw new ReadOnlyError(`Cannot write to "${objects.directory}": the store is open read only`);
  }

  /** See {@linkcode Timeline.append}. */
  append(changes: Batch | Iterable<Change>, options: AppendOptions): Promise<Lsn> {
    try {
      this.check();
      checkNames("append", options, appendNames);
      const given = options.lsn === undefined ? undefined : checkLsn(options.lsn, 1);
      const sync = checkFlag("append", "sync", options.sync);
      return this.#write(changes, given, sync);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #write(changes: Batch | Iterable<Change>, given: Lsn | undefined, sync: boolean): Promise<Lsn> {
    const began = this.#timer.begin();
    const lsn = this.#append(changes, given);
    return sync ? this.#answerSynced(lsn) : this.#answer(lsn, began);
  }

  #append(changes: Batch | Iterable<Change>, given: Lsn | undefined): Lsn {
    if (changes instanceof Batch) return this.#writer.append(recordsOf(changes), given);
    if (typeof changes !== "object" || changes === null || !(Symbol.iterator in changes)) {
      throw new TypeError(`Cannot append: expected a Batch or changes, found ${typeName(changes)}`);
    }
    const records = this.#scratch ?? new EncodedBatch();
    this.#scratch = undefined;
    try {
      records.clear();
      for (const change of changes) records.add(change);
      return this.#writer.append(records, given);
    } finally {
      this.#scratch = records;
    }
  }

  /** What is answered for a batch that was applied (A1). */
  #answer(lsn: Lsn, began: number): Promise<Lsn> {
    const room = this.#writer.makeRoom();
    if (room === undefined) {
      this.#timer.pass(began);
      return Promise.resolve(lsn);
    }
    const since = this.#timer.wait(began);
    return room.then(() => {
      this.#timer.waited(since);
      return lsn;
    }, (error) => {
      // A full disk refuses the next one; what was applied until it is closed is synced by that.
      if (error instanceof PoisonedError) throw appliedAt(error, lsn);
      return lsn;
    });
  }

  /** Syncs, and makes room too: sealing may be slower than syncs are. */
  async #answerSynced(lsn: Lsn): Promise<Lsn> {
    await this.#sync().catch((error) => {
      throw appliedAt(error, lsn);
    });
    // The batch is durable: that there will be no more room is for the next one to learn.
    await this.#writer.makeRoom()?.catch(() => {});
    return lsn;
  }

  /** Makes durable what was appended before the call; see {@linkcode Timeline.sync}. */
  async sync(): Promise<void> {
    this.check();
    await this.#sync();
  }

  async #sync(): Promise<void> {
    const writer = this.#writer, { host: { clock }, meters } = this.#context;
    if (writer.durableLsn >= writer.lastLsn) return await writer.sync();
    const began = clock.monotonic();
    await writer.sync();
    meters.sync.record(began, clock.monotonic());
  }

  /** See {@linkcode Timeline.writable}. */
  writable(options: WritableOptions): WritableStream<Change | Change[] | Batch> {
    this.check();
    checkNames("write", options, writableNames);
    const sync = checkFlag("write", "sync", options.sync);
    return new WritableStream<Change | Change[] | Batch>({
      write: (chunk) => {
        this.check();
        const changes = chunk instanceof Batch || Array.isArray(chunk) ? chunk : [chunk];
        return this.#write(changes, undefined, sync).then(() => {});
      },
      close: () => this.sync(),
    }, { highWaterMark: 64 });
  }
}
