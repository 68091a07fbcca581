/**
 * The machine's own clock, timers, randomness and event loop: the only place outside `io` that asks the runtime for them.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock, Random, Timers, Turns } from "./host.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** The machine's timers. */
export const systemTimers: Timers = {
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};

/** The machine's randomness. */
export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  id: () => {
    const [low, high] = crypto.getRandomValues(new Uint32Array(2));
    return (high >>> 11) * 2 ** 32 + low || 1;
  },
};

const nextTurn = (resume: () => void) => void setImmediate(resume);

/** How long to work between turns. */
const sliceMilliseconds = 2;
/** How long while somebody waits for an answer. */
const hurriedMilliseconds = 0.5;

/** Turns by the clock: work is cut into slices, short ones while somebody waits. */
export class SlicedTurns implements Turns {
  readonly #clock: Clock;
  readonly #later: (resume: () => void) => void;
  #sliceStart: number;
  #waiting = 0;

  /**
   * Starts the first slice.
   *
   * @param clock Tells how long a slice has lasted.
   * @param later Calls its argument in a later turn of the event loop.
   */
  constructor(clock: Clock = systemClock, later: (resume: () => void) => void = nextTurn) {
    this.#clock = clock;
    this.#later = later;
    this.#sliceStart = clock.monotonic();
  }

  /** See {@linkcode Turns.due}. */
  due(): boolean {
    const allowed = this.#waiting > 0 ? hurriedMilliseconds : sliceMilliseconds;
    return this.#clock.monotonic() - this.#sliceStart >= allowed;
  }

  /** See {@linkcode Turns.turn}. */
  async turn(): Promise<void> {
    await new Promise<void>(this.#later);
    this.#sliceStart = this.#clock.monotonic();
  }

  /** See {@linkcode Turns.awaiting}. */
  awaiting(): void {
    this.#waiting++;
  }

  /** See {@linkcode Turns.answered}. */
  answered(): void {
    this.#waiting--;
  }
}
