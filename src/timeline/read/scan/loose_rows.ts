/**
 * Some megabytes of the versions of one layer whose records lie as they came, and their records in the order of keys.
 *
 * ```
 *   rows     key, LSN, flags, length, offset                   from a cursor, in its order
 *   records  record │ record │      key │ record │ …           read from wherever they lie, put in order, checked
 *            └ at hand ──────┘      └ not at hand: damaged, or long
 * ```
 *
 * D7  A record is at hand only if its checksum, kind, key and LSN are right. What is not can be read by itself, by who
 *     then learns why.
 *
 * @module
 */

import { copyBytes, type Lsn, viewOf } from "../../../base/mod.ts";
import {
  checkRecord,
  flagsOfKind,
  isSameSpan,
  lengthInRun,
  lsnInRun,
  type RecordFile,
  recordHeaderBytes,
  terminalFlag,
  VersionBlock,
} from "../../../layer/mod.ts";
import { type Objects, RangeRead } from "../../../objects/mod.ts";
import { placed, ScatteredRecords } from "../../scattered_records.ts";

/** The longest record that is put in order, in bytes: to read a longer one by itself costs little more. */
export const mostRecordBytes = 2048;
/** What the columns of a row take, beside its record and its key. */
const rowBytes = 64;
/** Records that are checked between two looks at the clock. */
const stepRows = 1 << 11;

/** Rows of one file. Their memory serves for others too, but for that of records, which is whoever's who keeps it. */
export class LooseRows {
  /** The rows, in the order in which they were added; their keys lie in their records once these were read. */
  readonly rows: VersionBlock = new VersionBlock();
  readonly #file: RecordFile;
  readonly #lsn: Lsn;
  readonly #reverse: boolean;
  /** By row: where its record lies in its file; and the same, or {@linkcode placed} if it is not read. */
  #offset = new Float64Array(0);
  #from = new Float64Array(0);
  /** By row: 0, the number of the file. */
  #source = new Int32Array(0);
  /** By row: 1 if its record is at hand. */
  #isHere = new Uint8Array(0);
  /** The memory of keys until records were read. */
  #keys = new Uint8Array(0);
  #end = 0;

  /**
   * Starts empty.
   *
   * @param file Where the records lie.
   * @param lsn The LSN that is read as of.
   * @param reverse Whether rows come from large to small.
   */
  constructor(file: RecordFile, lsn: Lsn, reverse: boolean) {
    this.#file = file;
    this.#lsn = lsn;
    this.#reverse = reverse;
  }

  /** Empties it. */
  restart(): void {
    this.rows.count = 0;
    this.rows.bytes = this.#keys;
    this.#end = 0;
  }

  /** How many rows there are. */
  get count(): number {
    return this.rows.count;
  }

  /** The memory that rows and their records need, in bytes. */
  get byteLength(): number {
    return this.#end + this.rows.count * rowBytes + this.#keysEnd;
  }

  get #keysEnd(): number {
    const { count, keyStart, keyLength } = this.rows;
    return count === 0 ? 0 : keyStart[count - 1] + keyLength[count - 1];
  }

  /** Adds a row, unless no read as of the LSN needs it beside those that were added; it takes their place likewise. */
  add(block: VersionBlock, row: number): void {
    if (block.lsn[row] > this.#lsn) return;
    const { rows } = this, isTerminal = (block.flags[row] & terminalFlag) !== 0;
    if (this.#reverse) {
      if (this.#isTerminalBefore(block, row)) return;
    } else if (isTerminal) { while (this.#hasLastKey(block, row)) this.#end = rows.offset[--rows.count]; }
    const at = rows.count,
      keyAt = this.#keysEnd,
      start = block.keyStart[row],
      keyLength = block.keyLength[row];
    const length = block.length[row];
    rows.reserve(at + 1, keyAt + keyLength);
    if (at >= this.#offset.length) this.#grow(rows.lsn.length);
    copyBytes(block.view, start, rows.view, keyAt, keyLength);
    rows.keyStart[at] = keyAt;
    rows.keyLength[at] = keyLength;
    rows.lsn[at] = block.lsn[row];
    rows.length[at] = length;
    rows.flags[at] = block.flags[row];
    rows.offset[at] = this.#end;
    this.#offset[at] = block.offset[row];
    const isRead = length <= mostRecordBytes;
    this.#from[at] = isRead ? block.offset[row] : placed;
    this.#end += isRead ? length : recordHeaderBytes + keyLength;
    rows.count++;
  }

  #hasLastKey({ bytes, keyStart, keyLength }: VersionBlock, row: number): boolean {
    const { rows } = this, last = rows.count - 1, length = keyLength[row];
    return last >= 0 && rows.keyLength[last] === length &&
      isSameSpan(rows.bytes, rows.keyStart[last], bytes, keyStart[row], length);
  }

  /** Whether the row before, in reverse, hides one that is older. */
  #isTerminalBefore(block: VersionBlock, row: number): boolean {
    const { flags, count } = this.rows;
    return this.#hasLastKey(block, row) && (flags[count - 1] & terminalFlag) !== 0;
  }

  #grow(count: number): void {
    const offset = new Float64Array(count), from = new Float64Array(count);
    offset.set(this.#offset);
    from.set(this.#from);
    this.#offset = offset;
    this.#from = from;
    this.#source = new Int32Array(count);
    this.#isHere = new Uint8Array(count);
  }

  /**
   * Reads the records. What cannot be had is not at hand.
   *
   * @param objects Where they lie.
   * @param check Throws if the read must stop.
   */
  async read(objects: Objects, check: () => void): Promise<void> {
    const { rows } = this, { turns } = objects.host, bytes = new Uint8Array(this.#end), view = viewOf(bytes);
    const scattered = new ScatteredRecords({
      rows,
      base: 0,
      view,
      from: this.#from,
      source: this.#source,
      files: [this.#file],
    });
    const turn = async () => {
      if (turns.due()) await turns.turn();
      check();
    };
    for (const _ of scattered.plan()) await turn();
    const read = new RangeRead(objects, scattered, scattered, "stretches");
    try {
      while (!read.done) {
        await read.step();
        await turn();
      }
    } finally {
      await read.cancel();
      scattered.end();
    }
    for (let row = 0; row < rows.count; row += stepRows) {
      this.#checkRows(bytes, view, row, Math.min(rows.count, row + stepRows));
      await turn();
    }
    this.#keys = rows.bytes as Uint8Array<ArrayBuffer>;
    rows.bytes = bytes;
  }

  /** Sees which records are at hand (D7), and has rows say where they lie by now. Hot: `bench/scan.ts`. */
  #checkRows(bytes: Uint8Array<ArrayBuffer>, view: DataView, from: number, to: number): void {
    const { rows } = this, keys = rows.view;
    for (let row = from; row < to; row++) {
      const at = rows.offset[row], keyAt = at + recordHeaderBytes;
      const isHere = this.#from[row] !== placed && this.#checks(bytes, view, row, at);
      // What was read is no longer of use where it is not the record.
      if (!isHere) copyBytes(keys, rows.keyStart[row], view, keyAt, rows.keyLength[row]);
      this.#isHere[row] = isHere ? 1 : 0;
      rows.keyStart[row] = keyAt;
      rows.offset[row] = this.#offset[row];
    }
  }

  #checks(bytes: Uint8Array<ArrayBuffer>, view: DataView, row: number, at: number): boolean {
    const { rows } = this, length = rows.length[row], keyLength = rows.keyLength[row];
    return checkRecord(bytes, view, at, length, this.#file.seed) &&
      lengthInRun(bytes, at, at + length) === length && lsnInRun(bytes, at) === rows.lsn[row] &&
      flagsOfKind(bytes[at + 4]) === rows.flags[row] &&
      (bytes[at + 6] | bytes[at + 7] << 8) === keyLength &&
      isSameSpan(rows.bytes, rows.keyStart[row], bytes, at + recordHeaderBytes, keyLength);
  }

  /**
   * Says of the rows from one on whether their records are at hand; the block then says so too.
   *
   * @returns The row after those of which the same holds.
   */
  showFrom(row: number): number {
    const { rows } = this, isHere = this.#isHere, first = isHere[row];
    rows.hasRecords = first === 1;
    let end = row + 1;
    while (end < rows.count && isHere[end] === first) end++;
    return end;
  }
}
