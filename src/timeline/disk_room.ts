/**
 * What happens when the disk is full: background work waits, appends reject, and each of them asks to try again.
 *
 * @module
 */

import type { IoError } from "../base/mod.ts";

/** Whether the disk has refused, and who waits for it. */
export class DiskRoom {
  #error: IoError | undefined;
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly #listeners = new Set<(error: IoError) => void>();
  #givenUp = false;

  /** Why nothing goes on, if so. */
  get error(): IoError | undefined {
    return this.#error;
  }

  /** Waits until somebody asks to try again; rejects with the error once waiting was given up. */
  wait(error: IoError): Promise<void> {
    if (this.#givenUp) return Promise.reject(error);
    this.#error = error;
    for (const listener of this.#listeners) listener(error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject: () => reject(error) }));
  }

  /** Follows `work`, but rejects as soon as the disk refuses, since `work` may then wait for ever. */
  orRefusal<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // Whoever asked may have failed by itself before it looks at this.
    promise.catch(() => {});
    if (this.#error !== undefined) reject(this.#error);
    this.#listeners.add(reject);
    work.then(resolve, reject).finally(() => this.#listeners.delete(reject));
    return promise;
  }

  /** Lets whoever waits try again. */
  retry(): void {
    this.#error = undefined;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Ends all waiting, now and later. */
  giveUp(): void {
    this.#givenUp = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
  }
}
