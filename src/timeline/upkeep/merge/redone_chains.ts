/**
 * Redoing patches in an image: chains of one key at or below its LSN become whole values.
 *
 * ```
 *   rows     a: put@1  patch@4  patch@9 │ patch@12          image LSN 10: nothing reads as of 1 to 9 any more
 *   after    a:                 put@9   │ patch@12          put@9 is what the three were
 *
 *   rows     b: patch@3  patch@5                            under an image nothing older lies anywhere: they stand on nothing
 *   after    b:          put@5
 * ```
 *
 * It is told of the rows of a window, with all of their records. A chain that began in an earlier window, and does not begin
 * anew in this one, stays as it is, and so does one that cannot be redone: a chain is history too, and reads go on redoing
 * it.
 *
 * @module
 */

import { compareKeys, copyBytes, type Lsn, RedoError, type Turns, viewOf } from "../../../base/mod.ts";
import { dropMemory } from "../../../io/mod.ts";
import {
  CompressedValue,
  decodePatches,
  isCompressedAt,
  isPatchKind,
  isSameSpan,
  lastOfBatch,
  lsnHigh,
  lsnLow,
  recordHeaderBytes,
  RecordKind,
  stampRecord,
  terminalFlag,
  tombstoneFlag,
  type VersionBlock,
  writeRecordHeader,
} from "../../../layer/mod.ts";
import type { Redoer } from "../../redo/redo.ts";

/** Where a chain of one key stands among rows, `[from, to)`. */
interface Chain {
  readonly from: number;
  readonly to: number;
}

/** Redoes the chains of the images of one merge. */
export class RedoneChains {
  readonly #redoer: Redoer;
  readonly #turns: Turns;
  #failed = 0;
  #failure: Error | undefined;
  /** The key that was left last since its chain is longer than a window. */
  #left: Uint8Array<ArrayBuffer> | undefined;
  #bytes = new Uint8Array(0);
  #end = 0;

  /** Has met no chain yet; `turns` says when the event loop gets its turns. */
  constructor(redoer: Redoer, turns: Turns) {
    this.#redoer = redoer;
    this.#turns = turns;
  }

  /** The memory that it holds, in bytes. */
  get heldBytes(): number {
    return this.#bytes.byteLength;
  }

  /** Gives its memory up. It is not used any more. */
  end(): void {
    dropMemory(this.#bytes);
  }

  /** What is to be known of chains that could not be redone, as a sentence; `undefined` if there were none. */
  get note(): string | undefined {
    if (this.#failure === undefined) return undefined;
    const keys = this.#failed === 1 ? "a key" : `${this.#failed} keys`;
    return `Patches of ${keys} cannot be redone, and stay as they are: ${this.#failure.message}`;
  }

  /**
   * Redoes chains.
   *
   * @param rows The versions; there may be fewer afterwards, and their lengths and offsets follow.
   * @param records Their records one behind the other.
   * @param seed The seed of the checksums of the file that they are bound to.
   * @param imageLsn The LSN of the image.
   * @param goesOn Whether the first row is of a key that an earlier window has too.
   * @returns The records, in memory that serves for the next ones too.
   */
  async redo(
    rows: VersionBlock,
    records: Uint8Array<ArrayBuffer>,
    seed: number,
    imageLsn: Lsn,
    goesOn: boolean,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const chains = chainsOf(rows, records, imageLsn);
    // What the first ones stand on is in an earlier window.
    if (goesOn && chains.length > 0 && !beginsIn(rows, chains[0])) this.#leave(rows, chains.shift() as Chain);
    if (chains.length === 0) return records;
    const starts = rows.offset.slice(0, rows.count);
    let row = 0, to = 0;
    this.#end = 0;
    for (const chain of chains) {
      const value = this.#valueOf(rows, starts, records, chain);
      const from = value === undefined ? chain.to : chain.from;
      for (; row < from; row++) this.#keep(rows, row, to++, starts, records);
      if (value === undefined) continue;
      this.#write(rows, chain.to - 1, to++, starts, value, records, seed);
      row = chain.to;
      if (this.#turns.due()) await this.#turns.turn();
    }
    for (; row < rows.count; row++) this.#keep(rows, row, to++, starts, records);
    rows.count = to;
    return this.#bytes.subarray(0, this.#end);
  }

  /** Leaves a chain as it is that begins in an earlier window, and may go on in the next one. */
  #leave(rows: VersionBlock, { to }: Chain): void {
    const key = keyOf(rows, to - 1).slice(), lsn = rows.lsn[to - 1];
    if (this.#left !== undefined && compareKeys(key, this.#left) === 0) return;
    this.#left = key;
    this.#failed++;
    const cause = new Error("they and what they stand on are more than a merge holds of a key");
    this.#failure ??= new RedoError({ key, lsn, cause });
  }

  /** The value of a chain; `undefined` if it cannot be redone. */
  #valueOf(
    rows: VersionBlock,
    starts: Float64Array,
    records: Uint8Array<ArrayBuffer>,
    { from, to }: Chain,
  ): Uint8Array | undefined {
    const key = keyOf(rows, to - 1), patches: Uint8Array[] = [];
    let value: Uint8Array | undefined;
    for (let row = from; row < to; row++) {
      const at = starts[row] - starts[0], start = at + recordHeaderBytes + rows.keyLength[row];
      const end = at + rows.length[row], kind = records[at + 4];
      if ((rows.flags[row] & tombstoneFlag) !== 0) continue;
      if (!isPatchKind(kind)) {
        value = isCompressedAt(records, at)
          ? new CompressedValue(records, start, end).open()
          : records.slice(start, end);
        // What does not decompress is damage, which is left to who reads it.
        if (value === undefined) return undefined;
        continue;
      }
      const list = decodePatches(kind, records, start, end);
      if (list === undefined) return undefined;
      value ??= list.base;
      patches.push(...list.patches);
    }
    try {
      return this.#redoer.redo(key, rows.lsn[to - 1], value, patches);
    } catch (error) {
      this.#failed++;
      this.#failure ??= error as Error;
      return undefined;
    }
  }

  /** Moves a row up, as it is. Where it moves to was read before. */
  #keep(rows: VersionBlock, row: number, to: number, starts: Float64Array, records: Uint8Array): void {
    const length = rows.length[row], at = starts[row] - starts[0];
    this.#reserve(length);
    this.#bytes.set(records.subarray(at, at + length), this.#end);
    this.#place(rows, row, to, starts[0], length, rows.flags[row]);
  }

  /** Puts a whole value in the place of a chain that ends with a row. */
  #write(
    rows: VersionBlock,
    row: number,
    to: number,
    starts: Float64Array,
    value: Uint8Array,
    records: Uint8Array,
    seed: number,
  ): void {
    const keyLength = rows.keyLength[row], length = recordHeaderBytes + keyLength + value.length;
    const flags = records[starts[row] - starts[0] + 5] & lastOfBatch, lsn = rows.lsn[row];
    this.#reserve(length);
    const bytes = this.#bytes, view = viewOf(bytes), at = this.#end;
    const keyAt = writeRecordHeader(view, at, RecordKind.PUT, keyLength, value.length);
    copyBytes(viewOf(rows.bytes), rows.keyStart[row], view, keyAt, keyLength);
    bytes.set(value, keyAt + keyLength);
    stampRecord(bytes, view, at, length, lsnLow(lsn), lsnHigh(lsn), flags, seed);
    this.#place(rows, row, to, starts[0], length, terminalFlag);
  }

  #place(rows: VersionBlock, row: number, to: number, base: number, length: number, flags: number): void {
    rows.keyStart[to] = rows.keyStart[row];
    rows.keyLength[to] = rows.keyLength[row];
    rows.lsn[to] = rows.lsn[row];
    rows.flags[to] = flags;
    rows.length[to] = length;
    rows.offset[to] = base + this.#end;
    this.#end += length;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

/** The chains at or below an LSN, in their order. Pure. */
function chainsOf(rows: VersionBlock, records: Uint8Array, imageLsn: Lsn): Chain[] {
  const chains: Chain[] = [];
  for (let first = 0, end = 0; first < rows.count; first = end) {
    while (end < rows.count && (end === first || isSameKey(rows, end - 1, end))) end++;
    let to = first;
    while (to < end && rows.lsn[to] <= imageLsn) to++;
    if (to === first || !isPatchKind(records[rows.offset[to - 1] - rows.offset[0] + 4])) continue;
    let from = to - 1;
    while (from > first && (rows.flags[from] & terminalFlag) === 0) from--;
    chains.push({ from, to });
  }
  return chains;
}

/** Whether a chain begins among rows, or is of another key than the first of them, and stands on nothing then. */
function beginsIn(rows: VersionBlock, { from }: Chain): boolean {
  return (rows.flags[from] & terminalFlag) !== 0 || from > 0;
}

function keyOf({ bytes, keyStart, keyLength }: VersionBlock, row: number): Uint8Array {
  return bytes.subarray(keyStart[row], keyStart[row] + keyLength[row]);
}

function isSameKey({ bytes, keyStart, keyLength }: VersionBlock, a: number, b: number): boolean {
  return keyLength[a] === keyLength[b] && isSameSpan(bytes, keyStart[a], bytes, keyStart[b], keyLength[a]);
}
