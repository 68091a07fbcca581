/**
 * Work on the file of one object: again after each full disk where that is wanted, and never after it was given up.
 *
 * @module
 */

import { type Health, isFullDisk } from "../../base/mod.ts";

const givenUp = Symbol("given up");

/** Does the work on one file, any number of pieces at once. */
export class Patience {
  readonly #health: Health;
  readonly #subject: string;
  readonly #begun = new Set<Promise<unknown>>();
  readonly #end: PromiseWithResolvers<typeof givenUp> = Promise.withResolvers<typeof givenUp>();
  #isGivenUp = false;

  /**
   * Begins nothing.
   *
   * @param health Who is told what failed, and who says when a full disk is tried again.
   * @param subject What is written, for messages.
   */
  constructor(health: Health, subject: string) {
    this.#health = health;
    this.#subject = subject;
  }

  /**
   * Does work once. Failures are the caller's to judge.
   *
   * @throws {Deno.errors.BadResource} If it was given up.
   */
  async once<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isGivenUp) throw this.#refusal();
    const begun = work();
    this.#begun.add(begun);
    try {
      return await begun;
    } finally {
      this.#begun.delete(begun);
    }
  }

  /**
   * Does work, anew after each full disk, as {@linkcode Health.patiently} does; but that something was closed is nobody's
   * failure.
   *
   * @throws {Deno.errors.BadResource} If it was given up.
   */
  async untilDone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#health.patiently(async () => {
      try {
        return this.#isGivenUp ? givenUp : await this.once(work);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return givenUp;
        throw error;
      }
    });
    const outcome = await Promise.race([done, this.#end.promise]);
    if (outcome === givenUp) throw this.#refusal();
    return outcome;
  }

  /** Lets nothing begin any more, waits for what has begun, and releases who waits for a disk with room. */
  async giveUp(): Promise<void> {
    this.#isGivenUp = true;
    while (this.#begun.size > 0) await Promise.allSettled(this.#begun);
    this.#end.resolve(givenUp);
  }

  #refusal(): Error {
    const { cause } = this.#health;
    if (cause !== undefined && !isFullDisk(cause)) return this.#health.refusal();
    return new Deno.errors.BadResource(`Cannot write "${this.#subject}": it was closed`);
  }
}
