/**
 * How often and how long a queue may look for completions in a loop.
 *
 * A loop of awaited reads would never leave the microtasks of one turn, so that after `maxInlineFlushes` flushes or
 * `maxSpinMilliseconds` in the loop the event loop is given a turn before looking goes on. Where the device is too
 * slow to be worth it, looking is given up for a number of flushes that doubles each time, up to 16: with 256, half of
 * the durable writes of a disk that takes 0.2 to 0.4 ms for one were not looked for, though most would have been found.
 *
 * @module
 */

/** How long one loop may last. */
export const spinMilliseconds = 0.3;
const maxSpinMilliseconds = 1;
const maxInlineFlushes = 16;
const maxPause = 16;

/** The budget of one queue. */
export class SpinBudget {
  #inlineFlushes = 0;
  #spentMilliseconds = 0;
  #pause = 0;
  #nextPause = 1;

  /** Whether looking is given up for now. */
  get isPaused(): boolean {
    return this.#pause > 0;
  }

  /** Counts a flush; returns whether completions may be looked for in its turn. */
  mayLook(): boolean {
    return this.#inlineFlushes++ < maxInlineFlushes && this.#spentMilliseconds < maxSpinMilliseconds;
  }

  /** Whether looking is given up for this flush, which is counted. */
  pauses(): boolean {
    if (this.#pause === 0) return false;
    this.#pause--;
    return true;
  }

  /** Notes a loop: how long it took, and whether it ended before everything was there. */
  spent(milliseconds: number, late: boolean): void {
    this.#spentMilliseconds += milliseconds;
    this.#pause = late ? this.#nextPause : 0;
    this.#nextPause = late ? Math.min(this.#nextPause * 2, maxPause) : 1;
  }

  /** Notes that the event loop had a turn. */
  turned(): void {
    this.#inlineFlushes = 0;
    this.#spentMilliseconds = 0;
  }
}
