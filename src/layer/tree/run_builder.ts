/**
 * Cutting the records of a sorted layer into runs, and making the slots that lead to them.
 *
 * @module
 */

import { copyBytes, crc32, maxKeyBytes, viewOf } from "../../base/mod.ts";
import { runFlag } from "../formats/page_format.ts";
import { boundLength, mostRunBytes, RunHeads } from "../formats/run_format.ts";
import { VersionBlock } from "../version_cursor.ts";

/** Slots that are handed on at once. */
const mostSlots = 256;

/** Makes slots of records that lie side by side. A run ends before the record with which it would be too long. */
export class RunBuilder {
  readonly #take: (slots: VersionBlock, from: number, to: number) => void;
  readonly #slots = new VersionBlock(mostSlots, mostSlots * 32);
  readonly #columns = this.#slots.withSums();
  readonly #heads = new RunHeads();
  /** The key of the record in front of the run, once there is another one, and that of the first one of the run. */
  readonly #last = new Uint8Array(maxKeyBytes);
  readonly #lastView = viewOf(this.#last);
  readonly #first = new Uint8Array(maxKeyBytes);
  #lastLength = 0;
  #firstLength = 0;
  #firstLsn = 0;
  #firstFlags = 0;
  /** How much of the first key its slot has, and at which LSN. */
  #bound = 0;
  #boundLsn = 0;
  /** Where the run starts and ends in the file, and how many records it has. */
  #start = 0;
  #end = 0;
  #count = 0;
  /** The checksum of its bytes up to an offset. */
  #sum = 0;
  #summed = 0;

  /**
   * Starts without a record.
   *
   * @param take Takes slots `[from, to)` of a block, which it must not keep.
   */
  constructor(take: (slots: VersionBlock, from: number, to: number) => void) {
    this.#take = take;
  }

  /**
   * Adds records. Hot: `bench/merge_bench.ts`.
   *
   * @param block Rows that stand behind those before them.
   * @param from The first row.
   * @param to The row after the last one.
   * @param records The records of these rows, among others.
   * @param base Where `records` starts in the file.
   */
  add(block: VersionBlock, from: number, to: number, records: Uint8Array, base: number): void {
    const { keyLength, length, offset } = block, view = viewOf(records);
    for (let row = from; row < to; row++) {
      if (this.#count > 0 && this.#end - this.#start + length[row] > mostRunBytes) {
        if (row > from) this.#remember(block, row - 1);
        this.#close(records, base);
      }
      if (this.#count === 0) this.#begin(block, row);
      this.#count++;
      this.#end = offset[row] + length[row];
      // One that is longer is alone in its run, which then is none (N1).
      if (length[row] <= mostRunBytes) this.#heads.add(view, offset[row] - base, keyLength[row]);
    }
    if (from < to) this.#remember(block, to - 1);
    this.#sumTo(this.#end, records, base);
  }

  /** Keeps the key of a row, which is the last of its run, or the last that there is for now. */
  #remember({ keyStart, keyLength, view }: VersionBlock, row: number): void {
    copyBytes(view, keyStart[row], this.#lastView, 0, this.#lastLength = keyLength[row]);
  }

  /** Ends the last run, and hands on what is left. */
  finish(): void {
    if (this.#count > 0) this.#close(new Uint8Array(0), 0);
    this.#handOn();
  }

  #begin(block: VersionBlock, row: number): void {
    const start = block.keyStart[row], length = this.#firstLength = block.keyLength[row];
    for (let i = 0; i < length; i++) this.#first[i] = block.bytes[start + i];
    this.#firstLsn = block.lsn[row];
    this.#firstFlags = block.flags[row];
    this.#bound = boundLength(this.#last, this.#lastLength, this.#first, 0, length);
    this.#boundLsn = 0;
    if (this.#bound > length) {
      // It is another version of the key before it.
      this.#bound = length;
      this.#boundLsn = this.#firstLsn;
    }
    this.#start = this.#end = this.#summed = block.offset[row];
    this.#sum = 0;
    this.#heads.clear();
  }

  /** Sums the bytes of the run that are at hand, unless it is of one record that is too long. */
  #sumTo(end: number, records: Uint8Array, base: number): void {
    if (this.#summed >= end || end - this.#start > mostRunBytes) return;
    this.#sum = crc32(records.subarray(this.#summed - base, end - base), this.#sum);
    this.#summed = end;
  }

  #close(records: Uint8Array, base: number): void {
    this.#sumTo(this.#end, records, base);
    const isAlone = this.#count === 1, slots = this.#slots, at = slots.count;
    const keyLength = isAlone ? this.#firstLength : this.#bound;
    const keyAt = at === 0 ? 0 : slots.keyStart[at - 1] + slots.keyLength[at - 1];
    slots.reserve(at + 1, keyAt + keyLength);
    for (let i = 0; i < keyLength; i++) slots.bytes[keyAt + i] = this.#first[i];
    slots.keyStart[at] = keyAt;
    slots.keyLength[at] = keyLength;
    slots.lsn[at] = isAlone ? this.#firstLsn : this.#boundLsn;
    slots.offset[at] = this.#start;
    slots.length[at] = this.#end - this.#start;
    slots.flags[at] = isAlone ? this.#firstFlags : runFlag;
    this.#columns.sum[at] = isAlone ? 0 : this.#sum;
    this.#columns.headSum[at] = isAlone ? 0 : this.#heads.sum();
    this.#count = 0;
    if (++slots.count === mostSlots) this.#handOn();
  }

  #handOn(): void {
    const slots = this.#slots;
    if (slots.count > 0) this.#take(slots, 0, slots.count);
    slots.count = 0;
  }
}
