/**
 * A scan whose entries come in columns, for those who look at each only once: no object is made for an entry.
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { Rows, ValueColumn } from "../records/columns.ts";
import type { ScanPlan } from "../options.ts";
import { openInTurns } from "../records/open_values.ts";
import { RangeKeys } from "./range_keys.ts";
import type { Values } from "../records/values.ts";
import { type ValueWindow, ValueWindows } from "../records/value_windows.ts";
import type { View } from "../view.ts";

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
  readonly #turns: Turns;
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
    this.#turns = objects.host.turns;
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
    const opened = await lendOpened(values, column, from, window.to, sizes.mostBytes, this.#turns);
    this.#view.check();
    const to = Math.min(opened, values.outcomes.firstFailure() ?? opened);
    if (to === from) throw values.outcomes.failureOf(from);
    this.#next = to;
    if (to === window.to) this.#window = undefined;
    return { from, to, keys, values: column, lsnOf: (row) => places.lsnOf(row) };
  }

  /** Waits for what is in flight and gives up what it holds. Nothing is asked of it after. */
  async cancel(): Promise<void> {
    await this.#windows.cancel();
  }
}

/**
 * Opens compressed values, and redoes patches, of the keys `[from, to)`, all of which are ready, into the column that all
 * values are lent from, in the place of those that it was done for before.
 *
 * @param most How many bytes at the most, if more than one value.
 * @param turns When the event loop gets its turns.
 * @returns The key behind the last whose value is there.
 */
async function lendOpened(
  values: Values,
  column: ValueColumn,
  from: number,
  to: number,
  most: number,
  turns: Turns,
): Promise<number> {
  column.dropAdded();
  for (let key = from, bytes = 0; key < to; key++) {
    const length = values.outcomes.madeLengthOf(key);
    if (length === undefined) continue;
    const compressed = values.outcomes.compressedOf(key), chain = values.outcomes.chainOf(key);
    if (bytes > 0 && bytes + length > most) return key;
    if (compressed !== undefined) await openInTurns(compressed, turns);
    if (turns.due()) await turns.turn();
    const value = chain === undefined ? compressed?.open() : values.chains.redone(key, chain);
    if (value instanceof Uint8Array) column.add(key, value);
    bytes += Math.max(length, value instanceof Uint8Array ? value.length : 0);
    values.opened(key, value instanceof Error ? value : value !== undefined);
  }
  return to;
}
