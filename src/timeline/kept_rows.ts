/**
 * Rows of cursors that are kept while these move on: copies, in columns, of their keys, or of the records that came with
 * them.
 *
 * ```
 *   bytes    key │ header │ key │ value │ key │ …         a record around its key, or the key alone
 *   columns  LSN, flags, where the record lies, where the row comes from
 * ```
 *
 * Hot: `bench/upkeep.ts`, `bench/follow.ts`.
 *
 * @module
 */

import { copyBytes } from "../base/mod.ts";
import { recordHeaderBytes, VersionBlock } from "../layer/mod.ts";

/** See the top of the file. */
export class KeptRows {
  /** The rows. Whoever hands them on says whether they have records. */
  readonly block: VersionBlock = new VersionBlock();
  /** By row: which source it comes from, times two, and 1 if its record is here. */
  #tags = new Int32Array(0);

  /** Which source a row comes from. */
  sourceOf(row: number): number {
    return this.#tags[row] >> 1;
  }

  /** Whether the record of a row is here, around its key. */
  hasRecord(row: number): boolean {
    return (this.#tags[row] & 1) === 1;
  }

  /** Whether two rows come from one source, both with their records or both without. */
  areAlike(a: number, b: number): boolean {
    return this.#tags[a] === this.#tags[b];
  }

  /** Where the bytes of a row end: its record, or its key. */
  endOf(row: number): number {
    if (row < 0) return 0;
    const { keyStart, keyLength, length } = this.block;
    return keyStart[row] + (this.hasRecord(row) ? length[row] - recordHeaderBytes : keyLength[row]);
  }

  /**
   * Adds a row behind the others.
   *
   * @param block Where it is.
   * @param row Its number there.
   * @param source Which source it comes from.
   * @param mostBytes The bytes that all may have with its record. Where they would be more its key alone is kept.
   * @returns How many bytes were copied.
   */
  add(block: VersionBlock, row: number, source: number, mostBytes: number = Infinity): number {
    const own = this.block, at = own.count, start = this.endOf(at - 1);
    const hasRecord = block.hasRecords && start + block.length[row] <= mostBytes;
    const head = hasRecord ? recordHeaderBytes : 0;
    const count = hasRecord ? block.length[row] : block.keyLength[row];
    own.reserve(at + 1, start + count);
    this.#reserve(own.lsn.length);
    copyBytes(block.view, block.keyStart[row] - head, own.view, start, count);
    this.#put(block, row, at, start + head, source * 2 + (hasRecord ? 1 : 0));
    own.count++;
    return count;
  }

  #reserve(rows: number): void {
    if (rows <= this.#tags.length) return;
    const tags = this.#tags;
    this.#tags = new Int32Array(rows);
    this.#tags.set(tags);
  }

  /**
   * Moves a row down to the place of another one, close behind the row before that.
   *
   * @returns How many bytes it has.
   */
  move(from: number, to: number): number {
    const own = this.block, head = this.hasRecord(from) ? recordHeaderBytes : 0;
    const first = own.keyStart[from] - head, end = this.endOf(from);
    if (from === to) return end - first;
    const start = this.endOf(to - 1);
    own.bytes.copyWithin(start, first, end);
    this.#put(own, from, to, start + head, this.#tags[from]);
    return end - first;
  }

  /** Fills the columns of a row with those of another, whose key starts elsewhere. */
  #put(block: VersionBlock, row: number, at: number, keyStart: number, tag: number): void {
    const own = this.block;
    own.keyStart[at] = keyStart;
    own.keyLength[at] = block.keyLength[row];
    own.lsn[at] = block.lsn[row];
    own.offset[at] = block.offset[row];
    own.length[at] = block.length[row];
    own.flags[at] = block.flags[row];
    this.#tags[at] = tag;
  }
}
