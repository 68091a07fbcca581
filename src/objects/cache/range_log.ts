/**
 * Small ranges of objects in frames of memory, one behind the other: a log that is swept frame by frame, so that ranges
 * of any size share memory without gaps and without an object for each.
 *
 * ```
 *   frame:  ┌────────┬───────────┬────────┬───────┬────────┬────────────┬─────┐
 *           │ header │ range …   │ header │ range │ header │ range …    │ …   │      each from a multiple of 16 on
 *           └────────┴───────────┴────────┴───────┴────────┴────────────┴─────┘
 *   sweep:  what was used moves behind the others of the main queue's open frame, or to the front of its own
 * ```
 *
 * It is how Segcache (Yang, Yue, Vinayak, NSDI 2021) keeps small objects: memory is given back a segment at a time.
 *
 * @module
 */

import { pageBytes } from "../../base/mod.ts";
import type { CachedParts } from "./cached_parts.ts";
import { frameOf, hashPart, placeOf, rangeHeader, RangeTable, rangeUnit, wordOf } from "./range_table.ts";

const useUnit = 0x10000, mostUses = 3 * useUnit, useMask = 0xff0000;
const twoTo32 = 2 ** 32;

/** What becomes of ranges when their frame is swept. */
export interface Sweep {
  /** How many of its uses a range has left, if it stays. */
  usesLeft(uses: number): number;
  /** Is told the hash of each that does not stay. */
  givenUp(hash: number): void;
}

/** The memory of ranges. */
export class RangeLog {
  /** By frame: the memory of one that holds ranges. */
  readonly #bytes: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  /** The same memory in words. */
  readonly #words: (Uint32Array | undefined)[] = [];
  /** By frame: how much of it is taken. */
  readonly #ends: number[] = [];
  readonly #table = new RangeTable(this.#words);
  /** The objects that have ranges, by their numbers. */
  readonly #owners = new Map<number, CachedParts>();

  /** The memory that finding them takes in bytes. */
  get tableBytes(): number {
    return this.#table.byteLength;
  }

  /** The same with one range more. */
  get nextTableBytes(): number {
    return this.#table.nextByteLength;
  }

  /** Whether a frame holds ranges. */
  holds(frame: number): boolean {
    return this.#words[frame] !== undefined;
  }

  /** Gives a frame memory. */
  open(frame: number): void {
    const bytes = this.#bytes[frame] = new Uint8Array(pageBytes);
    this.#words[frame] = new Uint32Array(bytes.buffer);
    this.#ends[frame] = 0;
  }

  /** Whether a range fits a frame. */
  fits(frame: number, length: number): boolean {
    return this.holds(frame) && this.#ends[frame] + spanOf(length) <= pageBytes;
  }

  /** The place of a range; 0 if it is not kept. */
  find({ order, ranges, isDropped }: CachedParts, offset: number): number {
    if (ranges === 0 || isDropped) return 0;
    const low = offset >>> 0, high = Math.floor(offset / twoTo32);
    return this.#table.find(hashPart(order, low, high), order, low, high);
  }

  /** The memory that holds a range among others. */
  bytesAt(place: number): Uint8Array<ArrayBuffer> {
    return this.#bytes[frameOf(place)] as Uint8Array<ArrayBuffer>;
  }

  /** Where in it the range starts. */
  offsetAt(place: number): number {
    return wordOf(place) * Uint32Array.BYTES_PER_ELEMENT + rangeHeader;
  }

  /** The length of a range in bytes. */
  lengthAt(place: number): number {
    return (this.#words[frameOf(place)] as Uint32Array)[wordOf(place) + 3];
  }

  /** Notes that a range was used. */
  use(place: number): void {
    const words = this.#words[frameOf(place)] as Uint32Array, at = wordOf(place) + 2;
    if ((words[at] & useMask) < mostUses) words[at] += useUnit;
  }

  /** Adds a range that is not there to a frame that it fits. */
  add(
    frame: number,
    owner: CachedParts,
    offset: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const at = this.#ends[frame], words = this.#words[frame] as Uint32Array;
    const low = offset >>> 0, high = Math.floor(offset / twoTo32), word = at / Uint32Array.BYTES_PER_ELEMENT;
    words[word] = owner.order;
    words[word + 1] = low;
    words[word + 2] = high;
    words[word + 3] = length;
    copySpan(bytes, start, this.#bytes[frame] as Uint8Array, at + rangeHeader, length);
    this.#ends[frame] = at + spanOf(length);
    this.#table.add(hashPart(owner.order, low, high), placeOf(frame, at));
    if (owner.ranges++ === 0) this.#owners.set(owner.order, owner);
  }

  /**
   * Goes through the ranges of a frame. It keeps its memory if some of them stay in it.
   *
   * @param frame The frame.
   * @param into Where those go that stay, as long as they fit; −1 for the front of their own frame.
   * @param rules What becomes of them.
   * @returns Whether some stay in the frame.
   */
  sweep(frame: number, into: number, { usesLeft, givenUp }: Sweep): boolean {
    const bytes = this.#bytes[frame] as Uint8Array,
      words = this.#words[frame] as Uint32Array,
      end = this.#ends[frame];
    const target = into === frame ? -1 : into;
    let kept = 0;
    for (let at = 0, span = 0; at < end; at += span) {
      const word = at / Uint32Array.BYTES_PER_ELEMENT, length = words[word + 3], from = placeOf(frame, at);
      span = spanOf(length);
      const owner = this.#owners.get(words[word]) as CachedParts;
      const uses = (words[word + 2] & useMask) / useUnit;
      const hash = this.#table.hashOf(from);
      if (uses === 0 || owner.isDropped) {
        this.#table.delete(hash, from);
        if (--owner.ranges === 0) this.#owners.delete(owner.order);
        if (!owner.isDropped) givenUp(hash);
        continue;
      }
      words[word + 2] = (words[word + 2] & 0xffff) + usesLeft(uses) * useUnit;
      if (kept === 0 && this.fits(target, length)) {
        const to = this.#ends[target];
        copySpan(bytes, at, this.#bytes[target] as Uint8Array, to, rangeHeader + length);
        this.#ends[target] = to + span;
        this.#table.move(hash, from, placeOf(target, to));
      } else {
        // It may overlap itself, and is copied from its front on.
        bytes.copyWithin(kept, at, at + rangeHeader + length);
        this.#table.move(hash, from, placeOf(frame, kept));
        kept += span;
      }
    }
    this.#ends[frame] = kept;
    if (kept > 0) return true;
    this.#words[frame] = this.#bytes[frame] = undefined;
    return false;
  }
}

/** What a range takes in a frame, in bytes. */
function spanOf(length: number): number {
  return Math.ceil((rangeHeader + length) / rangeUnit) * rangeUnit;
}

/** From this length on copying at once is cheaper than byte by byte. */
const longBytes = 128;

function copySpan(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > longBytes) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i];
}
