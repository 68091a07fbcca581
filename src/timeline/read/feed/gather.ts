/**
 * Walking layers that are sorted by key, one after the other, for the versions of the next LSNs. What they have of all
 * others is passed over, so that history that was merged is read once for each window of it.
 *
 * @module
 */

import type { Lsn, Turns } from "../../../base/mod.ts";
import { pageCursor, type PageSource, type StoredLayer, type VersionCursor } from "../../../layer/mod.ts";
import type { Plan, PlanState } from "../read.ts";
import { GatheredVersions } from "./gathered_versions.ts";
import { inLsnOrder } from "./lsn_order.ts";
import type { KeyRange } from "./options.ts";

/** Versions between two looks whether the event loop's turn is due. */
const versionsPerLook = 1024;

/** The versions of the next LSNs, put in their order. */
export class Gather implements Plan {
  /** What was found. */
  readonly versions: GatheredVersions;
  /** The numbers of its rows, in the order of their LSNs, once it is done. */
  order: Uint32Array = new Uint32Array(0);
  readonly #layers: readonly StoredLayer[];
  readonly #range: KeyRange;
  readonly #from: Lsn;
  #next = 0;
  #cursor: VersionCursor | undefined;
  #sorting: Generator<void, Uint32Array> | undefined;

  /**
   * Starts before the first layer.
   *
   * @param layers The layers.
   * @param range Which keys count.
   * @param from The first LSN that counts.
   * @param to The last LSN that counts.
   * @param most See {@linkcode GatheredVersions}.
   */
  constructor(layers: readonly StoredLayer[], range: KeyRange, from: Lsn, to: Lsn, most: number) {
    this.#layers = layers;
    this.#range = range;
    this.#from = from;
    this.versions = new GatheredVersions(from, to, most);
  }

  /** See {@linkcode Plan.advance}. */
  advance(pages: PageSource, turns: Turns): PlanState {
    for (let cursor = this.#open(); cursor !== undefined; cursor = this.#open()) {
      while (!cursor.ended) {
        if (!cursor.settle(pages)) {
          cursor.readAhead?.(pages);
          return "needs pages";
        }
        if (!cursor.ended) this.#takeRows(cursor);
        if (turns.due()) return "needs a turn";
      }
      this.#cursor = undefined;
    }
    return this.#sort(turns);
  }

  /** The cursor over the layer that is walked, or over the next one that has any of the LSNs. */
  #open(): VersionCursor | undefined {
    while (this.#cursor === undefined && this.#next < this.#layers.length) {
      const layer = this.#layers[this.#next++], { firstLsn, lastLsn } = layer.description;
      if (lastLsn >= this.#from && firstLsn < this.versions.end) {
        this.#cursor = pageCursor(layer, this.#range);
      }
    }
    return this.#cursor;
  }

  #takeRows(cursor: VersionCursor): void {
    const { block, at } = cursor, { versions } = this;
    const end = Math.min(cursor.end, at + versionsPerLook);
    for (let row = at; row < end; row++) {
      if (versions.takes(block.lsn[row])) versions.add(block, row, this.#next - 1);
    }
    cursor.step(end - at);
  }

  #sort(turns: Turns): PlanState {
    const { lsn, count } = this.versions.rows;
    const sorting = this.#sorting ??= inLsnOrder(lsn, count);
    for (let step = sorting.next();; step = sorting.next()) {
      if (step.done) {
        this.order = step.value;
        return "done";
      }
      if (turns.due()) return "needs a turn";
    }
  }
}
