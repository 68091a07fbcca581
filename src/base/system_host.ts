/**
 * The machine's own clock, timers, randomness and event loop: the only place outside `io` that asks the runtime for them.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Answers, Clock, Random, Timers, Turns } from "./host.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** The machine's timers. */
export const systemTimers: Timers = {
  after: (milliseconds, call, { isAwaited = false } = {}) => {
    const timer = setTimeout(call, milliseconds);
    if (!isAwaited) Deno.unrefTimer(timer);
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
/** How long while somebody waits for an answer, and when there is one: of many, one would else end a slice each. */
const hurriedMilliseconds = 0.5, answeredMilliseconds = 0.1;

/** What turns are cut by. */
export interface SlicedTurnsOptions {
  /** Tells how long a slice has lasted. @default {systemClock} */
  clock?: Clock | undefined;
  /** Calls its argument in a later turn of the event loop. @default {setImmediate} */
  later?: ((resume: () => void) => void) | undefined;
  /** Taken with each turn; a slice ends when there is one that somebody waits for. By default there are none. */
  answers?: Answers | undefined;
}

/** Turns by the clock: work is cut into slices, short ones while somebody waits, which end with an answer. */
export class SlicedTurns implements Turns {
  readonly #clock: Clock;
  readonly #later: (resume: () => void) => void;
  readonly #answers: Answers | undefined;
  #sliceStart: number;
  #waiting = 0;
  /** Whether somebody waits for the event loop to turn: answers are taken once for all who do. */
  #isTurning = false;

  /** Starts the first slice. */
  constructor({ clock = systemClock, later = nextTurn, answers }: SlicedTurnsOptions = {}) {
    this.#clock = clock;
    this.#later = later;
    this.#answers = answers;
    this.#sliceStart = clock.monotonic();
  }

  /** See {@linkcode Turns.due}. */
  due(): boolean {
    return this.#clock.monotonic() - this.#sliceStart >= this.#allowed();
  }

  #allowed(): number {
    if (this.#waiting === 0) return sliceMilliseconds;
    return this.#answers?.has() ? answeredMilliseconds : hurriedMilliseconds;
  }

  /** See {@linkcode Turns.turn}. */
  async turn(): Promise<void> {
    // Whoever has an answer goes on as far as it can before the event loop turns, and so before the caller does.
    if (!this.#isTurning) this.#answers?.take();
    this.#isTurning = true;
    await new Promise<void>(this.#later);
    this.#isTurning = false;
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
