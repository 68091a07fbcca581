/**
 * The write path of a log: append, sync, truncate, close.
 *
 * G4  An append takes its offsets and its places in one turn; records stand in the order of the calls.
 * G5  After the first failure other than a shortage every later write rejects; reads go on.
 *
 * @module
 */

import { Health, isShortage, LimitError, type Lsn } from "../../base/mod.ts";
import { recordHeaderBytes } from "../../layer/mod.ts";
import { Durability, TimedFlusher, Waiters } from "../../segment/mod.ts";
import type { LogContext } from "../log_context.ts";
import type { LogSegment } from "../log_segment.ts";
import type { LogSource } from "../read/log_source.ts";
import { type RecoveredLog, recoverLog, settleLog } from "../recover_log.ts";
import { LogSegments } from "./log_segments.ts";

const MiB = 1024 * 1024;
/** Bytes that wait to be written at which appends that did not wait are refused. */
const mostWaiting = 256 * MiB;
/** Segments that may wait to be sealed before appends wait for them. */
const mostFrozen = 2;
/** Bytes of records after which appends ask whether the event loop's turn is due. */
const turnBytes = 16 * 1024;
/** Bytes after which they give it a turn in any case while somebody follows: a follower takes more steps for a record. */
const followedBytes = 128 * 1024;
/** A segment of at least so many bytes is sealed when its log is closed; a smaller one goes on next time. */
const sealWorthBytes = MiB;
/** How often it is looked for records that have become too old, at the least, in milliseconds. */
const ageMilliseconds = 60_000;

/** The write path of one log. */
export class LogWriter implements LogSource {
  /** Whether writing goes on. */
  readonly health: Health;
  /** Its segments. */
  readonly segments: LogSegments;
  /** Who waits for the next record. */
  readonly waiters: Waiters = new Waiters();
  readonly #context: LogContext;
  readonly #durability: Durability;
  readonly #flusher: TimedFlusher;
  readonly #seals: (() => void)[] = [];
  #lastLsn: Lsn;
  #sinceTurn = 0;
  #sinceFollowed = 0;
  #cancelAging: (() => void) | undefined;

  private constructor(context: LogContext, recovered: RecoveredLog) {
    const { host, objects: { directory }, settings: { flushMilliseconds } } = context;
    this.#context = context;
    this.#lastLsn = recovered.lastLsn;
    this.health = new Health(`log "${directory}"`);
    this.segments = new LogSegments(context, this.health, recovered, {
      durableLsn: () => this.durableLsn,
      sealed: (lastLsn) => {
        this.#durability.reached(lastLsn);
        this.#wake();
      },
    });
    // What was recovered was synced before it was read.
    this.#durability = new Durability(this.health, this.segments, host.turns, recovered.lastLsn);
    this.#flusher = new TimedFlusher(this.health, host.timers, flushMilliseconds, this.segments);
    this.health.watch(() => this.#wake());
    this.segments.retain();
    this.#age();
  }

  /**
   * Opens a log and recovers its end.
   *
   * @throws {CorruptionError} If records that were once durable are damaged or missing.
   */
  static async open(context: LogContext): Promise<LogWriter> {
    const recovered = await recoverLog(context);
    await settleLog(context, recovered);
    return new LogWriter(context, recovered);
  }

  /** The LSN of the last record. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** See {@linkcode LogSource.all}. */
  get all(): readonly LogSegment[] {
    return this.segments.all;
  }

  /** See {@linkcode LogSource.followed}. */
  followed(change: 1 | -1): void {
    this.segments.followers += change;
  }

  /** See {@linkcode LogSource.horizon}. */
  get horizon(): Lsn {
    return this.segments.horizon;
  }

  /** The LSN up to which every record is durable. */
  get durableLsn(): Lsn {
    return this.#durability.lsn;
  }

  /**
   * Appends payloads in one turn (G4).
   *
   * @param payloads The payloads.
   * @param bytes How many bytes they have together.
   * @returns The LSN of the first.
   * @throws {PoisonedError} If an earlier write failed, or there is no memory for them.
   * @throws {IoError} If the disk is full.
   * @throws {LimitError} If more waits to be written than may.
   */
  append(payloads: readonly Uint8Array[], bytes: number): Lsn {
    this.#checkRoom();
    const first = this.#lastLsn + 1;
    if (payloads.length === 0) return first;
    this.segments.checkNext();
    try {
      this.#lastLsn = this.segments.append(payloads, this.#lastLsn);
    } catch (error) {
      // Without memory one may stand there by half, behind which nothing that comes would be found again.
      throw this.health.fail(error as Error);
    }
    const taken = bytes + payloads.length * recordHeaderBytes;
    this.#sinceTurn += taken;
    this.#sinceFollowed += taken;
    this.#flusher.appended();
    this.waiters.wake();
    return first;
  }

  /** The gate before an append. */
  #checkRoom(): void {
    try {
      this.health.check();
    } finally {
      this.health.retry();
    }
    const found = this.segments.waitingBytes;
    if (found <= mostWaiting) return;
    const limit = mostWaiting, many = `${found} bytes wait in memory, the limit is ${limit}`;
    throw new LimitError(`Cannot append: ${many}: await earlier appends first`, { limit, found });
  }

  /** The gate behind an append: resolves when there is room for more; `undefined` if there is now. */
  makeRoom(): Promise<void> | undefined {
    const lack = this.#lack();
    return lack && this.#makeRoom(lack);
  }

  async #makeRoom(lack: Promise<void>): Promise<void> {
    for (let next: Promise<void> | undefined = lack; next !== undefined; next = this.#lack()) await next;
  }

  #lack(): Promise<void> | undefined {
    const room = this.segments.bufferRoom();
    if (room !== undefined) return room;
    if (this.segments.frozenCount > mostFrozen) return this.#nextSeal();
    // Appends that need not wait would keep timers and other IO from their turn.
    if (this.#sinceTurn < turnBytes) return undefined;
    this.#sinceTurn = 0;
    const { turns } = this.#context.host, isFollowed = this.segments.followers > 0;
    if (!turns.due() && !(isFollowed && this.#sinceFollowed >= followedBytes)) return undefined;
    this.#sinceFollowed = 0;
    return turns.turn();
  }

  async #nextSeal(): Promise<void> {
    this.health.check();
    await new Promise<void>((resolve) => this.#seals.push(resolve));
    this.health.check();
  }

  #wake(): void {
    for (const resolve of this.#seals.splice(0)) resolve();
  }

  /**
   * Makes every record durable that was appended before the call. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full.
   */
  async sync(): Promise<void> {
    await this.#durability.sync(this.#lastLsn);
  }

  /** Gives up the records up to an LSN; they are durable first, so that no crash brings others in their place. */
  async giveUpTo(lsn: Lsn): Promise<void> {
    await this.#durability.sync(lsn);
    await this.segments.giveUpTo(lsn);
  }

  /** Looks now and then for what has become too old. */
  #age(): void {
    const { host: { timers }, settings: { keptMilliseconds } } = this.#context;
    if (keptMilliseconds === Infinity) return;
    this.#cancelAging = timers.after(Math.min(ageMilliseconds, keptMilliseconds), () => {
      try {
        this.segments.retain();
      } catch {
        // The health was told, and whoever writes next is.
        return;
      }
      this.#age();
    });
  }

  /**
   * Syncs, seals what is worth it, leaves a smaller segment so that it can go on, and gives up what it holds, also if
   * something fails.
   *
   * @throws {PoisonedError} If a write failed, now or before.
   * @throws {IoError} If the disk is full, so that not everything is durable, or not proven to be.
   */
  async close(): Promise<void> {
    this.#flusher.stop();
    this.#cancelAging?.();
    try {
      const { open } = this.segments;
      if ((open?.segment.end ?? 0) >= sealWorthBytes) this.segments.freeze();
      else open?.segment.pad(this.durableLsn);
      await this.sync();
      await this.#finish();
    } finally {
      await this.#release();
    }
  }

  async #finish(): Promise<void> {
    try {
      while (this.segments.frozenCount > 0) await this.#nextSeal();
    } catch (error) {
      // On a full disk what is not sealed is left to the next opening: everything is durable.
      if (!isShortage(error)) throw error;
    }
    // Nobody could ask to try again from now on.
    this.health.close();
    await this.segments.idle();
    const { cause } = this.health;
    if (cause !== undefined && !isShortage(cause)) throw this.health.refusal();
    await this.segments.leave();
  }

  /** Waits for everything that is under way: nothing may be written once the lock is given up. */
  async #release(): Promise<void> {
    this.health.close();
    await this.#durability.idle();
    await this.segments.release();
    await this.#flusher.idle();
    this.health.closed();
  }
}
