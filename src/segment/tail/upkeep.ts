/**
 * Background work on a timeline: jobs that each end in an edit of the manifest, one after the other.
 *
 * U1  Jobs run in the order in which they were added; after one that failed none is begun any more.
 *
 * @module
 */

import { type Health, isShortage, PoisonedError } from "../../base/mod.ts";

/** Runs jobs in order. */
export class Upkeep {
  readonly #health: Health;
  readonly #jobs: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;

  /**
   * Starts without jobs.
   *
   * @param health Is told what fails. A job waits for a disk with room by itself.
   */
  constructor(health: Health) {
    this.#health = health;
  }

  /** Adds a job behind those there are; it is not begun if one has failed. */
  add(job: () => Promise<void>): void {
    this.#jobs.push(job);
    this.#running ??= this.#run();
  }

  /** Resolves when no job is left, or one has failed. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // The turn of who adds a job is not the turn in which it begins.
      await Promise.resolve();
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job();
      this.#running = undefined;
    } catch (error) {
      // It stays as it is, so that nothing begins any more (U1).
      this.#health.fail(this.#health.isClosing && isShortage(error) ? error : ended(error as Error));
    }
  }
}

/** A job that ended for a full disk, for which it should have waited, will not go on when there is room again. */
function ended(error: Error): Error {
  if (!isShortage(error)) return error;
  return new PoisonedError(`Cannot go on with upkeep: ${error.message}`, { cause: error });
}
