/**
 * The runs that slots of a leaf lead to, read in pieces of many that lie side by side, and their records as rows.
 *
 * ```
 *   slots   run 4 │ run 5 │ run 6 │ a record alone │ run 8 …
 *           └── a stretch ───────┘                   └── another one
 *   rows    key, LSN, flags, place of every record; keys and values lie in the memory of the stretch
 * ```
 *
 * @module
 */

import { crc32 } from "../../base/mod.ts";
import { runFlag } from "../formats/page_format.ts";
import { recordHeaderBytes } from "../formats/record_format.ts";
import { areHeadsIntact, flagsOfKind, lengthInRun, lsnInRun } from "../formats/run_format.ts";
import { contradiction, damagedRun, type StoredLayer } from "../layer.ts";
import { type PageSource, VersionBlock } from "../version_cursor.ts";

/** How much is read in one piece: one run at first, then so much, and four times as much each time up to the most. */
const secondStretchBytes = 16 * 1024, mostStretchBytes = 240 * 1024;
/** How many pieces are read at once when they are as long as they get. */
const stretchesAhead = 4;

/** The runs of a cursor, leaf by leaf. */
export class Stretches {
  /** The rows that were loaded last. */
  readonly rows: VersionBlock = new VersionBlock();
  readonly #layer: StoredLayer;
  readonly #slots: VersionBlock;
  readonly #reverse: boolean;
  #leaf = 0;
  #slotsEnd = 0;
  #stretchBytes = 0;
  /** Whether no run was taken yet. The first may be at hand, and is asked for by its checksum. */
  #isFirst = true;
  /** The slots that stretches end with which were asked for, in the order of the walk. */
  #ends: number[] = [];
  /** The stretch that is walked: its bytes, where they start in the file, and the slot after its last one. */
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #base = 0;
  #end = 0;
  /** The stretch that was loaded last, whose rows are walked as long as no other one is. */
  #loaded: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Starts without a leaf.
   *
   * @param layer The layer.
   * @param slots Where the slots of a leaf stand, in the order of the walk.
   * @param reverse Whether the last record of a run becomes the first row.
   */
  constructor(layer: StoredLayer, slots: VersionBlock, reverse: boolean) {
    this.#layer = layer;
    this.#slots = slots;
    this.#reverse = reverse;
  }

  /** Takes note of another leaf, whose slots `[slot, slotsEnd)` count. */
  enter(leaf: number, slot: number, slotsEnd: number): void {
    this.#leaf = leaf;
    this.#end = slot;
    this.#slotsEnd = slotsEnd;
    this.#ends = [];
    this.#bytes = undefined;
  }

  /** Whether everything that slots of the leaf lead to was asked for. */
  get isAllWanted(): boolean {
    return this.#nextUnwanted(this.#ends.at(-1) ?? this.#end) >= this.#slotsEnd;
  }

  /**
   * Loads rows.
   *
   * @param slot The next slot, which leads to a run.
   * @param pages Where stretches are found.
   * @returns The slot after those whose rows were loaded; −1 if bytes are needed.
   * @throws {CorruptionError} If keys of the first run are damaged.
   */
  load(slot: number, pages: PageSource): number {
    if (this.#bytes === undefined) {
      if (this.#ends.length === 0) this.#want(slot, pages);
      const end = this.#ends[0], base = this.#baseOf(slot, end);
      const bytes = this.#take(slot, end, base, pages);
      if (bytes === undefined) return -1;
      if (this.#loaded !== undefined) pages.giveBack?.(this.#loaded);
      this.#ends.shift();
      this.#isFirst = false;
      this.#loaded = this.#bytes = bytes;
      this.#base = base;
      this.#end = end;
    }
    const next = this.#loadRuns(slot, this.#bytes);
    if (next === this.#end) this.#bytes = undefined;
    return next;
  }

  /** Asks for stretches behind a slot, if few are on their way. */
  readAhead(slot: number, pages: PageSource): void {
    if (this.#ends.length > this.#most >> 1) return;
    this.#want(this.#ends.at(-1) ?? (this.#bytes === undefined ? slot : this.#end), pages);
  }

  get #most(): number {
    return this.#stretchBytes < mostStretchBytes ? 1 : stretchesAhead;
  }

  #want(from: number, pages: PageSource): void {
    const { object } = this.#layer, { offset, length } = this.#slots;
    for (let slot = this.#nextUnwanted(from); slot < this.#slotsEnd; slot = this.#nextUnwanted(slot)) {
      const end = this.#stretchEnd(slot), base = this.#baseOf(slot, end);
      this.#ends.push(end);
      const last = this.#reverse ? slot : end - 1;
      if (this.#stretchBytes > 0) pages.wantRange(object, base, offset[last] + length[last] - base);
      this.#stretchBytes = Math.min(mostStretchBytes, Math.max(secondStretchBytes, this.#stretchBytes * 4));
      if (this.#ends.length >= this.#most) break;
      slot = end;
    }
  }

  /** The next slot, from one on, that leads to a run. */
  #nextUnwanted(from: number): number {
    const { flags } = this.#slots;
    let slot = from;
    while (slot < this.#slotsEnd && flags[slot] !== runFlag) slot++;
    return slot;
  }

  /** The slot after the last whose run lies beside those before it, as long as a stretch is not too long. */
  #stretchEnd(from: number): number {
    const { offset, length, flags } = this.#slots, step = this.#reverse ? -1 : 1;
    let bytes = length[from], to = from + 1;
    for (; to < this.#slotsEnd && flags[to] === runFlag && bytes + length[to] <= this.#stretchBytes; to++) {
      const [low, high] = step > 0 ? [to - 1, to] : [to, to - 1];
      if (offset[low] + length[low] !== offset[high]) break;
      bytes += length[to];
    }
    return to;
  }

  #baseOf(slot: number, end: number): number {
    return this.#slots.offset[this.#reverse ? end - 1 : slot];
  }

  #take(slot: number, end: number, base: number, pages: PageSource): Uint8Array<ArrayBuffer> | undefined {
    const { object } = this.#layer, { offset, length, sum } = this.#slots;
    const last = this.#reverse ? slot : end - 1, byteLength = offset[last] + length[last] - base;
    if (!this.#isFirst) return pages.takeRange(object, base, byteLength);
    const lent = pages.getRange(object, base, byteLength, sum?.[slot] ?? 0);
    return lent?.bytes.slice(lent.at, lent.at + byteLength);
  }

  /**
   * Reads the records of the stretch up to the first run that does not check, or that one alone. Of a run of which only
   * values are damaged, rows say where records lie, and have none of them.
   */
  #loadRuns(from: number, bytes: Uint8Array<ArrayBuffer>): number {
    const { rows } = this, slots = this.#slots, layer = this.#layer;
    rows.count = 0;
    rows.bytes = bytes;
    rows.hasRecords = true;
    for (let slot = from; slot < this.#end; slot++) {
      const start = slots.offset[slot] - this.#base, end = start + slots.length[slot];
      const isIntact = crc32(bytes.subarray(start, end)) === (slots.sum?.[slot] ?? 0);
      if (!isIntact) {
        // Those before it come first, with their records.
        if (slot > from) return slot;
        if (!areHeadsIntact(bytes, start, end, slots.headSum?.[slot] ?? 0)) {
          throw damagedRun(layer, slots.offset[slot]);
        }
        rows.hasRecords = false;
      }
      if (!this.#addRun(bytes, start, end)) throw contradiction(layer, this.#leaf, "runs of records");
      if (!isIntact) return slot + 1;
    }
    return this.#end;
  }

  /** Adds the records `[start, end)` as rows; whether they follow each other as they should. Hot: `bench/read.ts`. */
  #addRun(bytes: Uint8Array, start: number, end: number): boolean {
    const { rows } = this, first = rows.count;
    let row = first;
    for (let at = start, length = 0; at < end; at += length, row++) {
      length = lengthInRun(bytes, at, end);
      if (length === 0) return false;
      if (row >= rows.lsn.length) rows.reserve(row + 1, 0);
      rows.keyStart[row] = at + recordHeaderBytes;
      rows.keyLength[row] = bytes[at + 6] | bytes[at + 7] << 8;
      rows.lsn[row] = lsnInRun(bytes, at);
      rows.offset[row] = this.#base + at;
      rows.length[row] = length;
      rows.flags[row] = flagsOfKind(bytes[at + 4]);
    }
    rows.count = row;
    if (this.#reverse) turnAround(rows, first, row);
    return true;
  }
}

function turnAround(rows: VersionBlock, from: number, to: number): void {
  const { keyStart, keyLength, lsn, offset, length, flags } = rows;
  for (const column of [keyStart, keyLength, lsn, offset, length, flags]) column.subarray(from, to).reverse();
}
