/**
 * How far a history is durable, and the syncs that take it further.
 *
 * ```
 *   A sync ─────────────────► sync 1 ──► B C D go on, in this order       all append, then sync again
 *      B, C, D sync: they share the one that follows ──► turn ─► sync 2       for B, C and D, and for A
 * ```
 *
 * Where several shared a sync, the next one begins a turn of the event loop later: who is woken by it appends again and
 * syncs, and would else find that the first of them has begun one for itself alone.
 *
 * T4  `durableLsn` only grows, and only after every byte up to it is synced and its files are in a durable manifest.
 *
 * @module
 */

import { type Health, isShortage, type Lsn, type Turns } from "../../base/mod.ts";
import type { SegmentWriter } from "../segment_writer.ts";

/** A segment, whoever holds it. */
export interface SegmentHolder {
  /** The segment. */
  readonly segment: SegmentWriter;
}

/** The segments of a history that are not sealed. */
export interface UnsealedSegments {
  /** The one that is appended to, if there is one. */
  readonly open: SegmentHolder | undefined;
  /** All of them, oldest first. */
  readonly unsealed: readonly SegmentHolder[];
}

/** What is known durable of a history. */
export class Durability {
  readonly #health: Health;
  readonly #segments: Pick<UnsealedSegments, "unsealed">;
  #lsn: Lsn;
  #syncs = 0;
  #syncing: Promise<void> | undefined;
  readonly #turns: Pick<Turns, "turn">;
  /** How many wait for the one that is under way, or is to begin. */
  #waiting = 0;
  /** Whether several waited for the one before. */
  #wasShared = false;

  /**
   * Syncs nothing yet.
   *
   * @param health Whether writing goes on; it is told what fails.
   * @param segments What is synced.
   * @param turns Gives the event loop its turns.
   * @param lsn Up to where everything is durable that was recovered.
   */
  constructor(
    health: Health,
    segments: Pick<UnsealedSegments, "unsealed">,
    turns: Pick<Turns, "turn">,
    lsn: Lsn,
  ) {
    this.#health = health;
    this.#segments = segments;
    this.#turns = turns;
    this.#lsn = lsn;
  }

  /** The LSN up to which every batch is durable. */
  get lsn(): Lsn {
    return this.#lsn;
  }

  /** How many syncs were carried out; concurrent ones share one. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Learns that every batch up to an LSN is durable. */
  reached(lsn: Lsn): void {
    if (lsn > this.#lsn) this.#lsn = lsn;
  }

  /**
   * Makes every batch up to an LSN durable. Concurrent calls share one sync.
   *
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   * @throws {IoError} If the disk is full.
   * @throws {Deno.errors.BadResource} If it was closed meanwhile.
   */
  async sync(target: Lsn): Promise<void> {
    this.#health.retry();
    this.#health.check();
    const before = this.#syncing;
    while (this.#lsn < target) {
      const shared = this.#syncing ??= this.#syncNext();
      this.#waiting++;
      try {
        await shared;
      } catch (error) {
        // What one that was under way meets says nothing of the disk since (H3).
        if (shared !== before || !isShortage(error)) throw error;
        this.#health.retry();
      }
    }
  }

  async #syncNext(): Promise<void> {
    try {
      if (this.#wasShared) await this.#turns.turn();
      await this.#syncOnce();
    } finally {
      this.#wasShared = this.#waiting > 1;
      this.#waiting = 0;
      this.#syncing = undefined;
    }
  }

  async #syncOnce(): Promise<void> {
    const attempt = this.#health.begin();
    try {
      // One that is frozen meanwhile is still the same segment.
      for (const { segment } of this.#segments.unsealed) {
        const { lastLsn = 0 } = segment;
        // It may be closed since the one before, and is padded no more then.
        this.#health.check();
        await segment.sync(this.#lsn);
        this.reached(lastLsn);
      }
      this.#syncs++;
    } catch (error) {
      // That it was closed meanwhile, since the timeline is deleted, is nobody's failure.
      if (this.#health.isClosing && error instanceof Deno.errors.BadResource) throw error;
      const reason = this.#health.fail(error as Error, attempt);
      // Otherwise the disk was full and is tried again since: who waits syncs again.
      if (this.#health.state !== "open") throw reason;
    }
  }

  /** Waits for syncs that are under way, also for those that follow them; who asked for them is told what fails. */
  async idle(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing.catch(() => {});
  }
}
