/**
 * Where in a layer the key before was looked for, so that one that stands close behind it is found without a descent:
 * keys that stand side by side share a leaf, and runs of records.
 *
 * ```
 *   leaf    …  │ slot 7 │ slot 8 │ slot 9 │ slot 10 │ …  │ last slot      found from slot 7 on: by steps of 1, 2, 4, …
 *                  ▲ the key before                           ▲ of a key behind it nothing is known here
 * ```
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import { isSlotBehind, pageCount, startsWithPrefix } from "../formats/page_format.ts";

/** A place in a layer. It is whoever has it who lets it go before its leaf may be gone. */
export class Finger {
  /** The leaf that it stands in; −1 if it stands nowhere. */
  leaf = -1;
  /** Where the run starts that was looked into last; −1 if there was none. */
  run = -1;
  /** Where in it the record starts that was found, or the one before where it would be. */
  runAt = 0;
  #slot = 0;

  /** Lets it stand nowhere. */
  clear(): void {
    this.leaf = -1;
    this.run = -1;
  }

  /** Lets it stand at a slot. */
  set(leaf: number, slot: number): void {
    this.leaf = leaf;
    this.#slot = slot;
  }

  /**
   * Steps forward to the last slot at or before (key, LSN). Hot: `bench/read.ts`.
   *
   * @param page Its leaf.
   * @returns The number of the slot; −1, and nothing is known, if that does not stand between where it stood and the last
   * of the leaf.
   */
  step(page: Uint8Array, key: Uint8Array, lsn: Lsn): number {
    const last = pageCount(page) - 1;
    if (!startsWithPrefix(page, key) || isSlotBehind(page, this.#slot, key, lsn)) return -1;
    if (!isSlotBehind(page, last, key, lsn)) return -1;
    let low = this.#slot, high = low + 1, stride = 1;
    while (high < last && !isSlotBehind(page, high, key, lsn)) {
      low = high;
      stride *= 2;
      high = Math.min(last, low + stride);
    }
    while (high - low > 1) {
      const middle = low + high >>> 1;
      if (isSlotBehind(page, middle, key, lsn)) high = middle;
      else low = middle;
    }
    return this.#slot = low;
  }
}
