/** Long work in slices, so that the event loop never stalls for it. */

import { setImmediate } from "node:timers";
import { type Clock, systemClock } from "./clock.ts";

/** Gives the event loop a turn whenever a slice of work is over. */
export class Pacer {
  readonly #clock: Clock;
  readonly #sliceMilliseconds: number;
  #sliceEnd: number;

  /**
   * Starts the first slice.
   *
   * @param sliceMilliseconds How long to work between turns.
   * @param clock The source of time.
   */
  constructor(sliceMilliseconds = 2, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#sliceMilliseconds = sliceMilliseconds;
    this.#sliceEnd = clock.monotonic() + sliceMilliseconds;
  }

  /** Whether the slice is over; if so, await {@linkcode turn}. */
  due(): boolean {
    return this.#clock.monotonic() >= this.#sliceEnd;
  }

  /** Gives the event loop a turn and starts the next slice. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#sliceEnd = this.#clock.monotonic() + this.#sliceMilliseconds;
  }
}
