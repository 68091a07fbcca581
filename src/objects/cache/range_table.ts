/**
 * Where in frames the ranges lie that are kept, by object and offset: a hash table with linear probing that holds
 * nothing but places. What a place is the place of stands in front of the range itself.
 *
 * ```
 *   slot ─► place (frame × 512 + 1/16 of the offset in it, plus 1; 0: empty) ─► 0      4         8        10  11 12
 *                                                                               ┌──────┬─────────┬────────┬──┬──┬───────┬──
 *                                                                               │order │offset lo│offset hi│use│0│length │…
 *                                                                               └──────┴─────────┴────────┴──┴──┴───────┴──
 * ```
 *
 * @module
 */

/** What places are multiples of, in bytes. */
export const rangeUnit = 16;
/** The bytes in front of a range. */
export const rangeHeader = 16;
/** The words of a frame. */
const wordsPerFrame = 2048;
const wordsPerUnit = 4;
const leastSlots = 256;

/** What all memory of ranges can be found in: by frame, its words. */
export type FrameWords = readonly (Uint32Array | undefined)[];

/** The hash of an object and a number of its own. */
export function hashPart(order: number, low: number, high: number): number {
  let hash = Math.imul(order, 0x9e3779b1) ^ Math.imul(high + 1, 0x7feb352d) ^ low;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}

/** The places of ranges. */
export class RangeTable {
  readonly #words: FrameWords;
  #slots: Uint32Array = new Uint32Array(0);
  #count = 0;

  /** Makes an empty table over the memory of ranges. */
  constructor(words: FrameWords) {
    this.#words = words;
  }

  /** The memory that it takes in bytes. */
  get byteLength(): number {
    return this.#slots.byteLength;
  }

  /** The memory that it would take in bytes with one range more. */
  get nextByteLength(): number {
    if ((this.#count + 1) * 3 <= this.#slots.length * 2) return this.#slots.byteLength;
    return Math.max(leastSlots, this.#slots.length * 2) * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** The place of a range; 0 if it is not there. */
  find(hash: number, order: number, low: number, high: number): number {
    const slots = this.#slots, mask = slots.length - 1;
    if (mask < 0) return 0;
    for (let slot = hash & mask; slots[slot] !== 0; slot = slot + 1 & mask) {
      const place = slots[slot], at = wordOf(place), words = this.#words[frameOf(place)] as Uint32Array;
      if (words[at + 1] === low && words[at] === order && (words[at + 2] & 0xffff) === high) return place;
    }
    return 0;
  }

  /** Adds the place of a range that is not there. */
  add(hash: number, place: number): void {
    if (this.nextByteLength !== this.#slots.byteLength) this.#grow();
    this.#count++;
    this.#set(hash, place);
  }

  #set(hash: number, place: number): void {
    const slots = this.#slots, mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = slot + 1 & mask;
    slots[slot] = place;
  }

  /** Notes that a range moved. */
  move(hash: number, from: number, to: number): void {
    this.#slots[this.#slotOf(hash, from)] = to;
  }

  /** Takes a range out. Those behind it that its slot kept from theirs move up. */
  delete(hash: number, place: number): void {
    const slots = this.#slots, mask = slots.length - 1;
    let hole = this.#slotOf(hash, place);
    for (let slot = hole + 1 & mask; slots[slot] !== 0; slot = slot + 1 & mask) {
      const home = this.hashOf(slots[slot]) & mask;
      if ((slot - home & mask) < (slot - hole & mask)) continue;
      slots[hole] = slots[slot];
      hole = slot;
    }
    slots[hole] = 0;
    this.#count--;
  }

  /** The hash of the range at a place. */
  hashOf(place: number): number {
    const words = this.#words[frameOf(place)] as Uint32Array, at = wordOf(place);
    return hashPart(words[at], words[at + 1], words[at + 2] & 0xffff);
  }

  #slotOf(hash: number, place: number): number {
    const slots = this.#slots, mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== place) slot = slot + 1 & mask;
    return slot;
  }

  #grow(): void {
    const places = this.#slots;
    this.#slots = new Uint32Array(this.nextByteLength / Uint32Array.BYTES_PER_ELEMENT);
    for (const place of places) if (place !== 0) this.#set(this.hashOf(place), place);
  }
}

/** The place of a range. */
export function placeOf(frame: number, offset: number): number {
  return frame * (wordsPerFrame / wordsPerUnit) + offset / rangeUnit + 1;
}

/** The frame of a place. */
export function frameOf(place: number): number {
  return place - 1 >>> 9;
}

/** Where in the words of its frame a range's header stands. */
export function wordOf(place: number): number {
  return (place - 1 & 511) * wordsPerUnit;
}
