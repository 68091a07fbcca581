/**
 * What the timelines of a store share for their upkeep: whether it runs by itself, and whose turn it is.
 *
 * ```
 *   timeline a ─┐
 *   timeline b ─┼─► one job at a time, in the order in which they were asked for; sealing waits for none of them
 *   timeline c ─┘
 * ```
 *
 * J1  One job runs at a time, however many timelines there are: reads and writes of upkeep stay as deep as those of one.
 * J2  While something is sealed, a merge gives up most of its turns of the event loop.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import { orAborted } from "./or_aborted.ts";

/** Where upkeep runs by itself: in a Worker, in slices on the thread of the program, or nowhere unless somebody asks for it. */
export type UpkeepMode = "worker" | "slices" | "manual";

/** Turns that a merge gives up for each of its own while something is sealed. */
const turnsForSealing = 8;

/** What timelines share for their upkeep. */
export class StoreUpkeep {
  /** Where it runs. */
  readonly mode: UpkeepMode;
  #isStarted = false;
  #isBusy = false;
  #seals = 0;
  readonly #waiting: PromiseWithResolvers<void>[] = [];

  /** Runs nothing before {@linkcode start}. */
  constructor(mode: UpkeepMode) {
    this.mode = mode;
  }

  /** Lets jobs run: the store is open. */
  start(): void {
    this.#isStarted = true;
    this.#next();
  }

  /** Begins no job any more: the store is being closed. One that runs is stopped by its timeline. */
  stop(): void {
    this.#isStarted = false;
  }

  /**
   * Does a job when it is its turn (J1).
   *
   * @param job What is done.
   * @param stop Ends the wait for the turn, with its reason.
   * @returns What `job` returned.
   */
  async run<T>(job: () => Promise<T>, stop: AbortSignal): Promise<T> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    this.#next();
    try {
      await orAborted(turn.promise, stop);
    } catch (error) {
      const place = this.#waiting.indexOf(turn);
      // It may have got its turn in the same moment.
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#release();
      throw error;
    }
    try {
      return await job();
    } finally {
      this.#release();
    }
  }

  #next(): void {
    if (!this.#isStarted || this.#isBusy) return;
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    this.#isBusy = true;
    turn.resolve();
  }

  #release(): void {
    this.#isBusy = false;
    this.#next();
  }

  /** Seals something, before all jobs. */
  async seal<T>(job: () => Promise<T>): Promise<T> {
    this.#seals++;
    try {
      return await job();
    } finally {
      this.#seals--;
    }
  }

  /** The turns of a job: those that there are, but for what sealing takes of them (J2). */
  turnsOf(turns: Turns): Turns {
    return {
      due: () => turns.due(),
      turn: async () => {
        await turns.turn();
        for (let i = 0; i < turnsForSealing && this.#seals > 0; i++) await turns.turn();
      },
      awaiting: () => turns.awaiting(),
      answered: () => turns.answered(),
    };
  }
}
