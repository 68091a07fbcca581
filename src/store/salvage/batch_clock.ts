/**
 * The clock of a store that is salvaged into: each batch is appended when it was appended once.
 *
 * @module
 */

import { type Clock, type Lsn, secondOfLsn, systemClock, type Times } from "../../base/mod.ts";

/** A clock that shows the time of the batch that is copied. */
export class BatchClock implements Clock {
  /** What the manifest says. */
  #times: Times | undefined;
  /** What segments say, of batches that were not copied yet. */
  #marks: { readonly lsn: Lsn; readonly milliseconds: number }[] = [];
  #milliseconds: number | undefined;

  /** Begins with another timeline. */
  begin(times: Times | undefined): void {
    this.#times = times;
    this.#marks = [];
    this.#milliseconds = undefined;
  }

  /** Takes note of a time mark, which was read before the batches behind it. */
  mark(lsn: Lsn, milliseconds: number): void {
    this.#marks.push({ lsn, milliseconds });
  }

  /** Shows when the batch at an LSN was appended: where nothing tells, now. LSNs increase. */
  show(lsn: Lsn): void {
    const second = this.#times && secondOfLsn(this.#times, lsn);
    let passed = 0;
    while (passed < this.#marks.length && this.#marks[passed].lsn <= lsn) passed++;
    const mark = this.#marks[passed - 1];
    if (passed > 1) this.#marks.splice(0, passed - 1);
    this.#milliseconds = second === undefined ? mark?.milliseconds : (second - 1) * 1000;
  }

  /** See {@linkcode Clock.now}. */
  now(): number {
    return this.#milliseconds ?? systemClock.now();
  }

  /** See {@linkcode Clock.monotonic}. */
  monotonic(): number {
    return systemClock.monotonic();
  }
}
