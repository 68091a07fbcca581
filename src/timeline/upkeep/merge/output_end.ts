/**
 * Where an output of a merge ends and the next one begins: pure, so that it can be told row by row.
 *
 * ```
 *   level 1 … 7   key a │ b │ … │ between two keys: at a cut when it is nearly full, anywhere when it is full
 *                 key h ┆ h ┆ h │ h ┆ h ┆ h ┆ h │ i         what is left of a key that fills layers: columns
 *                               └ a column, beside all levels
 *   level 0       all in one
 *   level 8       columns of one key, all of it
 * ```
 *
 * E1  Outputs of one level have no key in common, but for columns: within a key an output ends only if all that is left
 *     of the key goes to columns.
 *
 * @module
 */

import { blockBytes } from "../../../base/mod.ts";
import { compareRowKey, type VersionBlock } from "../../../layer/mod.ts";
import type { OutputEnds } from "../plan/cuts.ts";
import { columnLevel } from "../plan/levels.ts";
import type { OutputCut } from "../plan/planned_layer.ts";
import type { KeyRun } from "./key_run.ts";

/** Versions after which an output ends with its key, which bounds what its index takes in memory (G2). */
export const mostVersions: number = 1 << 20;
/** Of a key whose versions are so small a share of what fills a layer it is not asked how many are left. */
const measuredShare = 1 / 16;

/** What outputs of a merge should be like: plain data. */
export interface OutputShape {
  /** The level of outputs. */
  readonly level: number;
  /** Where outputs may end, or must, ascending. */
  readonly cuts: readonly OutputCut[];
  /** When they do. */
  readonly ends: OutputEnds;
  /** Versions of one key that have so many bytes fill a layer: what is left of the key then becomes columns. */
  readonly columnBytes: number;
  /** The versions after which an output ends with its key. @default {mostVersions} */
  readonly mostVersions?: number | undefined;
}

/** Tells where outputs end. It is asked of each row in turn. */
export class OutputEnd {
  readonly #shape: OutputShape;
  readonly #mostVersions: number;
  /** The next cut. */
  #cut = 0;
  /** What columns of the key have, while it goes to columns. */
  #column: KeyRun | undefined;
  /** What the key has so far, if its versions may fill layers. */
  #keyBytes = 0;
  #keyVersions = 0;
  #isMeasured = false;

  /** Starts in front of the first row. */
  constructor(shape: OutputShape) {
    this.#shape = shape;
    this.#mostVersions = shape.mostVersions ?? mostVersions;
    if (shape.level === columnLevel) {
      this.#column = { bytes: shape.columnBytes, versions: this.#mostVersions };
    }
  }

  /** The level of the output that the next row goes to. */
  get level(): number {
    return this.#column === undefined ? this.#shape.level : columnLevel;
  }

  /**
   * Whether an output ends before a row.
   *
   * @param bytes How many bytes the output has.
   * @param versions How many versions it has.
   * @param block Where the row is.
   * @param row The row.
   * @param isSameKey Whether it has the key of the row before it.
   */
  isBefore(bytes: number, versions: number, block: VersionBlock, row: number, isSameKey: boolean): boolean {
    const { level, ends } = this.#shape;
    if (isSameKey) {
      const column = this.#column;
      return column !== undefined && versions > 0 && (bytes >= column.bytes || versions >= column.versions);
    }
    this.#keyBytes = this.#keyVersions = 0;
    this.#isMeasured = false;
    if (level === columnLevel) return false;
    const isColumn = this.#column !== undefined;
    this.#column = undefined;
    const isCut = this.#passCuts(bytes, block, row);
    if (versions === 0) return false;
    return isColumn || isCut || level > 0 && (bytes >= ends.anywhereBytes || versions >= this.#mostVersions);
  }

  /** Goes past the cuts up to a row; returns whether an output of so many bytes ends at one of them. */
  #passCuts(bytes: number, block: VersionBlock, row: number): boolean {
    const { cuts, ends } = this.#shape;
    let isEnd = false;
    for (; this.#cut < cuts.length && compareRowKey(block, row, cuts[this.#cut].key) >= 0; this.#cut++) {
      isEnd ||= cuts[this.#cut].must || bytes >= ends.atCutBytes;
    }
    return isEnd;
  }

  /** Notes a row that was added; returns whether what is left of its key should be measured before the next one. */
  added(length: number): boolean {
    const { level, columnBytes } = this.#shape;
    this.#keyBytes += length;
    this.#keyVersions++;
    return level > 0 && this.#column === undefined && !this.#isMeasured &&
      (this.#keyBytes >= columnBytes * measuredShare ||
        this.#keyVersions >= this.#mostVersions * measuredShare);
  }

  /**
   * Takes note of what is left of the key of the last row.
   *
   * @returns Whether the output ends here: what is left goes to columns, about equally large, until the key ends.
   */
  measured({ bytes, versions }: KeyRun): boolean {
    const { columnBytes } = this.#shape, most = this.#mostVersions;
    this.#isMeasured = true;
    if (bytes < columnBytes && versions < most) return false;
    const count = Math.max(1, Math.floor(bytes / columnBytes), Math.ceil(versions / most));
    this.#column = { bytes: blockBytes + bytes / count, versions: 2 * most };
    return true;
  }
}
