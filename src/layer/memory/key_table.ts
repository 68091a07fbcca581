/**
 * The distinct keys of an index in memory, and a hash table over them.
 *
 * ```
 *   slots (open addressing)     keys                                bytes
 *   ┌──────┬────────┐           ┌───────┬──────┬────────┬────────┐   ┌──────────────────────────┐
 *   │ hash │ key+1 ─┼─────────► │ start │ hash │ newest │ length │   │ every key, back to back  │
 *   └──────┴────────┘           └───┬───┴──────┴────────┴────────┘   └────▲─────────────────────┘
 *                                   └─────────────────────────────────────┘
 * ```
 *
 * Key ids are dense and never reused; what is known of a key lies side by side, so that it costs one cache miss and
 * not four. Only `newest`, which means something to the index alone, ever changes.
 *
 * @module
 */

import { dropMemory } from "../../io/mod.ts";
import { isSameSpan } from "../spans.ts";
import {
  type ArrayMemory,
  bytesIn,
  GrowingArray,
  growthRate,
  isNearlyFull,
  type TakeMemory,
  wordsIn,
} from "./growing_array.ts";

// Fields of a key, in 32-bit words.
/** How many words a key has. */
export const keyStride = 4;
/** Where the key's bytes start. */
export const keyStart = 0;
/** The hash of the key. */
export const keyHash = 1;
/** The newest version of the key. */
export const keyNewest = 2;
/** The length of the key in bytes. */
export const keyLength = 3;

/** A key takes two slots on average, of two words each. */
const slotWords = 4;

/** What a table is made for. */
export interface KeyRoom {
  /** How many keys are expected: slots need not grow for so many. */
  readonly keys: number;
  /** For how many keys there is room, beside their slots, before that grows. */
  readonly room: number;
  /** For how many bytes of keys. */
  readonly byteRoom: number;
}

/** The keys of an index; who is not the table only reads what it shows. Hot: `bench/seal_bench.ts`. */
export class KeyTable {
  readonly #takeZeros: TakeMemory;
  #slots: Int32Array;
  #mask: number;
  /** The slots that will take their place, and the keys that stand in them already. */
  #nextSlots: Int32Array | undefined;
  #nextKeys = 0;
  /** The bytes of all keys; keys there are stay valid in it. */
  bytes: Uint8Array;
  readonly #growingBytes: GrowingArray<Uint8Array>;
  /** How many bytes all keys have. */
  bytesUsed = 0;
  /** The fields of all keys; those of keys there are stay as they are in it, but for the newest version. */
  fields: Int32Array;
  readonly #growingFields: GrowingArray<Int32Array>;
  /** How many keys there are. */
  count = 0;
  #touched = 0;

  /**
   * Makes an empty table.
   *
   * @param room What it is made for. Slots are touched all over, so that those for keys that are not expected would cost.
   * @param memory Where memory comes from.
   */
  constructor({ keys, room, byteRoom }: KeyRoom, { take, takeZeros }: ArrayMemory) {
    let slots = 2;
    while (isNearlyFull(keys * 2, slots)) slots *= 2;
    this.#takeZeros = takeZeros;
    this.#slots = this.#emptySlots(slots);
    this.#mask = slots - 1;
    this.#growingFields = new GrowingArray(wordsIn(take), room * keyStride);
    this.fields = this.#growingFields.array;
    this.#growingBytes = new GrowingArray(bytesIn(take), byteRoom);
    this.bytes = this.#growingBytes.array;
  }

  /** Takes slots of which none is taken. */
  #emptySlots(count: number): Int32Array {
    const words = count * 2;
    return new Int32Array(this.#takeZeros(words * Int32Array.BYTES_PER_ELEMENT), 0, words);
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.#slots.byteLength + (this.#nextSlots?.byteLength ?? 0) + this.#growingBytes.byteLength +
      this.#growingFields.byteLength;
  }

  /** The memory that its contents need in bytes. */
  get usedBytes(): number {
    return this.count * (keyStride + slotWords) * 4 + this.bytesUsed;
  }

  /**
   * Brings the slots of keys into the cache. Every look-up is a cache miss; a loop that does nothing but load lets the
   * processor wait for many of them at once.
   */
  touch(hashes: Int32Array, count: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= slots[(hashes[i] & mask) * 2];
    this.#touched = touched;
  }

  /** Makes room for so many more keys of so many bytes together. */
  reserve(keys: number, bytes: number): void {
    this.fields = this.#growingFields.reserve(this.count * keyStride, keys * keyStride);
    this.bytes = this.#growingBytes.reserve(this.bytesUsed, bytes);
    // Half of the slots at the most are taken, or nearly so. Fuller ones are filled anew, twice as many, bit by bit (G1).
    if (this.#nextSlots !== undefined) this.#fillSlots(keys * growthRate);
    else if (isNearlyFull((this.count + keys) * 2, this.#mask + 1)) {
      this.#nextSlots = this.#emptySlots(this.#slots.length);
    }
  }

  /** Puts so many more keys into the slots to come; they take their place when all keys stand there. */
  #fillSlots(most: number): void {
    const slots = this.#nextSlots as Int32Array;
    const mask = slots.length / 2 - 1;
    const end = Math.min(this.count, this.#nextKeys + most);
    for (let key = this.#nextKeys; key < end; key++) {
      const hash = this.fields[key * keyStride + keyHash];
      let slot = hash & mask;
      while (slots[slot * 2 + 1] !== 0) slot = slot + 1 & mask;
      slots[slot * 2] = hash;
      slots[slot * 2 + 1] = key + 1;
    }
    this.#nextKeys = end;
    if (end < this.count) return;
    dropMemory(this.#slots);
    this.#slots = slots;
    this.#mask = mask;
    this.#nextSlots = undefined;
    this.#nextKeys = 0;
  }

  /** Gives its slots up. No key is looked for any more. */
  giveUp(): void {
    dropMemory(this.#slots, this.#nextSlots ?? this.#slots);
    this.#nextSlots = undefined;
  }

  /**
   * Finds a key.
   *
   * @returns Its id; `~slot`, which is negative, if it is not there and would stand in that slot.
   */
  find(hash: number, bytes: Uint8Array, start: number, length: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask;; slot = slot + 1 & mask) {
      const key = slots[slot * 2 + 1] - 1;
      if (key < 0) return ~slot;
      if (slots[slot * 2] === hash && this.#equals(key, bytes, start, length)) return key;
    }
  }

  #equals(key: number, bytes: Uint8Array, start: number, length: number): boolean {
    const fields = this.fields, at = key * keyStride;
    return fields[at + keyLength] === length &&
      isSameSpan(this.bytes, fields[at + keyStart], bytes, start, length);
  }

  /** Adds a key into its free slot; there is room for it. */
  add(slot: number, hash: number, bytes: Uint8Array, start: number, length: number, newest: number): void {
    const own = this.bytes;
    const ownStart = this.bytesUsed;
    for (let i = 0; i < length; i++) own[ownStart + i] = bytes[start + i];
    this.bytesUsed = ownStart + length;
    const fields = this.fields;
    const at = this.count * keyStride;
    fields[at + keyStart] = ownStart;
    fields[at + keyHash] = hash;
    fields[at + keyNewest] = newest;
    fields[at + keyLength] = length;
    this.#slots[slot * 2] = hash;
    this.#slots[slot * 2 + 1] = ++this.count;
  }

  /** The newest version of a key. */
  newest(key: number): number {
    return this.fields[key * keyStride + keyNewest];
  }

  /** Sets the newest version of a key. */
  setNewest(key: number, version: number): void {
    this.fields[key * keyStride + keyNewest] = version;
    const next = this.#growingFields.next;
    if (next !== undefined) next[key * keyStride + keyNewest] = version;
  }

  /** The bytes of a key, which must not be written. */
  keyOf(key: number): Uint8Array {
    const start = this.fields[key * keyStride + keyStart];
    return this.bytes.subarray(start, start + this.fields[key * keyStride + keyLength]);
  }
}
