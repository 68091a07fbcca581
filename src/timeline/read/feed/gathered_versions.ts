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

import { copyBytes, type Lsn } from "../../../base/mod.ts";
import { recordHeaderBytes, VersionBlock } from "../../../layer/mod.ts";

/** What the columns of a row are taken to hold, in bytes. */
const rowBytes = 64;

/** Versions in columns. */
export class GatheredVersions {
  /** The rows: their keys, and records around them of those that {@linkcode hasRecord} says so of. */
  readonly rows: VersionBlock = new VersionBlock();
  /** The first LSN of which nothing is kept. */
  end: Lsn;
  readonly #from: Lsn;
  #most: number;
  /** By row: which layer it comes from, times two, and 1 if its record is here. */
  #tags = new Int32Array(0);
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

  /** Whether a version of such an LSN is kept. */
  takes(lsn: Lsn): boolean {
    return lsn >= this.#from && lsn < this.end;
  }

  /** Which layer a row comes from. */
  sourceOf(row: number): number {
    return this.#tags[row] >> 1;
  }

  /** Whether the record of a row is here. */
  hasRecord(row: number): boolean {
    return (this.#tags[row] & 1) === 1;
  }

  /** Adds a row of a block that is kept. */
  add(block: VersionBlock, row: number, source: number): void {
    const own = this.rows, at = own.count, start = this.#endOf(at - 1);
    const head = block.hasRecords ? recordHeaderBytes : 0;
    const count = block.hasRecords ? block.length[row] : block.keyLength[row];
    own.reserve(at + 1, start + count);
    this.#reserve(own.lsn.length);
    copyBytes(block.view, block.keyStart[row] - head, own.view, start, count);
    own.keyStart[at] = start + head;
    own.keyLength[at] = block.keyLength[row];
    own.lsn[at] = block.lsn[row];
    own.offset[at] = block.offset[row];
    own.length[at] = block.length[row];
    own.flags[at] = block.flags[row];
    this.#tags[at] = source * 2 + (block.hasRecords ? 1 : 0);
    own.count++;
    this.#bytes += count + rowBytes;
    if (this.#bytes > this.#most) this.#letGo();
  }

  /** Where the bytes of a row end: its record, or its key. */
  #endOf(row: number): number {
    if (row < 0) return 0;
    const { keyStart, keyLength, length } = this.rows;
    return keyStart[row] + (this.hasRecord(row) ? length[row] - recordHeaderBytes : keyLength[row]);
  }

  #reserve(rows: number): void {
    if (rows <= this.#tags.length) return;
    const tags = this.#tags;
    this.#tags = new Int32Array(rows);
    this.#tags.set(tags);
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
    for (let row = 0; row < count; row++) if (rows.lsn[row] < end) this.#moveDown(row);
  }

  /** Moves a row to the first place that is free. */
  #moveDown(row: number): void {
    const { rows } = this, to = rows.count++, from = rows.keyStart[row];
    const head = this.hasRecord(row) ? recordHeaderBytes : 0, count = this.#endOf(row) - from + head;
    const start = this.#endOf(to - 1);
    if (row !== to) {
      rows.bytes.copyWithin(start, from - head, from - head + count);
      rows.keyLength[to] = rows.keyLength[row];
      rows.lsn[to] = rows.lsn[row];
      rows.offset[to] = rows.offset[row];
      rows.length[to] = rows.length[row];
      rows.flags[to] = rows.flags[row];
      this.#tags[to] = this.#tags[row];
      rows.keyStart[to] = start + head;
    }
    this.#bytes += count + rowBytes;
  }
}
