/**
 * Who waits for a batch to be appended. Nothing is made for a batch that nobody waits for, and whoever is woken says anew
 * that it waits: so of many batches in one turn of the event loop a reader hears once.
 *
 * @module
 */

/** One list of all who wait. */
export class Waiters {
  #waiting = new Set<() => void>();

  /** Adds somebody who is called once, in the turn of the next batch, and may not throw. */
  add(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** Takes somebody out who does not wait any more. */
  delete(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** How many wait. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Wakes all who wait. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}
