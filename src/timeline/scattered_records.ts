/**
 * Records that lie all over their files: which stretches are read for them, and where each of them goes. They are dealt
 * out by where they begin, and not sorted.
 *
 * ```
 *   rows       3 │ 0 │ 2 │ 5 │ 1 │ 4 │ …                  in the order of keys
 *   buckets    3   0 │   2     │ 5   1 │     │   4 │ …    16 KiB of a file each
 *   stretches  └───────────────────────┘     └─────┘      neighbouring buckets, up to 1000 KiB, are read at once
 * ```
 *
 * Each record lies in one stretch, whole, and goes to its place when that comes.
 *
 * @module
 */

import { copyBytes } from "../base/mod.ts";
import { dropMemory } from "../io/mod.ts";
import type { RecordFile, VersionBlock } from "../layer/mod.ts";
import type { RangeSink, RangeWants, StoredObject } from "../objects/mod.ts";

/** Stands for where a record lies that is at its place already. */
export const placed = -1;

/** Bytes of a file of which it is not asked what lies between records. */
const bucketBytes = 16 * 1024;
/** The longest stretch of more than one bucket: with what widens it to whole sectors it is read at once. */
const mostStretchBytes = 1000 * 1024;
/** Rows that are dealt out between two yields. */
const stepRows = 1 << 14;

/** Records, by row, and where they go. */
export interface ScatteredRows {
  /** Their lengths, and their offsets in the output. */
  readonly rows: VersionBlock;
  /** The offset in the output of the first byte of {@linkcode view}. */
  readonly base: number;
  /** Where they go. */
  readonly view: DataView;
  /** By row: where its record lies in its file, or {@linkcode placed}. */
  readonly from: Float64Array;
  /** By row: which of {@linkcode files} that is. */
  readonly source: Int32Array;
  /** The files. */
  readonly files: readonly RecordFile[];
}

/** Tells what to read, and copies what came. */
export class ScatteredRecords implements RangeWants, RangeSink {
  /** Why something could not be read. */
  error: Error | undefined;
  readonly #given: ScatteredRows;
  /** By bucket: where its records begin among those that were dealt out. */
  #starts = new Uint32Array(0);
  /** By file: its first bucket, and the number in the file of that. */
  readonly #firstBucket: number[] = [];
  readonly #firstNumber: number[] = [];
  /** What was dealt out: where records lie, how long they are, where they go. */
  #from = new Float64Array(0);
  #length = new Uint32Array(0);
  #to = new Uint32Array(0);
  /** By stretch: its file, its range of that, and the first of its records. */
  readonly #files: RecordFile[] = [];
  readonly #offsets: number[] = [];
  readonly #ends: number[] = [];
  readonly #firsts: number[] = [];

  /** Plans nothing yet. */
  constructor(given: ScatteredRows) {
    this.#given = given;
  }

  /** Deals records out, and yields now and then. Hot: `bench/upkeep.ts`. */
  *plan(): Generator<void, void> {
    yield* this.#count();
    const count = this.#starts.length === 0 ? 0 : this.#starts[this.#starts.length - 1];
    this.#from = new Float64Array(count);
    this.#length = new Uint32Array(count);
    this.#to = new Uint32Array(count);
    yield* this.#deal();
    for (let file = 0; file < this.#given.files.length; file++) {
      this.#addStretches(file);
      yield;
    }
    this.#firsts.push(count);
  }

  /** Counts the records of each bucket. */
  *#count(): Generator<void, void> {
    const { rows, from, source, files } = this.#given;
    const least = new Float64Array(files.length).fill(Infinity),
      most = new Float64Array(files.length).fill(-1);
    for (let row = 0; row < rows.count; row++) {
      const at = from[row], file = source[row];
      if (at === placed) continue;
      if (at < least[file]) least[file] = at;
      if (at > most[file]) most[file] = at;
    }
    let buckets = 0;
    for (let file = 0; file < files.length; file++) {
      this.#firstBucket.push(buckets);
      this.#firstNumber.push(Math.floor(least[file] / bucketBytes));
      if (most[file] >= 0) buckets += Math.floor(most[file] / bucketBytes) - this.#firstNumber[file] + 1;
    }
    this.#firstBucket.push(buckets);
    // One place ahead, so that dealing out moves each start to where the next bucket begins.
    const starts = this.#starts = new Uint32Array(buckets + 2);
    yield;
    for (let row = 0; row < rows.count;) {
      const end = Math.min(rows.count, row + stepRows);
      for (; row < end; row++) if (from[row] !== placed) starts[this.#bucketOf(source[row], from[row]) + 2]++;
      yield;
    }
    for (let bucket = 2; bucket < starts.length; bucket++) starts[bucket] += starts[bucket - 1];
  }

  #bucketOf(file: number, at: number): number {
    return this.#firstBucket[file] + Math.floor(at / bucketBytes) - this.#firstNumber[file];
  }

  /** Puts records side by side that begin in one bucket. */
  *#deal(): Generator<void, void> {
    const { rows: { count, length, offset }, base, from, source } = this.#given, starts = this.#starts;
    for (let row = 0; row < count;) {
      const end = Math.min(count, row + stepRows);
      for (; row < end; row++) {
        const at = from[row];
        if (at === placed) continue;
        const to = starts[this.#bucketOf(source[row], at) + 1]++;
        this.#from[to] = at;
        this.#length[to] = length[row];
        this.#to[to] = offset[row] - base;
      }
      yield;
    }
  }

  /** Joins buckets of a file. */
  #addStretches(file: number): void {
    const starts = this.#starts;
    let last = -1;
    for (let bucket = this.#firstBucket[file]; bucket < this.#firstBucket[file + 1]; bucket++) {
      const first = starts[bucket], behind = starts[bucket + 1];
      if (first === behind) continue;
      let start = Infinity, end = 0;
      for (let i = first; i < behind; i++) {
        if (this.#from[i] < start) start = this.#from[i];
        if (this.#from[i] + this.#length[i] > end) end = this.#from[i] + this.#length[i];
      }
      const isNear = last >= 0 && start - this.#ends[last] <= bucketBytes &&
        end - this.#offsets[last] <= mostStretchBytes;
      if (isNear) this.#ends[last] = end;
      else {
        last = this.#files.push(this.#given.files[file]) - 1;
        this.#offsets.push(start);
        this.#ends.push(end);
        this.#firsts.push(first);
      }
    }
  }

  /** See {@linkcode RangeWants.count}: how many stretches there are. */
  get count(): number {
    return this.#files.length;
  }

  /** See {@linkcode RangeWants.objectOf}. */
  objectOf(stretch: number): StoredObject {
    return this.#files[stretch].object;
  }

  /** See {@linkcode RangeWants.offsetOf}. */
  offsetOf(stretch: number): number {
    return this.#offsets[stretch];
  }

  /** See {@linkcode RangeWants.lengthOf}. */
  lengthOf(stretch: number): number {
    return this.#ends[stretch] - this.#offsets[stretch];
  }

  /** Copies the records of a stretch to their places. */
  accept(stretch: number, _bytes: Uint8Array, view: DataView, at: number): void {
    const target = this.#given.view, shift = at - this.#offsets[stretch];
    for (let i = this.#firsts[stretch]; i < this.#firsts[stretch + 1]; i++) {
      copyBytes(view, this.#from[i] + shift, target, this.#to[i], this.#length[i]);
    }
  }

  /** Gives up what was planned: nothing is read any more. */
  end(): void {
    dropMemory(this.#starts, this.#from, this.#length, this.#to);
  }

  /** Takes note that a stretch cannot be had. */
  fail(_stretch: number, error: Error): void {
    this.error ??= error;
  }
}
