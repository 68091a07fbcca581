/**
 * What nobody syncs is written to its file all the same, within a time, so that a process that is killed loses no more,
 * and readers in other processes see it.
 *
 * ```
 *   append ─► mark ──half the time──► is what was marked written?   yes: mark anew, or stop when all is written
 *                                                                   no:  write everything, then the same
 * ```
 *
 * A batch is marked within half the time, and written when the other half is over. Where buffers fill up, or somebody
 * syncs, more often than that, nothing is added to it. A timer runs only while something is not written.
 *
 * T7  Writing is no claim: nothing that is only written counts as durable, and its last block is written again when it
 *     has grown.
 *
 * @module
 */

import { type Health, isShortage, type Timers } from "../../base/mod.ts";
import type { SegmentHolder, UnsealedSegments } from "./durability.ts";

/** Writes what waits, after a time. */
export class TimedFlusher {
  readonly #health: Health;
  readonly #timers: Timers;
  readonly #halfMilliseconds: number;
  readonly #segments: UnsealedSegments;
  /** What was open when the timer was started, and where its batches ended. */
  #marked: SegmentHolder | undefined;
  #markedEnd = 0;
  /** Cancels the timer. */
  #cancel: (() => void) | undefined;
  #flushing: Promise<void> | undefined;
  #isStopped = false;

  /**
   * Looks after segments; no timer runs before something is appended.
   *
   * @param health Whether writing goes on. Who writes tells it what fails.
   * @param timers What calls later.
   * @param milliseconds The longest that a batch waits.
   * @param segments The segments that are not sealed.
   */
  constructor(health: Health, timers: Timers, milliseconds: number, segments: UnsealedSegments) {
    this.#health = health;
    this.#timers = timers;
    this.#halfMilliseconds = milliseconds / 2;
    this.#segments = segments;
  }

  /** Notes that a batch was appended to the open segment. */
  appended(): void {
    if (this.#cancel === undefined && this.#flushing === undefined) this.#start();
  }

  /** Starts no timer any more, and stops the one that runs. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Waits for what is being written. */
  async idle(): Promise<void> {
    await this.#flushing;
  }

  #start(): void {
    if (this.#isStopped) return;
    this.#marked = this.#segments.open;
    this.#markedEnd = this.#marked?.segment.end ?? 0;
    this.#cancel = this.#timers.after(this.#halfMilliseconds, () => this.#look());
  }

  #look(): void {
    this.#cancel = undefined;
    if (this.#isMarkedWritten()) return this.#goOn();
    this.#flushing = this.#flush().then(() => {
      this.#flushing = undefined;
      this.#goOn();
    });
  }

  #goOn(): void {
    const { cause } = this.#health;
    // It may be sealed by now, and its index is large.
    this.#marked = undefined;
    // Of a disk that is full whoever appends next is told; then there may be room again.
    if (cause !== undefined && !isShortage(cause)) return;
    if (this.#segments.unsealed.some(({ segment }) => segment.writer.writtenOffset < segment.end)) {
      this.#start();
    }
  }

  /** Whether everything is written that was appended before the timer was started. */
  #isMarkedWritten(): boolean {
    for (const holder of this.#segments.unsealed) {
      const { segment } = holder, isMarked = holder === this.#marked;
      if (segment.writer.writtenOffset < (isMarked ? this.#markedEnd : segment.end)) return false;
      if (isMarked) break;
    }
    return true;
  }

  async #flush(): Promise<void> {
    for (const { segment } of this.#segments.unsealed) {
      try {
        await segment.writer.write(segment.end);
      } catch {
        // The health was told, or it is being closed.
        return;
      }
    }
  }
}
