/**
 * Records that no slot of their index leads to, and why: one that came later in the same batch has superseded it, its
 * slot was in a leaf that cannot be read, or the index is wrong.
 *
 * @module
 */

import { CorruptionError } from "../../base/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import { hashKey } from "../formats/key_hash.ts";
import type { StoredLayer } from "../layer.ts";
import { Descent, DescentSteps, findVersion } from "../tree/descent.ts";
import type { Stray, ValuesBesideIndex } from "./values_beside_index.ts";

/** The strays of a layer, as they are met. */
export class Strays {
  readonly #objects: Objects;
  readonly #layer: StoredLayer;
  readonly #values: ValuesBesideIndex;
  #met: Stray[] = [];

  /** Starts without one. */
  constructor(objects: Objects, layer: StoredLayer, values: ValuesBesideIndex) {
    this.#objects = objects;
    this.#layer = layer;
    this.#values = values;
  }

  /** Takes a record without a slot. */
  add(stray: Stray): void {
    if (!this.#values.countInLostLeaf(stray)) this.#met.push(stray);
  }

  /** Finds out why those that were met have no slot; `undefined` if there are none. */
  settle(): Promise<void> | undefined {
    const strays = this.#met;
    if (strays.length === 0) return undefined;
    this.#met = [];
    return this.#settle(strays);
  }

  async #settle(strays: readonly Stray[]): Promise<void> {
    const pages = new PageSet(this.#objects), steps = new DescentSteps(strays.length);
    for (let i = 0; i < strays.length; i++) {
      const found = await this.#newerOf(strays[i], pages, steps, i);
      if (found !== undefined && found <= strays[i].offset) this.#values.tellStray(strays[i]);
    }
  }

  /**
   * Where the record lies that the index has for a key at an LSN: behind a stray, the one that superseded it in its
   * batch. 0 if there is none; `undefined` if pages that would tell are damaged, of which somebody was told already.
   */
  async #newerOf(
    { key, lsn }: Stray,
    pages: PageSet,
    steps: DescentSteps,
    i: number,
  ): Promise<number | undefined> {
    const hash = hashKey(key, 0, key.length);
    try {
      for (;;) {
        const step = findVersion(this.#layer, key, hash, lsn, pages, steps, i);
        if (step === Descent.ABSENT) return 0;
        if (step === Descent.FOUND) return steps.lsnOf(i) === lsn ? steps.offsetOf(i) : 0;
        await pages.fetch();
      }
    } catch (error) {
      if (error instanceof CorruptionError) return undefined;
      throw error;
    }
  }
}
