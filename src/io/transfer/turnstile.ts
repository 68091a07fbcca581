/**
 * Who is inside an engine: operations enter and leave, and after `close` nobody enters and the last one out
 * is waited for.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";

/** Counts the operations inside, and shuts. */
export class Turnstile {
  readonly #engine: string;
  readonly #empty: PromiseWithResolvers<void> = Promise.withResolvers();
  #inside = 0;
  #closed = false;

  /** Makes an open turnstile for the engine named `engine`. */
  constructor(engine: string) {
    this.#engine = engine;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The error of whoever comes after {@linkcode close}. */
  refusal(): Error {
    return new Deno.errors.BadResource(`Cannot use IO engine "${this.#engine}": it is shut down`);
  }

  /**
   * Lets one operation in.
   *
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  enter(): void {
    if (this.#closed) throw this.refusal();
    this.#inside++;
  }

  /** Lets one operation out. */
  leave(): void {
    assert(this.#inside > 0, "nobody is inside the engine");
    this.#inside--;
    if (this.#closed && this.#inside === 0) this.#empty.resolve();
  }

  /** Runs an operation inside. Rejects with `BadResource` if it is closed. */
  async run<T>(operation: () => T | Promise<T>): Promise<T> {
    this.enter();
    try {
      return await operation();
    } finally {
      this.leave();
    }
  }

  /** Shuts, and waits until nobody is inside. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#inside === 0) this.#empty.resolve();
    return this.#empty.promise;
  }
}
