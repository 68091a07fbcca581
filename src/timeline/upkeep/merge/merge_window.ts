/**
 * Some megabytes of the versions that a merge brings, in their order, and their records.
 *
 * ```
 *   rows      key, LSN, flags, length, place in the output      from the inputs, in their order
 *   records   record │ record │ record …                        copied with their rows from runs; of L0s read from
 *                                                               wherever they lie, and put in order, then checked
 * ```
 *
 * W1  A record is checked by its checksum, its key and its LSN before it is handed on, or with the run that it is in. A
 *     copy differs from it in its checksum alone, which is that of the output's file then.
 *
 * @module
 */

import { copyBytes, CorruptionError, maxKeyBytes } from "../../../base/mod.ts";
import { dropMemory } from "../../../io/mod.ts";
import {
  checkRecord,
  isSameSpan,
  lengthInRun,
  lsnInRun,
  type RecordFile,
  recordHeaderBytes,
  VersionBlock,
} from "../../../layer/mod.ts";
import { type Objects, RangeRead } from "../../../objects/mod.ts";
import { placed, ScatteredRecords } from "../../scattered_records.ts";

/** How much a window takes. */
export interface WindowLimits {
  /** Bytes of records, if it is more than one. */
  readonly bytes: number;
  /** Rows. */
  readonly rows: number;
}

/** How much a window takes unless it is told otherwise. */
export const windowLimits: WindowLimits = { bytes: 32 * 1024 * 1024, rows: 1 << 19 };

/** Records that are checked between two looks at the clock. */
const stepRows = 1 << 12;

/** A window of a merge. Its memory serves for the next one too, of this merge or of another. */
export class MergeWindow {
  /** The rows; their offsets are where records will stand in the output. */
  readonly rows: VersionBlock = new VersionBlock();
  readonly #limits: WindowLimits;
  /** The files that records lie in, and the number of each. */
  #files: RecordFile[] = [];
  readonly #numbers = new Map<RecordFile, number>();
  /** By row: where its record lies in its file, and which that is. */
  #from = new Float64Array(0);
  #source = new Int32Array(0);
  /** Whether all records came with their rows. */
  #isPlaced = true;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #base = 0;
  #end = 0;
  #seed = 0;
  /** The key and the LSN of the last row before it was emptied. */
  readonly #lastKey = new Uint8Array(maxKeyBytes);
  #lastKeyLength = -1;
  #lastLsn = 0;

  /** Starts empty. */
  constructor(limits: WindowLimits = windowLimits) {
    this.#limits = limits;
  }

  /**
   * Empties it.
   *
   * @param base Where its first record will stand in the output.
   * @param seed The seed of the output's checksums.
   */
  restart(base: number, seed: number): void {
    this.#rememberLast();
    this.rows.count = 0;
    this.#files = [];
    this.#numbers.clear();
    this.#isPlaced = true;
    this.#base = base;
    this.#end = 0;
    this.#seed = seed;
  }

  /** How many rows there are. */
  get count(): number {
    return this.rows.count;
  }

  /** How many bytes their records have. */
  get byteLength(): number {
    return this.#end;
  }

  /** The memory that it holds, used or not, in bytes. */
  get heldBytes(): number {
    return this.#bytes.byteLength + this.#from.byteLength + this.#source.byteLength + this.rows.byteLength;
  }

  /** Whether it takes a row with a record of so many bytes; of a chain that goes on it takes up to twice as much. */
  fits(length: number, isChain = false): boolean {
    const { rows: { count } } = this, { bytes, rows } = this.#limits, times = isChain ? 2 : 1;
    return count === 0 || count < rows * times && this.#end + length <= bytes * times;
  }

  /** Whether its first row is of the key with which the window before it ended. */
  get goesOn(): boolean {
    const { bytes, keyStart, keyLength } = this.rows, length = this.#lastKeyLength;
    return keyLength[0] === length && isSameSpan(this.#lastKey, 0, bytes, keyStart[0], length);
  }

  /** Whether it takes what a window takes unless it is told otherwise, and no more memory than that needs. */
  get isUsual(): boolean {
    const { bytes, rows } = windowLimits;
    return this.#limits === windowLimits && this.#bytes.length <= bytes && this.rows.lsn.length <= rows;
  }

  /** Forgets what it was used for: the next row is the first of another merge. */
  forget(): void {
    this.rows.count = 0;
    this.#lastKeyLength = -1;
    this.#files = [];
    this.#numbers.clear();
  }

  /** Gives its memory up. It is not used any more. */
  end(): void {
    const { bytes, keyStart, keyLength, lsn, offset, length, flags } = this.rows;
    dropMemory(this.#bytes, this.#from, this.#source);
    dropMemory(bytes, keyStart, keyLength, lsn, offset, length, flags);
  }

  #rememberLast(): void {
    const { rows } = this, last = rows.count - 1;
    if (last < 0) return;
    this.#lastLsn = rows.lsn[last];
    const start = rows.keyStart[last], length = this.#lastKeyLength = rows.keyLength[last];
    this.#lastKey.set(rows.bytes.subarray(start, start + length));
  }

  /** Whether a row has the key and the LSN of the one before it, be that in the window before this one. */
  isLast(block: VersionBlock, row: number): boolean {
    const { count, lsn } = this.rows;
    return block.lsn[row] === (count > 0 ? lsn[count - 1] : this.#lastLsn) && this.hasLastKey(block, row);
  }

  /** Whether a row has the key of the one before it, be that in the window before this one. */
  hasLastKey({ bytes, keyStart, keyLength }: VersionBlock, row: number): boolean {
    const { rows } = this, last = rows.count - 1, length = keyLength[row];
    if (last < 0) {
      return this.#lastKeyLength === length && isSameSpan(this.#lastKey, 0, bytes, keyStart[row], length);
    }
    return rows.keyLength[last] === length &&
      isSameSpan(rows.bytes, rows.keyStart[last], bytes, keyStart[row], length);
  }

  /** Adds a row, whose record lies in a file. */
  add(block: VersionBlock, row: number, file: RecordFile): void {
    const { rows } = this, at = rows.count;
    const keyAt = at === 0 ? 0 : rows.keyStart[at - 1] + rows.keyLength[at - 1];
    const start = block.keyStart[row], keyLength = block.keyLength[row];
    rows.reserve(at + 1, keyAt + keyLength);
    copyBytes(block.view, start, rows.view, keyAt, keyLength);
    rows.keyStart[at] = keyAt;
    rows.keyLength[at] = keyLength;
    rows.lsn[at] = block.lsn[row];
    rows.length[at] = block.length[row];
    rows.flags[at] = block.flags[row];
    rows.offset[at] = this.#base + this.#end;
    if (at >= this.#from.length) {
      const larger = new Float64Array(rows.lsn.length);
      larger.set(this.#from);
      this.#from = larger;
      const sources = new Int32Array(rows.lsn.length);
      sources.set(this.#source);
      this.#source = sources;
    }
    if (block.hasRecords) {
      this.#copy(block, row, file.seed);
      this.#from[at] = placed;
    } else {
      this.#from[at] = block.offset[row];
      this.#source[at] = this.#numbers.get(file) ?? this.#number(file);
      this.#isPlaced = false;
    }
    this.#end += block.length[row];
    rows.count++;
  }

  #number(file: RecordFile): number {
    const number = this.#files.push(file) - 1;
    this.#numbers.set(file, number);
    return number;
  }

  /** Copies a record that came with its row. */
  #copy({ view, keyStart, length }: VersionBlock, row: number, seed: number): void {
    const from = keyStart[row] - recordHeaderBytes, to = this.#end, count = length[row];
    this.#makeRoom(to + count);
    const own = this.#view;
    copyBytes(view, from, own, to, count);
    own.setUint32(to, own.getUint32(to, true) ^ seed ^ this.#seed, true);
  }

  #makeRoom(end: number): void {
    const bytes = this.#bytes;
    if (end <= bytes.length) return;
    this.#bytes = new Uint8Array(Math.max(this.#limits.bytes, end));
    this.#bytes.set(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * Reads the records.
   *
   * @param objects Where the inputs lie.
   * @param check Throws if the merge must stop.
   * @returns The records in their order, valid until the window is used again.
   * @throws {CorruptionError} If a record is damaged.
   * @throws {IoError} If one cannot be read.
   */
  async read(objects: Objects, check: () => void): Promise<Uint8Array<ArrayBuffer>> {
    this.#makeRoom(this.#end);
    if (!this.#isPlaced) await this.#readScattered(objects, check);
    return this.#bytes.subarray(0, this.#end);
  }

  /** Reads what lies in files, and checks it where it stands. */
  async #readScattered(objects: Objects, check: () => void): Promise<void> {
    const { turns } = objects.host, { rows } = this;
    const scattered = new ScatteredRecords({
      rows,
      base: this.#base,
      view: this.#view,
      from: this.#from,
      source: this.#source,
      files: this.#files,
    });
    for (const _ of scattered.plan()) if (turns.due()) await turns.turn();
    const read = new RangeRead(objects, scattered, scattered, "stretches");
    try {
      while (!read.done && scattered.error === undefined) {
        check();
        await read.step();
        if (turns.due()) await turns.turn();
      }
    } finally {
      await read.cancel();
      scattered.end();
    }
    if (scattered.error !== undefined) throw scattered.error;
    for (let row = 0; row < rows.count; row += stepRows) {
      this.#checkRows(row, Math.min(rows.count, row + stepRows));
      if (turns.due()) await turns.turn();
    }
  }

  /** Checks records that were read, and binds them to the output (W1). Hot: `bench/upkeep.ts`. */
  #checkRows(from: number, to: number): void {
    const { rows } = this, bytes = this.#bytes, view = this.#view;
    for (let row = from; row < to; row++) {
      if (this.#from[row] === placed) continue;
      const at = rows.offset[row] - this.#base, length = rows.length[row], keyLength = rows.keyLength[row];
      const { seed } = this.#files[this.#source[row]];
      if (!checkRecord(bytes, view, at, length, seed)) {
        throw this.#corruption(row, "a record that checks", "one that does not");
      }
      const isIt = lengthInRun(bytes, at, at + length) === length && lsnInRun(bytes, at) === rows.lsn[row] &&
        (bytes[at + 6] | bytes[at + 7] << 8) === keyLength &&
        isSameSpan(rows.bytes, rows.keyStart[row], bytes, at + recordHeaderBytes, keyLength);
      if (!isIt) throw this.#corruption(row, "the record of this key and LSN", "another");
      view.setUint32(at, view.getUint32(at, true) ^ seed ^ this.#seed, true);
    }
  }

  #corruption(row: number, expected: string, found: string): CorruptionError {
    const lsn = this.rows.lsn[row];
    return new CorruptionError({
      path: this.#files[this.#source[row]].object.path,
      offset: this.#from[row],
      expected: `${expected} at LSN ${lsn}`,
      found,
    });
  }
}
