/**
 * A scan whose entries come in columns, for those who look at each only once: no object is made for an entry.
 *
 * @module
 */

import type { Objects } from "../../objects/mod.ts";
import { KeyColumn, type Rows, ValueColumn } from "./records/columns.ts";
import { windowEnd } from "./records/entry_read.ts";
import type { ScanPlan } from "./options.ts";
import { Places } from "./records/places.ts";
import { RangeKeys } from "./scan.ts";
import { Values } from "./records/values.ts";
import type { View } from "./view.ts";

/** Keys that are found together, and bytes of records that are read together: many, since in columns they are cheap. */
const windowKeys = 128 * 1024;
const windowBytes = 16 * 1024 * 1024;

/** The rows of a range of keys, in key order, up to 16 MiB or one value at a time; deleted keys are left out. */
export class RowScan {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #range: RangeKeys;
  readonly #column = new ValueColumn();
  #keys = new KeyColumn(0);
  #places = new Places(0);
  #next = 0;
  #values: Values | undefined;

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#objects = objects;
    this.#view = view;
    this.#range = new RangeKeys(objects, view, plan, windowKeys);
  }

  /**
   * Reads on. One call at a time.
   *
   * @returns One or more rows, or `undefined` at the end.
   * @throws {CorruptionError} If the next row is damaged.
   */
  async next(): Promise<Rows | undefined> {
    if (this.#next === this.#keys.length) {
      ({ keys: this.#keys, places: this.#places } = await this.#range.next());
      this.#next = 0;
      if (this.#keys.length === 0) return undefined;
    }
    const keys = this.#keys, places = this.#places, from = this.#next, column = this.#column;
    const end = windowEnd(places, from, keys.length, windowBytes);
    column.reserve(places, from, end);
    const values = this.#values = new Values(this.#objects, keys, places, from, end, { column });
    while (!values.done) {
      await values.step();
      this.#view.check();
    }
    this.#values = undefined;
    const to = values.firstFailure() ?? end;
    if (to === from) throw values.failureOf(from);
    this.#next = to;
    return { from, to, keys, values: column, lsnOf: (row) => places.lsnOf(row) };
  }

  /** Waits for what is in flight and gives up what it holds. Nothing is asked of it after. */
  async cancel(): Promise<void> {
    await this.#values?.cancel();
  }
}
