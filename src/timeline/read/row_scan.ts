/**
 * A scan whose entries come in columns, for those who look at each only once: no object is made for an entry.
 *
 * @module
 */

import type { Objects } from "../../objects/mod.ts";
import type { Rows } from "./records/columns.ts";
import type { ScanPlan } from "./options.ts";
import { RangeKeys } from "./scan.ts";
import { type ValueWindow, ValueWindows } from "./records/value_windows.ts";
import type { View } from "./view.ts";

/** In columns many keys are cheap to find together. Every value is lent. */
const sizes = {
  denseKeys: 8192,
  mostKeys: 128 * 1024,
  mostBytes: 16 * 1024 * 1024,
  mostColumnBytes: Infinity,
};

/** The rows of a range of keys, in key order, up to 16 MiB or one value at a time; deleted keys are left out. */
export class RowScan {
  readonly #view: View;
  readonly #windows: ValueWindows;
  #window: ValueWindow | undefined;
  #next = 0;

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#view = view;
    this.#windows = new ValueWindows(objects, view, new RangeKeys(objects, view, plan), sizes);
  }

  /**
   * Reads on. One call at a time.
   *
   * @returns One or more rows, or `undefined` at the end.
   * @throws {CorruptionError} If the next row is damaged.
   */
  async next(): Promise<Rows | undefined> {
    if (this.#window === undefined) {
      this.#window = await this.#windows.next();
      if (this.#window === undefined) return undefined;
      this.#next = this.#window.from;
    }
    const window = this.#window, { keys, places, values, column } = window, from = this.#next;
    while (!values.done) {
      await values.step();
      this.#view.check();
    }
    this.#windows.readAhead();
    const to = values.firstFailure() ?? window.to;
    if (to === from) throw values.failureOf(from);
    this.#next = to;
    if (to === window.to) this.#window = undefined;
    return { from, to, keys, values: column, lsnOf: (row) => places.lsnOf(row) };
  }

  /** Waits for what is in flight and gives up what it holds. Nothing is asked of it after. */
  async cancel(): Promise<void> {
    await this.#windows.cancel();
  }
}
