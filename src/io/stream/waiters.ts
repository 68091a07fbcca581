/**
 * Those who wait for an offset to be reached.
 *
 * @module
 */

interface Waiter {
  readonly offset: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Those who wait for an offset to be reached. */
export class Waiters {
  #row: Waiter[] = [];

  /** Resolves when `offset` is reached. */
  wait(offset: number): Promise<void> {
    return new Promise((resolve, reject) => this.#row.push({ offset, resolve, reject }));
  }

  /** Wakes those who wait for `offset` or less. */
  reach(offset: number): void {
    if (this.#row.length === 0) return;
    const waiting = this.#row;
    this.#row = [];
    for (const waiter of waiting) {
      if (waiter.offset <= offset) waiter.resolve();
      else this.#row.push(waiter);
    }
  }

  /** Rejects everybody; if nobody waits, no error is made. */
  refuse(why: () => Error): void {
    if (this.#row.length === 0) return;
    const reason = why();
    for (const waiter of this.#row.splice(0)) waiter.reject(reason);
  }
}
