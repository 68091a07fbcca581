/**
 * Versions of the least LSNs from one on that memory has room for, in columns, whatever order they come in.
 *
 * ```
 *   layers    b@7 │ c@2 │ c@9 │ … │ x@1 │ y@2 │ z@4           first walk: LSNs 1 to 4, the higher ones are let go
 *                                                             second: from 5 on
 * ```
 *
 * A record that is met with its key is kept with it; of one that lies apart, only where it does.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { VersionBlock } from "../../../layer/mod.ts";
import { KeptRows } from "../../kept_rows.ts";

/** What the columns of a row are taken to hold, in bytes. */
const rowBytes = 64;

/** Versions in columns. */
export class GatheredVersions {
  /** The first LSN of which nothing is kept. */
  end: Lsn;
  readonly #from: Lsn;
  #most: number;
  readonly #kept = new KeptRows();
  #bytes = 0;

  /**
   * Starts empty.
   *
   * @param from The first LSN that is kept.
   * @param to The last LSN that is kept, if there is room.
   * @param most Bytes of what is kept, if that is more than one LSN.
   */
  constructor(from: Lsn, to: Lsn, most: number) {
    this.#from = from;
    this.end = to + 1;
    this.#most = most;
  }

  /** The rows: their keys, and records around them of those that {@linkcode hasRecord} says so of. */
  get rows(): VersionBlock {
    return this.#kept.block;
  }

  /** Whether a version of such an LSN is kept. */
  takes(lsn: Lsn): boolean {
    return lsn >= this.#from && lsn < this.end;
  }

  /** Which layer a row comes from. */
  sourceOf(row: number): number {
    return this.#kept.sourceOf(row);
  }

  /** Whether the record of a row is here. */
  hasRecord(row: number): boolean {
    return this.#kept.hasRecord(row);
  }

  /** Adds a row of a block that is kept. */
  add(block: VersionBlock, row: number, source: number): void {
    this.#bytes += this.#kept.add(block, row, source) + rowBytes;
    if (this.#bytes > this.#most) this.#letGo();
  }

  /** Lets the higher half of the LSNs go, so that it costs little for each row; of one LSN alone nothing. */
  #letGo(): void {
    const { rows } = this, lsns = rows.lsn.slice(0, rows.count).sort();
    const middle = lsns[lsns.length >> 1];
    const end = middle > lsns[0] ? middle : lsns.find((lsn) => lsn > middle);
    if (end === undefined) {
      this.#most = this.#bytes * 2;
      return;
    }
    this.end = end;
    const { count } = rows;
    rows.count = this.#bytes = 0;
    for (let row = 0; row < count; row++) {
      if (rows.lsn[row] < end) this.#bytes += this.#kept.move(row, rows.count++) + rowBytes;
    }
  }
}
