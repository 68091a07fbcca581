/**
 * When the batches of a segment were appended: its time marks, as they are written or read.
 *
 * @module
 */

import { type Lsn, secondAfter, type Times } from "../base/mod.ts";

/** The points of time of a segment, of which the last one is open as long as batches come. */
export class SegmentTimes {
  readonly #lsns: Lsn[] = [];
  readonly #seconds: number[] = [];

  /** Whether a batch that is appended at a moment, in milliseconds, needs a mark before it. */
  isDue(milliseconds: number): boolean {
    const last = this.#seconds.length - 1;
    return last < 0 || secondAfter(milliseconds) > this.#seconds[last];
  }

  /**
   * Notes a mark that is due.
   *
   * @param milliseconds What it tells.
   * @param previousLsn The LSN of the last batch before it.
   */
  mark(milliseconds: number, previousLsn: Lsn): void {
    const last = this.#seconds.length - 1;
    if (last >= 0) this.#lsns[last] = previousLsn;
    this.#seconds.push(secondAfter(milliseconds));
  }

  /** The points up to the last batch. */
  upTo(lastLsn: Lsn): Times {
    const seconds = Float64Array.from(this.#seconds), lsns = new Float64Array(seconds.length);
    lsns.set(this.#lsns);
    if (lsns.length > 0) lsns[lsns.length - 1] = lastLsn;
    return { lsns, seconds };
  }
}
