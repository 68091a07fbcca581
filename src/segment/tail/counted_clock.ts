/**
 * The time that counts for batches: that of the host's clock, or the highest that was seen where the clock went back.
 *
 * @module
 */

import { type Clock, maxSeconds, type Times } from "../../base/mod.ts";

const maxMilliseconds = maxSeconds * 1000 - 1000;

/** A clock that never goes back, also from one opening of a store to the next. */
export class CountedClock {
  readonly #clock: Clock;
  #highest = 0;

  /**
   * Starts at the clock's time.
   *
   * @param clock The host's clock.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note of times that counted before. */
  sawTimes({ seconds }: Times): void {
    if (seconds.length > 0) this.#saw((seconds[seconds.length - 1] - 1) * 1000);
  }

  /** Takes note that something was appended at a moment. */
  saw(date: Date): void {
    this.#saw(Math.trunc(date.getTime()));
  }

  /** The time that counts, in whole milliseconds since the epoch. */
  now(): number {
    this.#saw(Math.trunc(this.#clock.now()));
    return this.#highest;
  }

  #saw(milliseconds: number): void {
    if (milliseconds > this.#highest) this.#highest = Math.min(milliseconds, maxMilliseconds);
  }
}
