/**
 * Slowing appends, and holding them, while upkeep lags behind: what is appended and not merged costs every read.
 *
 * ```
 *   pressure   0 ──────────────── 5 ───────────────────── 11 ─────────►
 *   appends        at full speed  │  64 MiB/s … 4 MiB/s   │ wait for the end of a job
 * ```
 *
 * A pressure of 5 is six times as much as there should be, such as 18 segments over a key; 11 is twice that. Which
 * bounds, and why: `docs/decisions/012-appends-are-held-back-by-debt.md`.
 *
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";

/** From this pressure on appends are slowed. */
export const slowPressure = 5;
/** From this pressure on they are held. */
export const holdPressure = 11;
/** What a MiB costs at either of them, in milliseconds. */
const slowMilliseconds = 1000 / 64, holdMilliseconds = 1000 / 4;
/** The longest pause; what is owed beyond it is another one. */
const mostMilliseconds = 500;

/** How many appends waited for upkeep, and how long. */
export interface ThrottleCounts {
  /** Appends that were slowed. */
  readonly slowedAppends: number;
  /** How long, all in all, in milliseconds. */
  readonly slowedMilliseconds: number;
  /** Appends that were held until a job had ended. */
  readonly heldAppends: number;
  /** How long, all in all, in milliseconds. */
  readonly heldMilliseconds: number;
}

/** What appends owe to upkeep. */
export class Throttle {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #pressure: () => number;
  #owedMilliseconds = 0;
  #pause: Promise<void> | undefined;
  #endPause: () => void = () => {};
  #slowedAppends = 0;
  #slowedMilliseconds = 0;
  #heldAppends = 0;
  #heldMilliseconds = 0;

  /**
   * Nothing is owed yet.
   *
   * @param host Tells and counts time.
   * @param pressure How far upkeep lags behind; 0 if nobody should wait for it.
   */
  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }, pressure: () => number) {
    this.#clock = clock;
    this.#timers = timers;
    this.#pressure = pressure;
  }

  /** How many appends waited, and how long. */
  get counts(): ThrottleCounts {
    return {
      slowedAppends: this.#slowedAppends,
      slowedMilliseconds: Math.round(this.#slowedMilliseconds),
      heldAppends: this.#heldAppends,
      heldMilliseconds: Math.round(this.#heldMilliseconds),
    };
  }

  /** Whether appends must wait for the end of a job. */
  get mustHold(): boolean {
    return this.#pressure() >= holdPressure;
  }

  /** Whether appends must be slowed, at least. */
  get mustSlow(): boolean {
    return this.#pressure() >= slowPressure;
  }

  /** Notes that so many bytes were appended. */
  took(bytes: number): void {
    const pressure = this.#pressure();
    if (pressure < slowPressure) {
      this.#owedMilliseconds = 0;
      return;
    }
    const share = Math.min(1, (pressure - slowPressure) / (holdPressure - slowPressure));
    const perMiB = slowMilliseconds + share * (holdMilliseconds - slowMilliseconds);
    this.#owedMilliseconds += bytes / (1 << 20) * perMiB;
  }

  /** Waits for the end of jobs, each of which `next` tells, until appends may go on. */
  async hold(next: () => Promise<void>): Promise<void> {
    const since = this.#clock.monotonic();
    this.#heldAppends++;
    try {
      while (this.mustHold) await next();
    } finally {
      this.#heldMilliseconds += this.#clock.monotonic() - since;
    }
  }

  /** A pause that is owed, which all who append meanwhile share; `undefined` if there is none. */
  pause(): Promise<void> | undefined {
    if (this.#pressure() < slowPressure) this.#owedMilliseconds = 0;
    if (this.#pause === undefined && this.#owedMilliseconds < 1) return undefined;
    this.#slowedAppends++;
    return this.#pause ??= this.#begin();
  }

  async #begin(): Promise<void> {
    const since = this.#clock.monotonic(), pause = Math.min(mostMilliseconds, this.#owedMilliseconds);
    this.#owedMilliseconds -= pause;
    await new Promise<void>((resolve) => {
      const cancel = this.#timers.after(pause, resolve, { isAwaited: true });
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
    this.#pause = undefined;
    this.#slowedMilliseconds += this.#clock.monotonic() - since;
  }

  /** Forgives what is owed, and ends the pause: nothing is appended any more. */
  forgive(): void {
    this.#owedMilliseconds = 0;
    this.#endPause();
  }
}
