/**
 * The slots of an index that lead into one stretch of the values area, in the order of what they lead to.
 *
 * An index is in the order of keys and a segment's values are in that of their arrival; so slots are gathered, some
 * million at once, and sorted by offset before the values go by.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";
import { hashKey, mix } from "../formats/key_hash.ts";
import { lsnHigh, lsnLow } from "../formats/record_format.ts";
import type { VersionBlock } from "../version_cursor.ts";
import type { Pace } from "./pieces.ts";

/** Slots that are gathered at once: some 24 MiB. */
export const mostSlots: number = 1 << 20;
/** A stretch is so short that an offset in it and the number of a slot fit a safe integer together. */
export const mostStretchBytes: number = 2 ** 32;

/** The values area is divided into regions of so many bytes, so that slots can be gathered region by region. */
export const regionBytes: number = 1024 * 1024;
/** So few bytes that the slots that lead into them are sorted within a tenth of a slice of work. */
const runBytes = 64 * 1024;
/** Runs that are sorted between two looks at the clock. */
const runsPerLook = 4;
/** Slots that are counted or moved between two looks at the clock: a tenth of a millisecond. */
const slotsPerLook = 1 << 14;

/** A stretch of the values area that is checked at once. */
export interface Stretch {
  /** Where it starts. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** How many slots lead into it. */
  readonly slots: number;
}

/** A number of 53 bits that tells a version, its flags and the length of its record from others. */
export function fingerprint(hash: number, lsn: number, length: number, flags: number): number {
  const rest = mix(lsnLow(lsn) ^ mix(lsnHigh(lsn) ^ mix(length * 4 + flags)));
  return hash + (rest & 0x1fffff) * 2 ** 32;
}

/** The slots that lead into one stretch. */
export class Slots {
  /** How many there are. */
  count = 0;
  readonly #start: number;
  readonly #end: number;
  /** An offset in the stretch and the number of a slot, so that sorting one sorts both. */
  #places: Float64Array<ArrayBuffer>;
  readonly #prints: Float64Array;

  /**
   * Makes room.
   *
   * @param start Where the stretch starts.
   * @param end Where it ends, at most 4 GiB further on.
   * @param most How many slots lead into it.
   */
  constructor(start: number, end: number, most: number) {
    assert(end - start <= mostStretchBytes && most <= mostSlots, "a stretch is short");
    this.#start = start;
    this.#end = end;
    this.#places = new Float64Array(most);
    this.#prints = new Float64Array(most);
  }

  /** Adds those rows of a leaf that lead into the stretch. */
  add(block: VersionBlock): void {
    for (let row = 0; row < block.count; row++) {
      const offset = block.offset[row];
      if (offset < this.#start || offset >= this.#end) continue;
      const slot = this.count++;
      const hash = hashKey(block.bytes, block.keyStart[row], block.keyLength[row]);
      this.#places[slot] = (offset - this.#start) * mostSlots + slot;
      this.#prints[slot] = fingerprint(hash, block.lsn[row], block.length[row], block.flags[row]);
    }
  }

  /** Sorts them by offset, a short run of the file after the other, so that the event loop has its turns. */
  async sort({ turns }: Pick<Pace, "turns">): Promise<void> {
    const places = this.#places, count = this.count, runSpan = runBytes * mostSlots;
    const ends = new Uint32Array(Math.ceil((this.#end - this.#start) / runBytes) + 1);
    for (let slot = 0; slot < count; slot++) {
      ends[Math.floor(places[slot] / runSpan) + 1]++;
      if (slot % slotsPerLook === 0 && turns.due()) await turns.turn();
    }
    for (let run = 1; run < ends.length; run++) ends[run] += ends[run - 1];
    const sorted = new Float64Array(count), next = ends.slice();
    for (let slot = 0; slot < count; slot++) {
      sorted[next[Math.floor(places[slot] / runSpan)]++] = places[slot];
      if (slot % slotsPerLook === 0 && turns.due()) await turns.turn();
    }
    for (let run = 1; run < ends.length; run++) {
      if (ends[run] - ends[run - 1] > 1) sorted.subarray(ends[run - 1], ends[run]).sort();
      if (run % runsPerLook === 0 && turns.due()) await turns.turn();
    }
    this.#places = sorted;
  }

  /** The offset that a slot leads to, by its place in the order of offsets. */
  offsetOf(place: number): number {
    return this.#start + Math.floor(this.#places[place] / mostSlots);
  }

  /** The fingerprint of what a slot leads to, by its place in the order of offsets. */
  printOf(place: number): number {
    return this.#prints[this.#places[place] % mostSlots];
  }

  /** The place of the first slot that leads to an offset or behind it. */
  find(offset: number): number {
    let low = 0, high = this.count;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.offsetOf(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Divides the values area so that the slots that lead into a part are few. */
export function* stretchesOf(slotsByRegion: Uint32Array, valuesEnd: number): Generator<Stretch> {
  let start = 0, slots = 0;
  for (let region = 0; region < slotsByRegion.length; region++) {
    const from = region * regionBytes, more = slotsByRegion[region];
    if (from > start && (slots + more > mostSlots || from + regionBytes - start > mostStretchBytes)) {
      yield { start, end: from, slots };
      start = from;
      slots = 0;
    }
    slots += more;
  }
  yield { start, end: valuesEnd, slots };
}
