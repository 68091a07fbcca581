/**
 * The write path of a timeline: append, sync, freeze, close.
 *
 * ```
 *   append ─► open segment + open layer ──full──► frozen ──sealed in the background──► L0 layer in the manifest
 *      └ one turn: position, bytes, index            └ the index changes hands, nothing is copied
 * ```
 *
 * T3  An append takes its LSN, its place and its index entries in one turn: readers see all of a batch or none.
 * T6  After the first failure other than a shortage every later write rejects; reads go on.
 *
 * @module
 */

import { Health, isShortage, type Lsn, LsnError, maxLsn } from "../../base/mod.ts";
import { timeMarkBytes } from "../../layer/mod.ts";
import { Durability, EncodedBatch, joinPatches, TimedFlusher, Upkeep, Waiters } from "../../segment/mod.ts";
import { Dates } from "../dates.ts";
import type { TimelineContext } from "../timeline_context.ts";
import { Compactor } from "../upkeep/compactor.ts";
import { Horizon } from "../upkeep/retain/horizon.ts";
import { checkNamed } from "./orphans.ts";
import { proveEnds } from "./prove_ends.ts";
import { ReadOn } from "./read_on.ts";
import { recoverSegments, type Recovery, settleRecovery } from "./recover.ts";
import { type BackPressure, Room } from "./room.ts";
import type { ThrottleCounts } from "./throttle.ts";
import { TimelineLayers } from "./timeline_layers.ts";

/** A segment of at least so many bytes is sealed when its timeline is closed; a smaller one goes on next time. */
const sealWorthBytes = 1024 * 1024;

/** What a timeline's writer did so far. */
export interface WriteCounters {
  /** Batches that were appended. */
  batches: number;
  /** Changes in them. */
  changes: number;
  /** Bytes of their records. */
  bytes: number;
  /** Syncs that were carried out; concurrent ones share one. */
  syncs: number;
  /** Segments that were sealed. */
  seals: number;
}

/** The write path of one timeline. */
export class TimelineWriter {
  /** Whether writing goes on. */
  readonly health: Health;
  /** Its layers. */
  readonly layers: TimelineLayers;
  /** What merges its layers. */
  readonly compactor: Compactor;
  /** When its batches were appended. */
  readonly dates: Dates;
  /** From where on it can be read. */
  readonly horizon: Horizon;
  /** Who waits for the next batch. */
  readonly waiters: Waiters = new Waiters();
  readonly #counters = { batches: 0, changes: 0, bytes: 0, seals: 0 };
  readonly #context: TimelineContext;
  readonly #room: Room;
  readonly #upkeep: Upkeep;
  readonly #flusher: TimedFlusher;
  readonly #durability: Durability;
  #lastLsn: Lsn;
  #abandoned: Promise<void> | undefined;
  /** What reads on where another process writes. */
  readonly #readOn: ReadOn;

  private constructor(context: TimelineContext, recovery: Recovery) {
    const { segments, lastLsn, durableLsn } = recovery;
    this.#context = context;
    this.health = new Health(`timeline "${context.name}"`);
    this.#upkeep = new Upkeep(this.health);
    this.layers = new TimelineLayers(context, this.health, this.#upkeep, {
      alongside: (lastLsn) => this.horizon.edits(Math.max(lastLsn, this.durableLsn)),
      sealed: ({ description: { lastLsn } }) => {
        this.#counters.seals++;
        this.#durability.reached(lastLsn);
        this.#room.wake();
        this.compactor.wake();
      },
    });
    this.dates = datesOf(context, this, this.layers);
    this.horizon = new Horizon(context, this.health, this.dates);
    this.compactor = new Compactor(context, this.health, this.layers, {
      horizon: () => this.horizon.lsn,
      changed: () => this.#room.wake(),
    });
    const { host, readOnly, settings: { flushMilliseconds, waitingBytes } } = context;
    const pressure = () => this.compactor.pressure;
    this.#room = new Room({ health: this.health, host, layers: this.layers, waitingBytes, pressure });
    this.#flusher = new TimedFlusher(this.health, host.timers, flushMilliseconds, this.layers);
    this.#lastLsn = lastLsn;
    this.#readOn = new ReadOn(context, recovery);
    // Who may write has synced what was recovered.
    this.#durability = new Durability(this.health, this.layers, host.turns, readOnly ? durableLsn : lastLsn);
    if (readOnly) this.layers.adoptToRead(segments);
    else this.layers.adopt(segments);
    if (!readOnly) this.horizon.moveLater(this.#upkeep, this.durableLsn, () => this.compactor.wake());
    this.compactor.wake();
  }

  /**
   * Opens a timeline and recovers the end of its history.
   *
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   */
  static async open(context: TimelineContext): Promise<TimelineWriter> {
    const recovery = await recoverSegments(context);
    if (context.readOnly) await checkNamed(context);
    else await settleRecovery(context, recovery);
    return new TimelineWriter(context, recovery);
  }

  /**
   * Reads on where another process writes. What is shown by then, and what comes, is durable.
   *
   * @param isNew Whether the manifest says something new.
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   */
  async refresh(isNew: boolean): Promise<void> {
    const read = await this.#readOn.next(isNew || this.durableLsn < this.#lastLsn, this.#lastLsn);
    if (read === undefined) return;
    this.layers.refresh(read.segments);
    this.#lastLsn = read.lastLsn;
    this.#durability.reached(read.lastLsn);
    this.waiters.wake();
  }

  /** What it did so far. */
  get counters(): Readonly<WriteCounters> & ThrottleCounts {
    return { ...this.#counters, syncs: this.#durability.syncs, ...this.#room.counts };
  }

  /** Why an append would wait now. */
  get backPressure(): BackPressure {
    return this.#room.backPressure;
  }

  /** The LSN of the last batch: of a branch that has none, the branch LSN; 0 if there is none at all. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** The LSN up to which every batch is durable. */
  get durableLsn(): Lsn {
    return this.#durability.lsn;
  }

  /**
   * Appends a batch in one turn (T3).
   *
   * @param batch The batch, not stamped yet; one without changes takes an LSN too.
   * @param given The LSN that the caller chose, if it did.
   * @param isHeld Whether there is memory for it, since {@linkcode TimelineWriter.hold} let it in.
   * @returns The batch's LSN.
   * @throws {LsnError} If the LSN does not increase.
   * @throws {PoisonedError} If an earlier write failed, or there is no memory for the batch.
   * @throws {IoError} If the disk is full.
   * @throws {LimitError} If patches of a key are too long together, more waits to be written than memory allows, or the timeline has had all its files.
   */
  append(batch: EncodedBatch, given: Lsn | undefined, isHeld: boolean = false): Lsn {
    if (isHeld) this.#room.checkHealth();
    else this.#room.check();
    const lsn = nextLsn(this.#lastLsn, given);
    const records = batch.count === 0 ? emptyBatch() : joinPatches(batch);
    const isFull = this.layers.isFull(records.end + timeMarkBytes, records.count);
    if (isFull || this.layers.open === undefined) this.layers.checkNext();
    try {
      if (isFull) this.layers.freeze(this.durableLsn);
      const open = this.layers.open ?? this.layers.openNext(lsn, this.#lastLsn);
      open.append(records, lsn, this.layers.now());
    } catch (error) {
      // Without memory it may stand there by half, behind which nothing that comes would be found again.
      throw this.health.fail(error as Error);
    }
    this.#lastLsn = lsn;
    this.#room.took(records.end);
    this.#flusher.appended();
    this.#counters.batches++;
    this.#counters.changes += batch.count;
    this.#counters.bytes += records.end;
    this.waiters.wake();
    return lsn;
  }

  /**
   * Lets a batch wait before it is appended; it is refused as an append would be.
   *
   * @param bytes The memory that it takes meanwhile.
   * @returns Ends that.
   */
  hold(bytes: number): Disposable {
    return this.#room.hold(bytes);
  }

  /**
   * Resolves when there is room for more; `undefined` if there is now.
   *
   * @throws {PoisonedError} If a write failed.
   * @throws {IoError} If the disk is full.
   */
  makeRoom(): Promise<void> | undefined {
    return this.#room.make();
  }

  /**
   * Makes everything that was appended before the call durable. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async sync(): Promise<void> {
    await this.#durability.sync(this.#lastLsn);
  }

  /**
   * Freezes the open layer and resolves when every frozen layer is sealed and in the manifest.
   *
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async freeze(): Promise<void> {
    this.#room.check();
    this.health.begin();
    if (this.layers.open !== undefined) this.layers.freeze(this.durableLsn);
    const { frozen } = this.layers, last = frozen.at(-1);
    while (last !== undefined && frozen.includes(last)) await this.#room.nextSeal();
  }

  /**
   * Syncs, seals what is worth it, leaves a smaller segment so that it can go on, and gives up what it holds, also if
   * something fails.
   *
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full, so that not everything is durable, or not proven to be (T8).
   */
  async close(): Promise<void> {
    if (this.#context.readOnly) return this.health.closed();
    this.#flusher.stop();
    await this.compactor.close();
    try {
      await this.sync();
      if ((this.layers.open?.segment.end ?? 0) >= sealWorthBytes) this.layers.freeze(this.durableLsn);
      await this.#finish();
    } finally {
      await this.#release();
    }
  }

  /**
   * Gives up what it holds and waits for what is under way, whatever becomes of it: nothing of the timeline is wanted any
   * more. No view is open any more.
   */
  abandon(): Promise<void> {
    return this.#abandoned ??= this.#abandon();
  }

  async #abandon(): Promise<void> {
    this.#flusher.stop();
    this.health.close();
    await this.compactor.close();
    // What could not be written to its end is not read by anybody.
    await this.#release().catch(() => {});
  }

  /** Ends sealing, and has the manifest say where segments end that are left. */
  async #finish(): Promise<void> {
    try {
      await this.#endSealing();
      await proveEnds(this.#context, this.layers);
    } catch (error) {
      throw this.health.fail(error as Error);
    }
  }

  /** On a full disk what is not sealed is left to the next opening: everything is durable. */
  async #endSealing(): Promise<void> {
    try {
      while (this.layers.frozenCount > 0) await this.#room.nextSeal();
    } catch (error) {
      if (!isShortage(error)) throw error;
    }
    // Nobody could ask to try again from now on.
    this.health.close();
    await this.#upkeep.idle();
    const { cause } = this.health;
    if (cause !== undefined && !isShortage(cause)) throw cause;
  }

  /** Waits for everything that is under way: nothing may be written once the store's lock is given up. */
  async #release(): Promise<void> {
    this.health.close();
    await this.#upkeep.idle();
    await this.#durability.idle();
    const aborted = await Promise.allSettled(
      this.layers.unsealed.map(({ segment }) => segment.writer.abort()),
    );
    await this.#flusher.idle();
    this.health.closed();
    for (const { memory } of this.layers.unsealed) memory?.release();
    for (const result of aborted) if (result.status === "rejected") throw result.reason;
  }
}

/** The LSN of a batch behind the last one. */
function nextLsn(lastLsn: Lsn, given: Lsn = lastLsn + 1): Lsn {
  if (given > lastLsn && given <= maxLsn) return given;
  throw new LsnError(`Cannot append at LSN ${given}: the last LSN is ${lastLsn}`, { lsn: given, lastLsn });
}

/** A batch without changes, which still has its LSN in the log. */
function emptyBatch(): EncodedBatch {
  const records = new EncodedBatch();
  records.mark();
  return records;
}

function datesOf(
  { host, views, ancestor }: TimelineContext,
  writer: TimelineWriter,
  layers: TimelineLayers,
): Dates {
  return new Dates(host.clock, {
    older: ancestor,
    get lastLsn() {
      return writer.lastLsn;
    },
    checkOpen: () => views.checkOpen(),
    times: () => layers.times(),
  });
}
