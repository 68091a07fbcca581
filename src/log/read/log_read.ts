/**
 * A log from one record to another, or on with what comes: pieces of one segment after the other.
 *
 * ```
 *   next() ─► the segment that has the position, entered ─► a piece of it ─► entries
 *                └ left for the one behind it                  └ nothing is left, and it follows ─► Waiters
 * ```
 *
 * G6  Every record from the position on is handed on once, in order; a position in front of the first record ends the
 *     read, unless it lies in the segment that it stands in.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { LogContext } from "../log_context.ts";
import type { LogSegment } from "../log_segment.ts";
import { OffsetError } from "../offset_error.ts";
import { boundsOf, type LogSource, segmentOf } from "./log_source.ts";
import type { LogEntry } from "./payload_walk.ts";
import { SegmentRead } from "./segment_read.ts";

/** How often it is looked what another process has written, in milliseconds. */
const lookMilliseconds = 50;

/** A read of a log. */
export class LogRead {
  readonly #context: LogContext;
  readonly #source: LogSource;
  readonly #to: Lsn;
  readonly #follows: boolean;
  #position: Lsn;
  #reading: SegmentRead | undefined;
  #isHalted = false;
  #wake: (() => void) | undefined;

  /**
   * Reads nothing yet.
   *
   * @param context The log.
   * @param source What is read.
   * @param from The LSN of the first record.
   * @param to The LSN of the last; `Infinity` if it follows.
   */
  constructor(context: LogContext, source: LogSource, from: Lsn, to: Lsn) {
    this.#context = context;
    this.#source = source;
    this.#position = from;
    this.#to = to;
    this.#follows = to === Infinity;
    if (this.#follows) source.followed?.(1);
  }

  /** The next entries; `undefined` at the end, or once it was halted. */
  async next(): Promise<LogEntry[] | undefined> {
    while (!this.#isHalted) {
      const position = this.#position, { lastLsn } = this.#source;
      if (position > this.#to) return undefined;
      if (position <= lastLsn) {
        const reading = await this.#enter(position), entries = await reading.next(position, this.#to);
        this.#position += entries.length;
        return entries;
      }
      if (!this.#follows) return undefined;
      await this.#more(position);
    }
    return undefined;
  }

  /** The read of the segment that has a record. */
  async #enter(lsn: Lsn): Promise<SegmentRead> {
    const before = this.#reading?.segment;
    if (this.#reading !== undefined && before !== undefined && lsn <= before.lastLsn) return this.#reading;
    await this.leave();
    const source = this.#source, segment = lsn <= source.horizon ? undefined : segmentOf(source, lsn);
    if (segment === undefined) {
      throw new OffsetError("read", { offset: lsn - 1, ...boundsOf(source) });
    }
    segment.enter();
    this.#reading = new SegmentRead(this.#context, segment);
    // Who only reads holds its file from now on: its writer may remove it at any time.
    if (this.#context.settings.readOnly) await this.#hold(segment, lsn);
    return this.#reading;
  }

  /** Opens the file of a segment; its writer, another process, may have given it up by now. */
  async #hold(segment: LogSegment, lsn: Lsn): Promise<void> {
    const source = this.#source;
    try {
      await segment.pin(this.#context.objects);
    } catch (error) {
      await source.refresh?.();
      if (lsn > source.horizon) throw error;
      throw new OffsetError("read", { offset: lsn - 1, ...boundsOf(source) });
    }
  }

  /** Leaves the segment that is read. */
  async leave(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.end();
    await reading?.segment.leave();
  }

  /** Waits until there may be more. */
  async #more(position: Lsn): Promise<void> {
    const source = this.#source, { waiters } = source, { timers, turns } = this.#context.host;
    if (source.refresh !== undefined) {
      await source.refresh();
      if (position <= source.lastLsn || this.#isHalted) return;
      await this.#wait((wake) => timers.after(lookMilliseconds, wake, { isAwaited: true }));
      return;
    }
    await this.#wait((wake) => {
      waiters.add(wake);
      return () => waiters.delete(wake);
    });
    // What one turn brings is told together.
    if (!this.#isHalted) await turns.turn();
  }

  /** Waits until it is woken, or halted. */
  async #wait(begin: (wake: () => void) => () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = begin(resolve);
      this.#wake = () => {
        end();
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Has it end at its next step. */
  halt(): void {
    if (this.#follows && !this.#isHalted) this.#source.followed?.(-1);
    this.#isHalted = true;
    this.#wake?.();
  }
}
