/**
 * Waiting before something that failed is tried again, longer each time.
 *
 * @module
 */

import type { Timers } from "../../../base/mod.ts";

/** The first wait; each one after it is twice as long, up to the longest. */
const firstMilliseconds = 1000;
const mostMilliseconds = 60_000;

/** Waits of one task. */
export class BackOff {
  readonly #timers: Timers;
  readonly #over: () => void;
  #cancel: (() => void) | undefined;
  #next = firstMilliseconds;
  #milliseconds = 0;
  #cause: Error | undefined;

  /**
   * Waits for nothing yet.
   *
   * @param timers What calls later.
   * @param over Is called when a wait is over.
   */
  constructor(timers: Timers, over: () => void) {
    this.#timers = timers;
    this.#over = over;
  }

  /** Whether it waits. */
  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  /** How long the wait is, in milliseconds. */
  get milliseconds(): number {
    return this.#milliseconds;
  }

  /** What failed last, until something succeeds. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Waits since something failed. */
  begin(cause: Error): void {
    this.#cancel?.();
    this.#cause = cause;
    this.#milliseconds = this.#next;
    this.#next = Math.min(mostMilliseconds, this.#next * 2);
    this.#cancel = this.#timers.after(this.#milliseconds, () => {
      this.#cancel = undefined;
      this.#over();
    });
  }

  /** Ends a wait early, and calls nobody; returns whether there was one. */
  end(): boolean {
    const wasOn = this.isOn;
    this.#cancel?.();
    this.#cancel = undefined;
    return wasOn;
  }

  /** Takes note that it went well: the next wait is the first again. */
  succeeded(): void {
    this.#next = firstMilliseconds;
    this.#cause = undefined;
  }
}
