/**
 * Checking the values of a layer against its index: every slot leads to its record, and every record is led to.
 *
 * ```
 *   values   │ a1 │ b1 │ ░░ │ a2 │ pad │          slots of a stretch, sorted by offset:  a1 b1 c1 a2
 *                        └ gap: c1 is lost        a record without a slot was superseded in its own batch,
 *                                                 or its slot was in a leaf that is lost, or the index is wrong
 * ```
 *
 * @module
 */

import { blockBytes, CorruptionError, type IoError, type Lsn } from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import { hashKey } from "../formats/key_hash.ts";
import { type RecordHeader, recordHeaderBytes, RecordKind } from "../formats/record_format.ts";
import { flagsOfKind } from "../formats/run_format.ts";
import type { StoredLayer } from "../layer.ts";
import { rowKey } from "../version_cursor.ts";
import type { CheckedIndex } from "./check_index.ts";
import { type Inspector, Loss } from "./finding.ts";
import { readPieces } from "./pieces.ts";
import { type RecordSink, RecordWalk } from "./record_walk.ts";
import { isNearlyPad } from "./nearly_pad.ts";
import { Strays } from "./strays.ts";
import { fingerprint, Slots, type Stretch, stretchesOf } from "./slots.ts";
import { ValuesBesideIndex } from "./values_beside_index.ts";

/** Bytes that hold no record that checks. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly error: CorruptionError | IoError;
  readonly loss: Loss;
}

/**
 * Checks the values of a layer.
 *
 * @param objects Where it lies.
 * @param layer The layer, described as it is found to be.
 * @param index Its index, checked.
 * @param inspector Who is told.
 */
export async function checkValues(
  objects: Objects,
  layer: StoredLayer,
  index: CheckedIndex,
  inspector: Inspector,
): Promise<void> {
  await new ValuesCheck(objects, layer, index, inspector).run();
}

class ValuesCheck implements RecordSink {
  readonly #objects: Objects;
  readonly #layer: StoredLayer;
  readonly #index: CheckedIndex;
  readonly #inspector: Inspector;
  readonly #values: ValuesBesideIndex;
  #walk: RecordWalk | undefined;
  #slots = new Slots(0, 0, 0);
  /** The slot, in the order of offsets, that the next record should be led to by. */
  #slot = 0;
  readonly #gaps: Gap[] = [];
  /** Offsets outside of gaps that slots lead to and where their record is not. */
  readonly #misled = new Set<number>();
  readonly #strays: Strays;
  #firstLsn: Lsn | undefined;
  #lastLsn: Lsn = 0;

  constructor(objects: Objects, layer: StoredLayer, index: CheckedIndex, inspector: Inspector) {
    this.#objects = objects;
    this.#layer = layer;
    this.#index = index;
    this.#inspector = inspector;
    this.#values = new ValuesBesideIndex(objects, layer, index, inspector);
    this.#strays = new Strays(objects, layer, this.#values);
  }

  async run(): Promise<void> {
    if (!this.#values.admitsSlots()) return;
    const { description: { valuesEnd, fileId, firstLsn, lastLsn, kind } } = this.#layer;
    const isWhole = this.#index.lostLeaves.length === 0;
    const walk = this.#walk = new RecordWalk({
      start: blockBytes,
      end: valuesEnd,
      fileId,
      firstLsn,
      lastLsn,
      isOrdered: kind === "L0",
      known: isWhole ? (offset) => this.#knownFrom(offset) : undefined,
    }, this);
    for (const stretch of stretchesOf(this.#index.slotsByRegion, valuesEnd)) {
      await this.#gather(stretch);
      await this.#values.read(walk, stretch, () => this.#strays.settle());
    }
    walk.finish();
    this.#passTo(valuesEnd);
    await this.#strays.settle();
    await this.#findLosses();
    await this.#report();
  }

  /** Gathers the slots that lead into a stretch; those of the one before were all passed. */
  async #gather({ start, end, slots }: Stretch): Promise<void> {
    this.#passTo(start);
    this.#slots = new Slots(start, end, slots);
    this.#slot = 0;
    await this.#values.readLeaves((block) => this.#slots.add(block));
    await this.#slots.sort(this.#inspector);
  }

  #knownFrom(offset: number): number | undefined {
    const place = this.#slots.find(offset);
    return place < this.#slots.count ? this.#slots.offsetOf(place) : undefined;
  }

  /** See {@linkcode RecordSink.record}. */
  record(header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, at: number, offset: number): void {
    const { kind, lsn, keyLength, valueLength } = header;
    this.#firstLsn ??= lsn;
    this.#lastLsn = lsn;
    if (kind === RecordKind.MARK) return;
    const length = recordHeaderBytes + keyLength + valueLength, keyAt = at + recordHeaderBytes;
    this.#passTo(offset);
    const isLed = this.#slot < this.#slots.count && this.#slots.offsetOf(this.#slot) === offset;
    if (!isLed) {
      this.#strays.add({ key: bytes.slice(keyAt, keyAt + keyLength), lsn, offset, length });
      return;
    }
    const print = fingerprint(hashKey(bytes, keyAt, keyLength), lsn, length, flagsOfKind(kind));
    if (this.#slots.printOf(this.#slot) !== print) this.#misled.add(offset);
    this.#slot++;
  }

  /** Notes the slots before an offset, which no record was led to by; those into a gap are found with it. */
  #passTo(offset: number): void {
    const slots = this.#slots;
    while (this.#slot < slots.count && slots.offsetOf(this.#slot) < offset) {
      const led = slots.offsetOf(this.#slot++);
      const isInGap = led >= (this.#walk?.gapStart ?? Infinity) ||
        led >= (this.#gaps.at(-1)?.from ?? Infinity);
      if (!isInGap) this.#misled.add(led);
    }
  }

  /** See {@linkcode RecordSink.gap}. */
  gap(from: number, to: number): void {
    this.#gaps.push({ from, to, error: this.#values.errorOfGap(from), loss: new Loss() });
  }

  /** Finds out, in one more walk of the index, which versions the slots speak of that lead nowhere. */
  async #findLosses(): Promise<void> {
    const gaps = this.#gaps, misled = this.#misled;
    if (gaps.length === 0 && misled.size === 0) return;
    await this.#values.readLeaves((block) => {
      for (let row = 0; row < block.count; row++) {
        const offset = block.offset[row], gap = gapAround(gaps, offset);
        if (gap !== undefined) gap.loss.add(rowKey(block, row), block.lsn[row]);
        else if (misled.has(offset)) {
          this.#reportMisled(rowKey(block, row), block.lsn[row], offset, block.length[row]);
        }
      }
    });
  }

  #reportMisled(key: Uint8Array, lsn: Lsn, offset: number, length: number): void {
    const error = new CorruptionError({
      path: this.#layer.object.path,
      offset,
      expected: "the record that the index leads to",
      found: "another",
    });
    const keys = { first: key, last: key, versions: 1 };
    this.#inspector.found({ error, offset, length, keys, lsns: { first: lsn, last: lsn } });
  }

  /** Tells of a leftover that is nearly the pad that would stand there: no crash leaves that but by a rare chance. */
  async #tellDamagedPad(from: number): Promise<void> {
    const { object, description: { valuesEnd, fileId } } = this.#layer, start = from - from % blockBytes;
    await readPieces(this.#objects, object, this.#inspector, {
      start,
      end: valuesEnd,
      take: (bytes) => {
        if (!isNearlyPad(bytes.subarray(from - start), valuesEnd - from, fileId)) return;
        const expected = "a pad", found = "bytes that do not check", { path } = object;
        const error = new CorruptionError({ path, offset: from, expected, found });
        this.#inspector.found({ severity: "warning", error, offset: from, length: valuesEnd - from });
      },
      unreadable: () => {},
    });
  }

  async #report(): Promise<void> {
    const { description: { valuesEnd, firstLsn, lastLsn, kind }, object: { path } } = this.#layer;
    for (const { from, to, error, loss } of this.#gaps) {
      // Behind the last batch of a segment that a crash has torn stands, up to the next block, whatever it left.
      const isLeftover = kind === "L0" && to === valuesEnd && to - from < blockBytes && loss.versions === 0 &&
        error instanceof CorruptionError;
      if (isLeftover) {
        await this.#tellDamagedPad(from);
        continue;
      }
      this.#inspector.found({ error, offset: from, length: to - from, keys: loss.keys, lsns: loss.lsns });
    }
    this.#values.tellLostLeaves();
    const isOther = this.#gaps.length === 0 && kind === "L0" && this.#firstLsn !== undefined &&
      (this.#firstLsn !== firstLsn || this.#lastLsn !== lastLsn);
    if (!isOther) return;
    const found = `${this.#firstLsn} to ${this.#lastLsn}`;
    const expected = `records of LSNs ${firstLsn} to ${lastLsn}, as its description says`;
    this.#inspector.found({ error: new CorruptionError({ path, offset: blockBytes, expected, found }) });
  }
}

/** The gap that an offset lies in; gaps are in order. */
function gapAround(gaps: readonly Gap[], offset: number): Gap | undefined {
  let low = 0, high = gaps.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (gaps[middle].to <= offset) low = middle + 1;
    else high = middle;
  }
  const gap = gaps[low];
  return gap !== undefined && gap.from <= offset ? gap : undefined;
}
