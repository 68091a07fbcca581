/**
 * What happened in a simulated run, as a hash: the same choices must lead to the same.
 *
 * @module
 */

import { Mix } from "../mix.ts";

/** How many labels are kept for whoever looks into a failure. */
const mostKept = 40;

/** The labels of what happened. */
export class Trace {
  readonly #mix = new Mix();
  readonly #last: string[] = [];
  #steps = 0;

  /** Adds what happened. */
  add(label: string): void {
    this.#steps++;
    this.#mix.addText(label);
    this.#last.push(label);
    if (this.#last.length > mostKept) this.#last.shift();
  }

  /** How much happened. */
  get steps(): number {
    return this.#steps;
  }

  /** A hash of all labels in order, an integer of 53 bits. */
  get hash(): number {
    return this.#mix.value;
  }

  /** The last labels, oldest first. */
  get last(): readonly string[] {
    return this.#last;
  }
}
