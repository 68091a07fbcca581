/**
 * Checking the values of a sorted layer against its index: every slot leads to its record or its run of records, every
 * record is led to, and all of them are in order.
 *
 * ```
 *   values   │ a1 │ b1 │ ░░ │ c2 ║ c3 │ d1 │ pad │      slots in the order of offsets:  run a1 … c2, run c3 … d1
 *                        └ gap: what is lost is told by the heads of the run, where these are whole
 * ```
 *
 * @module
 */

import {
  blockBytes,
  compareKeys,
  CorruptionError,
  crc32,
  type IoError,
  type Lsn,
  viewOf,
} from "../../../base/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import { hashKey } from "../../formats/key_hash.ts";
import { runFlag } from "../../formats/page_format.ts";
import {
  isCompressedAt,
  type RecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../../formats/record_format.ts";
import { boundLength, flagsOfKind, RunHeads } from "../../formats/run_format.ts";
import type { StoredLayer } from "../../layer.ts";
import { rowKey, type VersionBlock } from "../../version_cursor.ts";
import type { CheckedIndex } from "../check_index.ts";
import { type Inspector, Loss } from "../finding.ts";
import { CompressedCheck } from "./compressed_check.ts";
import { lostRecords } from "./lost_records.ts";
import { type RecordSink, RecordWalk } from "../record_walk.ts";
import { fingerprint, type Stretch, stretchesOf } from "../slots.ts";
import { type Stray, ValuesBesideIndex } from "../values_beside_index.ts";

/** Bytes that hold no record that checks. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly error: CorruptionError | IoError;
  readonly loss: Loss;
  /** The keys of the records around it; `undefined` at the ends. */
  readonly after: Uint8Array | undefined;
  before: Uint8Array | undefined;
}

/**
 * Checks the values of a sorted layer, and counts them into the tally of its index.
 *
 * @param objects Where it lies.
 * @param layer The layer, described as it is found to be.
 * @param index Its index, checked.
 * @param inspector Who is told.
 * @returns Whether every record was counted.
 */
export async function checkSortedValues(
  objects: Objects,
  layer: StoredLayer,
  index: CheckedIndex,
  inspector: Inspector,
): Promise<boolean> {
  return await new SortedCheck(objects, layer, index, inspector).run();
}

/** Slots that lead into a stretch, in the order of their offsets. */
class SlotColumns {
  readonly offset: number[] = [];
  readonly end: number[] = [];
  readonly flags: number[] = [];
  readonly sum: number[] = [];
  readonly headSum: number[] = [];
  /** What tells the key and the LSN, and of a record alone its length and its flags. */
  readonly print: number[] = [];

  add(block: VersionBlock, row: number): void {
    const flags = block.flags[row], isRun = flags === runFlag, length = block.length[row];
    const hash = hashKey(block.bytes, block.keyStart[row], block.keyLength[row]);
    this.offset.push(block.offset[row]);
    this.end.push(block.offset[row] + length);
    this.flags.push(flags);
    this.sum.push(block.sum?.[row] ?? 0);
    this.headSum.push(block.headSum?.[row] ?? 0);
    this.print.push(fingerprint(hash, block.lsn[row], isRun ? 0 : length, isRun ? 0 : flags));
  }

  /** The first that leads to an offset or behind it. */
  firstFrom(offset: number): number {
    let low = 0, high = this.offset.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.offset[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops those before one. */
  dropBefore(slot: number): void {
    for (const column of [this.offset, this.end, this.flags, this.sum, this.headSum, this.print]) {
      column.splice(0, slot);
    }
  }
}

class SortedCheck implements RecordSink {
  readonly #objects: Objects;
  readonly #layer: StoredLayer;
  readonly #index: CheckedIndex;
  readonly #inspector: Inspector;
  readonly #values: ValuesBesideIndex;
  readonly #slots = new SlotColumns();
  /** The slot that the next record should be led to by, or whose run it should be in. */
  #slot = 0;
  /** Of the run of that slot: its bytes as they were met without a gap, and how far. */
  readonly #heads = new RunHeads();
  #sum = 0;
  #reached = 0;
  readonly #gaps: Gap[] = [];
  /** Offsets outside of gaps that slots lead to and where what they speak of is not. */
  readonly #misled = new Set<number>();
  /** The last record that was met, if no gap is behind it. */
  #lastKey: Uint8Array | undefined;
  #lastLsn: Lsn = 0;
  #isBehindGap = false;
  readonly #compressed: CompressedCheck;

  constructor(objects: Objects, layer: StoredLayer, index: CheckedIndex, inspector: Inspector) {
    this.#objects = objects;
    this.#layer = layer;
    this.#index = index;
    this.#inspector = inspector;
    this.#values = new ValuesBesideIndex(objects, layer, index, inspector);
    this.#compressed = new CompressedCheck(layer.object.path, inspector);
  }

  async run(): Promise<boolean> {
    if (!this.#values.admitsSlots()) return false;
    const { description: { valuesEnd, fileId, firstLsn, lastLsn } } = this.#layer;
    const { lostLeaves, slotsByRegion, filter } = this.#index, isWhole = lostLeaves.length === 0;
    const area = { start: blockBytes, end: valuesEnd, fileId, firstLsn, lastLsn, isOrdered: false };
    const known = isWhole ? (offset: number) => this.#slots.offset[this.#slots.firstFrom(offset)] : undefined;
    const walk = new RecordWalk({ ...area, known }, this);
    for (const stretch of stretchesOf(slotsByRegion, valuesEnd)) {
      await this.#gather(stretch);
      await this.#values.read(walk, stretch, () => this.#compressed.settle());
    }
    walk.finish();
    this.#passTo(valuesEnd);
    filter.finish(this.#inspector);
    await this.#reportMisled();
    await this.#reportGaps();
    this.#values.tellLostLeaves();
    return isWhole && this.#gaps.length === 0;
  }

  /** Gathers the slots that lead into a stretch; the run of the last one before may go on in it. */
  async #gather({ start, end }: Stretch): Promise<void> {
    this.#slots.dropBefore(this.#slot);
    this.#slot = 0;
    await this.#values.readLeaves((block) => {
      for (let row = 0; row < block.count; row++) {
        if (block.offset[row] >= start && block.offset[row] < end) this.#slots.add(block, row);
      }
    });
  }

  /** See {@linkcode RecordSink.record}. */
  record(header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, at: number, offset: number): void {
    const { lsn, keyLength, valueLength } = header, length = recordHeaderBytes + keyLength + valueLength;
    const key = bytes.slice(at + recordHeaderBytes, at + recordHeaderBytes + keyLength);
    const gap = this.#gaps.at(-1);
    if (this.#isBehindGap && gap !== undefined) gap.before = key;
    this.#checkOrder(key, lsn, offset, length);
    this.#passTo(offset);
    const slot = this.#slot, slots = this.#slots;
    if (slot >= slots.offset.length || slots.offset[slot] > offset) this.#stray({ key, lsn, offset, length });
    else if (slots.flags[slot] === runFlag) this.#inRun(header, key, bytes, at, offset);
    else this.#alone(header, key, offset, length);
    this.#count(header, key);
    if (isCompressedAt(bytes, at)) this.#compressed.add(key, lsn, bytes, at, offset, length);
    this.#lastKey = key;
    this.#lastLsn = lsn;
    this.#isBehindGap = false;
  }

  /** Checks that records increase by (key, LSN) (N2). */
  #checkOrder(key: Uint8Array, lsn: Lsn, offset: number, length: number): void {
    const last = this.#lastKey;
    if (last === undefined || (compareKeys(key, last) || lsn - this.#lastLsn) > 0) return;
    const { object: { path } } = this.#layer, expected = "records in the order of their keys";
    const error = new CorruptionError({ path, offset, expected, found: "one that is out of order" });
    const keys = { first: key, last: key, versions: 1 };
    this.#inspector.found({ error, offset, length, keys, lsns: { first: lsn, last: lsn } });
  }

  #alone({ lsn, kind }: RecordHeader, key: Uint8Array, offset: number, length: number): void {
    const slots = this.#slots, slot = this.#slot;
    const print = fingerprint(hashKey(key, 0, key.length), lsn, length, flagsOfKind(kind));
    if (slots.offset[slot] !== offset || slots.print[slot] !== print) this.#misled.add(slots.offset[slot]);
    this.#reached = offset + length;
  }

  /** Takes a record of a run into account; the first one tells what the slot must say. */
  #inRun(
    { lsn, keyLength, valueLength }: RecordHeader,
    key: Uint8Array,
    bytes: Uint8Array,
    at: number,
    offset: number,
  ): void {
    const slots = this.#slots, slot = this.#slot, start = slots.offset[slot];
    const length = recordHeaderBytes + keyLength + valueLength;
    if (offset === start) {
      this.#heads.clear();
      this.#sum = 0;
      this.#reached = offset;
      if (!this.#isBehindGap && slots.print[slot] !== this.#boundPrint(key, lsn)) this.#misled.add(start);
    }
    // Behind a gap in it the run is known to be damaged.
    if (this.#reached !== offset) return;
    if (offset + length > slots.end[slot]) {
      this.#misled.add(start);
      return;
    }
    this.#reached += length;
    this.#sum = crc32(bytes.subarray(at, at + length), this.#sum);
    this.#heads.add(viewOf(bytes), at, keyLength);
  }

  #boundPrint(key: Uint8Array, lsn: Lsn): number {
    const last = this.#lastKey ?? new Uint8Array(0),
      most = boundLength(last, last.length, key, 0, key.length);
    const isSame = most > key.length;
    return fingerprint(hashKey(key, 0, isSame ? key.length : most), isSame ? lsn : 0, 0, 0);
  }

  #count({ kind, lsn }: RecordHeader, key: Uint8Array): void {
    const { tally, filter } = this.#index;
    if (this.#lastKey === undefined || compareKeys(key, this.#lastKey) !== 0) {
      tally.keys++;
      filter.check(() => key, hashKey(key, 0, key.length), lsn);
    }
    if (kind === RecordKind.DELETE) tally.tombstones++;
    else if (kind === RecordKind.PATCH) tally.patches++;
    if (tally.versions++ === 0) tally.firstKey = key;
    tally.lastKey = key;
  }

  /** A record that no slot leads to is lost with a leaf, or the index is wrong. */
  #stray(stray: Stray): void {
    if (!this.#values.countInLostLeaf(stray)) this.#values.tellStray(stray);
  }

  /** Leaves the slots that end before an offset, and checks that what they lead to was there. */
  #passTo(offset: number): void {
    const slots = this.#slots;
    for (; this.#slot < slots.offset.length && slots.end[this.#slot] <= offset; this.#slot++) {
      const slot = this.#slot, start = slots.offset[slot], end = slots.end[slot];
      const isRun = slots.flags[slot] === runFlag;
      const isRight = this.#reached === end &&
        (!isRun || this.#sum === slots.sum[slot] && this.#heads.sum() === slots.headSum[slot]);
      if (!isRight && !this.#isInGap(start, end)) this.#misled.add(start);
    }
  }

  #isInGap(start: number, end: number): boolean {
    return this.#gaps.some(({ from, to }) => from < end && to > start);
  }

  /** See {@linkcode RecordSink.gap}. */
  gap(from: number, to: number): void {
    const error = this.#values.errorOfGap(from);
    this.#isBehindGap = true;
    this.#gaps.push({ from, to, error, loss: new Loss(), after: this.#lastKey, before: undefined });
  }

  async #reportMisled(): Promise<void> {
    const misled = this.#misled, { object: { path } } = this.#layer;
    if (misled.size === 0) return;
    await this.#values.readLeaves((block) => {
      for (let row = 0; row < block.count; row++) {
        const offset = block.offset[row];
        if (!misled.has(offset)) continue;
        const key = rowKey(block, row), lsn = block.lsn[row], isRun = block.flags[row] === runFlag;
        const expected = isRun ? "the run that the index leads to" : "the record that the index leads to";
        this.#inspector.found({
          error: new CorruptionError({ path, offset, expected, found: "another" }),
          offset,
          length: block.length[row],
          keys: { first: key, last: key, versions: isRun ? undefined : 1 },
          lsns: isRun ? undefined : { first: lsn, last: lsn },
        });
      }
    });
  }

  /** Finds out which versions gaps cost. Where nothing tells the keys, they are between those around the gap. */
  async #reportGaps(): Promise<void> {
    const gaps = this.#gaps, { description } = this.#layer;
    if (gaps.length === 0) return;
    const unknown = await lostRecords(
      this.#objects,
      this.#layer,
      this.#inspector,
      gaps,
      (gap, key, lsn) => gaps[gap].loss.add(key, lsn),
      (page) => this.#values.isLost(page),
    );
    const told = gaps.reduce((sum, { loss }) => sum + loss.versions, this.#index.tally.versions);
    const untold = description.versions - told;
    gaps.forEach(({ from, to, error, loss, after, before }, i) => {
      const place = { error, offset: from, length: to - from };
      if (unknown !== undefined && !unknown.has(i)) {
        return this.#inspector.found({ ...place, keys: loss.keys, lsns: loss.lsns });
      }
      const isOne = unknown?.size === 1, versions = isOne ? loss.versions + untold : undefined;
      const { firstKey: first, lastKey: last, firstLsn, lastLsn } = description;
      const keys = { first: after ?? first, last: before ?? last, versions };
      this.#inspector.found({ ...place, keys, lsns: { first: firstLsn, last: lastLsn } });
    });
  }
}
