/**
 * The keys of an index in the order of their bytes. The order is an array of its own, so that whoever walks the index in
 * the order of its keys, on this thread or another, is not disturbed by a sort.
 *
 * @module
 */

import { dropMemory } from "../../io/mod.ts";
import { type KeyArena, mergeSorted, sortKeySteps } from "./key_sort.ts";

/** Keys, of which more may come. */
type Keys = KeyArena & { readonly count: number };

/** Sorts keys, those once that do not change. */
export class KeyOrder {
  readonly #keys: Keys;
  #sorted: Uint32Array = new Uint32Array(0);

  /** Sorts nothing yet. */
  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /**
   * The ids of all keys there are now, in the order of their bytes. Keys that came since the last call are sorted and
   * merged; the result is not changed by later inserts.
   */
  sortedKeys(): Uint32Array {
    for (const _ of this.#steps(this.#sorted));
    return this.#sorted;
  }

  /** Gives up what is sorted. Nobody asks any more. */
  giveUp(): void {
    dropMemory(this.#sorted);
  }

  /** Sorts the keys there are now in steps, so that {@linkcode sortedKeys} finds them sorted. */
  sortSteps(): Generator<void, void> {
    return this.#steps(new Uint32Array(0));
  }

  /** Sorts all keys but those that are sorted, which are the first ones; merging goes without a step. */
  *#steps(known: Uint32Array): Generator<void, void> {
    const { count } = this.#keys;
    if (this.#sorted.length === count) return;
    const fresh = new Uint32Array(count - known.length);
    for (let i = 0; i < fresh.length; i++) fresh[i] = known.length + i;
    yield* sortKeySteps(this.#keys, fresh);
    const all = known.length === 0 ? fresh : mergeSorted(this.#keys, known, fresh);
    if (all.length > this.#sorted.length) this.#sorted = all;
  }
}
