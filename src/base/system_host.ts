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

/** How {@linkcode SlicedTurns} cuts work. */
export interface SlicedTurnsOptions {
  /** How long to work between turns, in milliseconds. @default {2} */
  sliceMilliseconds?: number;
  /** How long while somebody waits for an answer, in milliseconds. @default {0.5} */
  hurriedMilliseconds?: number;
  /** Calls its argument in a later turn of the event loop. */
  later?: (resume: () => void) => void;
}

/** Turns by the clock: work is cut into slices, short ones while somebody waits. */
export class SlicedTurns implements Turns {
  readonly #clock: Clock;
  readonly #slice: number;
  readonly #hurried: number;
  readonly #later: (resume: () => void) => void;
  #sliceStart: number;
  #waiting = 0;

  /** Starts the first slice. */
  constructor(clock: Clock = systemClock, options: SlicedTurnsOptions = {}) {
    this.#clock = clock;
    this.#slice = options.sliceMilliseconds ?? 2;
    this.#hurried = options.hurriedMilliseconds ?? 0.5;
    this.#later = options.later ?? ((resume) => void setImmediate(resume));
    this.#sliceStart = clock.monotonic();
  }

  /** See {@linkcode Turns.due}. */
  due(): boolean {
    return this.#clock.monotonic() - this.#sliceStart >= (this.#waiting > 0 ? this.#hurried : this.#slice);
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
