/**
 * Changes on their way into a timeline: encoded, appended, and made durable if that was asked for.
 *
 * A1  An append that rejects was not applied, unless its error says at which LSN it was.
 * A2  Nothing of a batch is applied if a key of it belongs to another store of several.
 *
 * @module
 */

import {
  appliedAt,
  checkFlag,
  checkLsn,
  checkNames,
  type KeyPrefix,
  type Lsn,
  PoisonedError,
  ReadOnlyError,
  typeName,
} from "../base/mod.ts";
import { Batch, type Change, EncodedBatch, recordsOf } from "../segment/mod.ts";
import { AppendTimer } from "./meters.ts";
import { Agreement } from "./expect/agreement.ts";
import { type Expectation, Expectations } from "./expect/expectations.ts";
import type { ViewSource } from "./read/reads.ts";
import type { TimelineContext } from "./timeline_context.ts";
import { ofChange } from "./which_change.ts";
import type { TimelineWriter } from "./write/timeline_writer.ts";

/** Options of {@linkcode Timeline.append}. */
export interface AppendOptions {
  /** The LSN of the batch, greater than the last. The default is the last LSN + 1. */
  lsn?: Lsn | undefined;
  /** Whether the promise waits until the batch is durable. The default is `false`. */
  sync?: boolean | undefined;
  /**
   * What must stand for the batch to be applied: an optimistic transaction appends with what it has read. It is checked in
   * the turn in which the batch is applied, whoever appends meanwhile; if a key has moved on nothing is applied, and the
   * promise rejects with a `ConflictError`. Where memory tells, as of keys that were written or read lately, that is the
   * turn of the call; otherwise indexes are read first, other appends go before it, and it takes its LSN when it is applied.
   * The default is to expect nothing, as of an empty array.
   */
  expect?: readonly Expectation[] | undefined;
}

/** Options of {@linkcode Timeline.writable}. */
export interface WritableOptions {
  /** Whether each chunk is durable before the next is taken. The default is `false`: closing the stream syncs. */
  sync?: boolean | undefined;
}

const appendNames = ["lsn", "sync", "expect"];
const writableNames = ["sync"];

/** Adds a change; what is wrong with it says which of the batch it is. */
function addTo(records: EncodedBatch, change: Change): void {
  try {
    records.add(change);
  } catch (error) {
    throw ofChange(error, records.count);
  }
}

/** What changes pass on their way to the writer. */
export class Appender {
  readonly #context: TimelineContext;
  readonly #writer: TimelineWriter;
  readonly #agreement: Agreement;
  readonly #timer: AppendTimer;
  /** Where changes are encoded; missing while an iterable of changes, which may append too, is being read. */
  #scratch: EncodedBatch | undefined;

  /**
   * Stands before a writer.
   *
   * @param context The timeline.
   * @param writer Its writer.
   * @param source What is seen of it.
   */
  constructor(context: TimelineContext, writer: TimelineWriter, source: ViewSource) {
    this.#context = context;
    this.#writer = writer;
    this.#agreement = new Agreement(context, writer, source);
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

  /**
   * See {@linkcode Timeline.append}.
   *
   * @param changes The changes, with whole keys.
   * @param options See {@linkcode AppendOptions}.
   * @param prefix What stands before each key that is expected. The default is nothing.
   */
  append(
    changes: Batch | Iterable<Change>,
    options: AppendOptions,
    prefix?: KeyPrefix,
  ): Promise<Lsn> {
    try {
      this.check();
      checkNames("append", options, appendNames);
      const given = options.lsn === undefined ? undefined : checkLsn(options.lsn, 1);
      const sync = checkFlag("append", "sync", options.sync);
      return this.#write(changes, given, sync, Expectations.check(options.expect, prefix));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #write(
    changes: Batch | Iterable<Change>,
    given: Lsn | undefined,
    sync: boolean,
    expected: Expectations | undefined,
  ): Promise<Lsn> {
    const began = this.#timer.begin();
    const lsn = this.#append(changes, given, expected);
    if (typeof lsn !== "number") return this.#answerLater(lsn, began, sync);
    return sync ? this.#answerSynced(lsn) : this.#answer(lsn, began);
  }

  #append(
    changes: Batch | Iterable<Change>,
    given: Lsn | undefined,
    expected: Expectations | undefined,
  ): Lsn | Promise<Lsn> {
    if (changes instanceof Batch) return this.#place(recordsOf(changes), given, expected);
    if (typeof changes !== "object" || changes === null || !(Symbol.iterator in changes)) {
      throw new TypeError(`Cannot append: expected a Batch or changes, found ${typeName(changes)}`);
    }
    const records = this.#scratch ?? new EncodedBatch();
    this.#scratch = undefined;
    try {
      records.clear();
      for (const change of changes) addTo(records, change);
      return this.#place(records, given, expected);
    } finally {
      this.#scratch = records;
    }
  }

  /** Gives a batch its place in history, unless a key of it, or one that is expected, belongs to another store (A2). */
  #place(
    records: EncodedBatch,
    given: Lsn | undefined,
    expected: Expectations | undefined,
  ): Lsn | Promise<Lsn> {
    const { shard } = this.#context;
    if (shard !== undefined) {
      records.visitKeys((key) => shard.check(key));
      expected?.keys.forEach((key) => shard.check(key));
    }
    if (expected === undefined) return this.#writer.append(records, given);
    return this.#agreement.append(records, given, expected);
  }

  /** What is answered for a batch that was applied (A1). */
  #answer(lsn: Lsn, began: number): Promise<Lsn> {
    const room = this.#writer.makeRoom();
    if (room === undefined) {
      this.#timer.pass(began);
      return Promise.resolve(lsn);
    }
    return this.#await(room, lsn, this.#timer.wait(began));
  }

  /** What is answered for a batch that is applied, or refused, when its expectations have been looked up. */
  async #answerLater(placed: Promise<Lsn>, began: number, sync: boolean): Promise<Lsn> {
    const since = this.#timer.wait(began);
    const lsn = await placed;
    return await (sync
      ? this.#answerSynced(lsn)
      : this.#await(this.#writer.makeRoom() ?? Promise.resolve(), lsn, since));
  }

  #await(room: Promise<void>, lsn: Lsn, since: number): Promise<Lsn> {
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

  /**
   * See {@linkcode Timeline.writable}.
   *
   * @param options See {@linkcode WritableOptions}.
   * @param changesOf The changes of a chunk, with whole keys.
   */
  writable<Chunk>(
    options: WritableOptions,
    changesOf: (chunk: Chunk) => Batch | Iterable<Change>,
  ): WritableStream<Chunk> {
    this.check();
    checkNames("write", options, writableNames);
    const sync = checkFlag("write", "sync", options.sync);
    return new WritableStream<Chunk>({
      write: (chunk) => {
        this.check();
        return this.#write(changesOf(chunk), undefined, sync, undefined).then(() => {});
      },
      close: () => this.sync(),
    }, { highWaterMark: 64 });
  }
}
