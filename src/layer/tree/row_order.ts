/**
 * Checking that the versions of a stored layer come as they must, for whoever makes another layer of them: what is out
 * of its place there would be out of place for good, and reads would miss it.
 *
 * ```
 *   firstKey                                                  lastKey
 *   ├ rows of one block ┤├ rows of the next ──────┤├ …  ┤
 *   a@3 < a@5 < b@1 < b@4 < c@2 < …                      each behind the one before it, by (key, LSN)
 * ```
 *
 * O1  Rows of a layer strictly increase by (key, LSN), and lie within the keys and the LSNs that its description states.
 *
 * @module
 */

import { copyBytes, maxKeyBytes, viewOf } from "../../base/mod.ts";
import type { LayerDescription } from "../layer_description.ts";
import { compareViews } from "../spans.ts";
import { compareRowKey, type VersionBlock } from "../version_cursor.ts";

/** What a layer states of its versions. */
export type StatedRange = Pick<LayerDescription, "firstKey" | "lastKey" | "firstLsn" | "lastLsn">;

/** Looks at the rows of one layer in the order in which they come. */
export class RowOrder {
  readonly #stated: StatedRange;
  /** The row that came last; before the first one, none. */
  readonly #key = viewOf(new Uint8Array(maxKeyBytes));
  #keyLength = -1;
  #lsn = 0;

  /** Has seen no row yet. */
  constructor(stated: StatedRange) {
    this.#stated = stated;
  }

  /**
   * Looks at rows, at least one, which come behind those before them.
   *
   * @param block Where they are.
   * @param from The first one.
   * @param to The row after the last one.
   * @returns One of them that breaks O1; −1 if none does.
   */
  check(block: VersionBlock, from: number, to: number): number {
    const { firstKey, lastKey, firstLsn, lastLsn } = this.#stated, last = to - 1;
    const isBehind = this.#keyLength < 0
      ? compareRowKey(block, from, firstKey) >= 0
      : this.#precedes(block, from);
    if (!isBehind) return from;
    const misplaced = findMisplaced(block, from, to, firstLsn, lastLsn);
    if (misplaced >= 0) return misplaced;
    if (compareRowKey(block, last, lastKey) > 0) return last;
    copyBytes(block.view, block.keyStart[last], this.#key, 0, this.#keyLength = block.keyLength[last]);
    this.#lsn = block.lsn[last];
    return -1;
  }

  /** Whether the row that came last stands before another one. */
  #precedes({ view, keyStart, keyLength, lsn }: VersionBlock, row: number): boolean {
    const order = compareViews(view, keyStart[row], keyLength[row], this.#key, 0, this.#keyLength);
    return order > 0 || order === 0 && lsn[row] > this.#lsn;
  }
}

/** The first row that does not stand behind the one before it, or has another LSN than it may have. Hot: `bench/upkeep.ts`. */
function findMisplaced(
  { view, keyStart, keyLength, lsn }: VersionBlock,
  from: number,
  to: number,
  firstLsn: number,
  lastLsn: number,
): number {
  for (let row = from; row < to; row++) {
    if (lsn[row] < firstLsn || lsn[row] > lastLsn) return row;
    if (row === from) continue;
    const before = row - 1;
    const order = compareViews(
      view,
      keyStart[row],
      keyLength[row],
      view,
      keyStart[before],
      keyLength[before],
    );
    if (order < 0 || order === 0 && lsn[row] <= lsn[before]) return row;
  }
  return -1;
}
