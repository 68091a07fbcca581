/**
 * Every path through a program whose only freedom is in its choices, depth first: the last choice is turned first, as
 * the last wheel of an odometer.
 *
 * ```
 *   0 0 0 ─► 0 0 1 ─► 0 1 ─► 1 0        a path may be longer or shorter than the one before
 * ```
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import type { Choices } from "./choices.ts";

/** See the top of the file. */
export class Odometer implements Choices {
  readonly #chosen: number[] = [];
  readonly #counts: number[] = [];
  #depth = 0;

  /** See {@linkcode Choices.choose}. */
  choose(n: number): number {
    assert(Number.isSafeInteger(n) && n > 0, "there is something to choose from");
    const depth = this.#depth++;
    if (depth === this.#chosen.length) {
      this.#chosen.push(0);
      this.#counts.push(n);
    }
    assert(this.#counts[depth] === n, "a program chooses the same way after the same choices");
    return this.#chosen[depth];
  }

  /** Goes to the next path, which begins at its first choice; returns whether there is one. */
  next(): boolean {
    assert(this.#depth === this.#chosen.length, "a program makes no fewer choices after the same choices");
    this.#depth = 0;
    while (this.#chosen.length > 0) {
      const last = this.#chosen.length - 1;
      if (++this.#chosen[last] < this.#counts[last]) return true;
      this.#chosen.pop();
      this.#counts.pop();
    }
    return false;
  }
}

/** The choices of every path in turn; each is used up before the next is asked for. */
export function* everyChoice(): Generator<Choices, void, void> {
  const odometer = new Odometer();
  do yield odometer; while (odometer.next());
}
