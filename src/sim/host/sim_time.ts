/**
 * Virtual time: it stands still until somebody moves it, which is when a timer is due and nothing else is to be done.
 *
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** See the top of the file. */
export class SimTime implements Clock, Timers {
  readonly #timers = new Set<Timer>();
  #elapsed = 0;
  #epoch: number;

  /** Starts at a time, in milliseconds since the epoch. The default is in the year 2001. */
  constructor(epoch: number = 10 ** 12) {
    this.#epoch = epoch;
  }

  /** See {@linkcode Clock.now}. */
  now(): number {
    return this.#epoch + this.#elapsed;
  }

  /** See {@linkcode Clock.monotonic}. */
  monotonic(): number {
    return this.#elapsed;
  }

  /** Sets the clock on the wall forward or back, as somebody does by hand; timers do not notice. */
  adjust(milliseconds: number): void {
    this.#epoch += milliseconds;
  }

  /** How many timers wait. */
  get size(): number {
    return this.#timers.size;
  }

  /** See {@linkcode Timers.after}. */
  after(milliseconds: number, call: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, milliseconds), call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on to the next timer, of those that are due together the one that was set first, and calls it. */
  fire(): void {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    if (next === undefined) return;
    this.#timers.delete(next);
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.call();
  }

  /** Forgets every timer. */
  clear(): void {
    this.#timers.clear();
  }
}
