/**
 * Records that no slot of their index leads to, and why: one that came later in the same batch has superseded it, its
 * slot was in a leaf that cannot be read, or the index is wrong.
 *
 * @module
 */

import { compareKeys, CorruptionError, type Lsn } from "../../base/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import { hashKey } from "../formats/key_hash.ts";
import type { StoredLayer } from "../layer.ts";
import { Descent, DescentSteps, findVersion } from "../tree/descent.ts";
import type { CheckedIndex, LostLeaves } from "./check_index.ts";
import type { Inspector } from "./finding.ts";

/** A record that no slot leads to. */
export interface Stray {
  /** Its key. */
  readonly key: Uint8Array;
  /** Its LSN. */
  readonly lsn: Lsn;
  /** Where it stands. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly length: number;
}

/** The strays of a layer, as they are met. */
export class Strays {
  readonly #objects: Objects;
  readonly #layer: StoredLayer;
  readonly #index: CheckedIndex;
  readonly #inspector: Inspector;
  #met: Stray[] = [];

  /** Starts without one. */
  constructor(objects: Objects, layer: StoredLayer, index: CheckedIndex, inspector: Inspector) {
    this.#objects = objects;
    this.#layer = layer;
    this.#index = index;
    this.#inspector = inspector;
  }

  /** Takes a record without a slot. */
  add(stray: Stray): void {
    if (!this.#countInLostLeaf(stray)) this.#met.push(stray);
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
      const { key, lsn, offset, length } = strays[i];
      const found = await this.#newerOf(strays[i], pages, steps, i);
      if (found === undefined || found > offset) continue;
      const { object: { path } } = this.#layer;
      const expected = "a record that the index leads to";
      const keys = { first: key, last: key, versions: 1 };
      const error = new CorruptionError({ path, offset, expected, found: "one that it does not" });
      this.#inspector.found({ error, offset, length, keys, lsns: { first: lsn, last: lsn } });
    }
  }

  /** Counts a record as lost with the leaf that its slot must have been in. */
  #countInLostLeaf({ key, lsn }: Stray): boolean {
    const isIn = ({ after, before }: LostLeaves) =>
      (after === undefined || compareKeys(key, after) >= 0) &&
      (before === undefined || compareKeys(key, before) <= 0);
    const leaves = this.#index.lostLeaves.find(isIn);
    leaves?.loss.add(key, lsn);
    return leaves !== undefined;
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
