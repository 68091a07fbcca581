/**
 * The index of an open or frozen layer: where in its segment every version of every key lies.
 *
 * ```
 *   slots (open addressing)     keys                              entries (versions, in arrival order)
 *   ┌──────┬────────┐           ┌───────┬────────┬──────┬──────┐   ┌─────┬────────┬──────────────┬──────────┐
 *   │ hash │ key+1 ─┼─────────► │ start │ length │ hash │ head─┼──►│ lsn │ offset │ length, kind │ previous─┼─► older
 *   └──────┴────────┘           └───────┴────────┴──────┴──────┘   └─────┴────────┴──────────────┴──────────┘
 * ```
 *
 * Everything is typed arrays, so that a version costs some fifty bytes and no object. It only grows: a reader that
 * holds it and an LSN sees the same for ever. It is written in one turn per batch, so that a reader sees all of a
 * batch or none.
 *
 * M1  LSNs of a key's chain strictly decrease from its head; within one batch the last change of a key replaces.
 * M2  Key ids and entry ids are dense and are never reused.
 *
 * @module
 */

import { assert } from "../base/mod.ts";
import { hashKey } from "./key_hash.ts";
import { compareInArena, type KeyArena, sortKeySteps } from "./key_sort.ts";
import { joinLsn, lsnHigh, lsnLow, recordHeaderBytes, RecordKind, recordLengthAt } from "./record_format.ts";

/** Expected sizes, so that arrays need not grow. */
export interface MemoryIndexHint {
  /** The expected number of versions. */
  entries?: number;
  /** The expected number of keys. */
  keys?: number;
  /** The expected bytes of all keys. */
  keyBytes?: number;
}

/** A run of keys in sorted order, with their newest versions. */
export class GatheredKeys {
  /** Where each key's bytes start in the arena. */
  readonly start: Int32Array;
  /** The hash of each key. */
  readonly hash: Uint32Array;
  /** The length of each key in bytes. */
  readonly length: Int32Array;
  /** The newest version of each key. */
  readonly newest: Int32Array;
  /** The offset of its record. */
  readonly offset: Uint32Array;
  /** The length of its record, with the bit of tombstones. */
  readonly tagged: Uint32Array;
  /** The version before it, or −1. */
  readonly previous: Int32Array;
  /** Its LSN. */
  readonly lsn: Float64Array;
  /** Keeps the loop that brings keys' bytes into the cache. */
  touched = 0;

  /** Makes room for so many keys. */
  constructor(count: number) {
    this.start = new Int32Array(count);
    this.hash = new Uint32Array(count);
    this.length = new Int32Array(count);
    this.newest = new Int32Array(count);
    this.offset = new Uint32Array(count);
    this.tagged = new Uint32Array(count);
    this.previous = new Int32Array(count);
    this.lsn = new Float64Array(count);
  }
}

/** The length of a record without the bit of tombstones. */
export function untaggedLength(tagged: number): number {
  return tagged & lengthMask;
}

/** Whether a tagged length is that of a tombstone. */
export function isTaggedTombstone(tagged: number): boolean {
  return (tagged & tombstoneBit) !== 0;
}

const lengthMask = 0x0fffffff;
const tombstoneBit = 0x10000000;
const leastEntries = 1 << 10;
/** Records of a batch that are hashed before they are inserted. */
const lookAhead = 128;

// Fields of a key, in 32-bit words. They lie side by side, so that a key costs one cache miss and not four.
const keyStride = 4;
const keyStart = 0, keyHash = 1, keyHead = 2, keyLength = 3;
/** A key takes two slots on average, of two words each. */
const slotWords = 4;
// Fields of an entry.
const entryStride = 5;
const entryOffset = 0, entryLength = 1, entryPrevious = 2, entryLsnLow = 3, entryLsnHigh = 4;

/** An append-only index from (key, LSN) to a record's place. */
export class MemoryIndex {
  #slots: Int32Array;
  #slotMask: number;
  #bytes: Uint8Array;
  #bytesUsed = 0;
  #keys: Int32Array;
  #keyCount = 0;
  #entries: Int32Array;
  #entryCount = 0;
  #tombstones = 0;
  #replaced = 0;
  readonly #aheadAt = new Int32Array(lookAhead);
  readonly #aheadHash = new Int32Array(lookAhead);
  #touched = 0;
  #sorted: Uint32Array = new Uint32Array(0);

  /** Makes an empty index. */
  constructor(hint: MemoryIndexHint = {}) {
    const keys = Math.max(leastEntries, hint.keys ?? 0);
    const entries = Math.max(leastEntries, hint.entries ?? 0);
    let slots = leastEntries * 2;
    while (slots < keys * 2) slots *= 2;
    this.#slots = new Int32Array(slots * 2);
    this.#slotMask = slots - 1;
    this.#bytes = new Uint8Array(Math.max(leastEntries * 16, hint.keyBytes ?? 0));
    this.#keys = new Int32Array(keys * keyStride);
    this.#entries = new Int32Array(entries * entryStride);
  }

  /** How many distinct keys it has. */
  get keyCount(): number {
    return this.#keyCount;
  }

  /** How many versions it has; those that a later change of the same batch replaced do not count. */
  get versionCount(): number {
    return this.#entryCount - this.#replaced;
  }

  /** How many of its versions are tombstones. */
  get tombstoneCount(): number {
    return this.#tombstones;
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#bytes.byteLength + this.#keys.byteLength + this.#entries.byteLength;
  }

  /**
   * The memory that its contents need in bytes. What was reserved beyond that does not count, so that a generous
   * hint does not make an index look full.
   */
  get usedBytes(): number {
    return this.#keyCount * (keyStride + slotWords) * 4 + this.#entryCount * entryStride * 4 +
      this.#bytesUsed;
  }

  /** What an index of the same kind of data may expect. */
  hint(): MemoryIndexHint {
    const spare = 1.125;
    return {
      entries: Math.ceil(this.#entryCount * spare),
      keys: Math.ceil(this.#keyCount * spare),
      keyBytes: Math.ceil(this.#bytesUsed * spare),
    };
  }

  /** The keys, for comparing and sorting. */
  get arena(): KeyArena {
    return { bytes: this.#bytes, keys: this.#keys, stride: keyStride, start: keyStart, length: keyLength };
  }

  /**
   * Adds every record of an encoded, checked batch. Hot: `bench/ingest.ts`.
   *
   * @param bytes The records, back to back.
   * @param view The same memory.
   * @param start Where the first record starts.
   * @param end Where the last record ends.
   * @param base What is added to a record's place in `bytes` to give its offset in the segment.
   */
  insertBatch(bytes: Uint8Array, view: DataView, start: number, end: number, base: number): void {
    let at = start;
    while (at < end) {
      let count = 0;
      for (; at < end && count < lookAhead; count++) {
        const length = recordLengthAt(view, at);
        this.#aheadAt[count] = at;
        this.#aheadHash[count] = hashKey(bytes, at + recordHeaderBytes, view.getUint16(at + 6, true));
        at += length;
      }
      this.#touchSlots(count);
      for (let i = 0; i < count; i++) {
        this.#insertRecord(bytes, view, this.#aheadAt[i], this.#aheadHash[i], base);
      }
    }
  }

  /**
   * Brings the slots of the records ahead into the cache. Every insert is a cache miss; a loop that does nothing but
   * load lets the processor wait for many of them at once.
   */
  #touchSlots(count: number): void {
    const slots = this.#slots;
    const mask = this.#slotMask;
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= slots[(this.#aheadHash[i] & mask) * 2];
    this.#touched = touched;
  }

  #insertRecord(bytes: Uint8Array, view: DataView, at: number, hash: number, base: number): void {
    const kind = bytes[at + 4];
    if (kind !== RecordKind.PUT && kind !== RecordKind.DELETE) return;
    const length = recordLengthAt(view, at);
    const keyLength = view.getUint16(at + 6, true);
    const lsn = joinLsn(view.getUint32(at + 12, true), view.getUint32(at + 16, true));
    const tagged = kind === RecordKind.DELETE ? length | tombstoneBit : length;
    this.#insert(bytes, at + recordHeaderBytes, keyLength, hash, lsn, base + at, tagged);
  }

  #insert(
    bytes: Uint8Array,
    start: number,
    length: number,
    hash: number,
    lsn: number,
    offset: number,
    tagged: number,
  ): void {
    this.#makeRoom(length);
    const slot = this.#findSlot(hash, bytes, start, length);
    const key = this.#slots[slot + 1] - 1;
    if (key < 0) this.#addKey(slot, hash, bytes, start, length, this.#addEntry(lsn, offset, tagged, -1));
    else this.#addVersion(key, lsn, offset, tagged);
    if (tagged & tombstoneBit) this.#tombstones++;
  }

  #addVersion(key: number, lsn: number, offset: number, tagged: number): void {
    const head = this.#keys[key * keyStride + keyHead];
    const newest = this.lsnOf(head);
    assert(newest <= lsn, "M1: LSNs of a key increase");
    let previous = head;
    if (newest === lsn) {
      previous = this.previous(head);
      this.#replaced++;
      if (this.isTombstone(head)) this.#tombstones--;
    }
    this.#keys[key * keyStride + keyHead] = this.#addEntry(lsn, offset, tagged, previous);
  }

  /** Makes room for one more key of so many bytes and one more entry, so that slots stay where they are meanwhile. */
  #makeRoom(keyBytes: number): void {
    if ((this.#keyCount + 1) * keyStride > this.#keys.length) {
      this.#keys = enlarge(this.#keys, new Int32Array(this.#keys.length * 2));
    }
    if ((this.#entryCount + 1) * entryStride > this.#entries.length) {
      this.#entries = enlarge(this.#entries, new Int32Array(this.#entries.length * 2));
    }
    if (this.#bytesUsed + keyBytes > this.#bytes.length) {
      this.#bytes = enlarge(this.#bytes, new Uint8Array(this.#bytes.length * 2 + keyBytes));
    }
    if ((this.#keyCount + 1) * 2 > this.#slotMask + 1) this.#growSlots();
  }

  /** Finds where a key stands in the slots, or where it would. */
  #findSlot(hash: number, bytes: Uint8Array, start: number, length: number): number {
    const slots = this.#slots;
    const mask = this.#slotMask;
    for (let slot = hash & mask;; slot = slot + 1 & mask) {
      const key = slots[slot * 2 + 1] - 1;
      if (key < 0) return slot * 2;
      if (slots[slot * 2] === hash && this.#equals(key, bytes, start, length)) return slot * 2;
    }
  }

  #equals(key: number, bytes: Uint8Array, start: number, length: number): boolean {
    const fields = key * keyStride;
    if (this.#keys[fields + keyLength] !== length) return false;
    const own = this.#bytes;
    const ownStart = this.#keys[fields + keyStart];
    for (let i = 0; i < length; i++) {
      if (own[ownStart + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  #addKey(slot: number, hash: number, bytes: Uint8Array, start: number, length: number, head: number): void {
    const own = this.#bytes;
    const ownStart = this.#bytesUsed;
    for (let i = 0; i < length; i++) own[ownStart + i] = bytes[start + i];
    this.#bytesUsed = ownStart + length;
    const keys = this.#keys;
    const fields = this.#keyCount * keyStride;
    keys[fields + keyStart] = ownStart;
    keys[fields + keyHash] = hash;
    keys[fields + keyHead] = head;
    keys[fields + keyLength] = length;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = ++this.#keyCount;
  }

  #addEntry(lsn: number, offset: number, tagged: number, previous: number): number {
    const entries = this.#entries;
    const fields = this.#entryCount * entryStride;
    entries[fields + entryOffset] = offset;
    entries[fields + entryLength] = tagged;
    entries[fields + entryPrevious] = previous;
    entries[fields + entryLsnLow] = lsnLow(lsn);
    entries[fields + entryLsnHigh] = lsnHigh(lsn);
    return this.#entryCount++;
  }

  #growSlots(): void {
    const count = (this.#slotMask + 1) * 2;
    const slots = new Int32Array(count * 2);
    const mask = count - 1;
    for (let key = 0; key < this.#keyCount; key++) {
      const hash = this.#keys[key * keyStride + keyHash];
      let slot = hash & mask;
      while (slots[slot * 2 + 1] !== 0) slot = slot + 1 & mask;
      slots[slot * 2] = hash;
      slots[slot * 2 + 1] = key + 1;
    }
    this.#slots = slots;
    this.#slotMask = mask;
  }

  /**
   * Finds a key.
   *
   * @param key The key's bytes.
   * @param hash Its {@linkcode hashKey}.
   * @returns Its id, or −1.
   */
  keyId(key: Uint8Array, hash: number): number {
    return this.#slots[this.#findSlot(hash | 0, key, 0, key.length) + 1] - 1;
  }

  /**
   * Finds the newest version of a key at or before an LSN.
   *
   * @returns Its entry, or −1.
   */
  seek(key: number, lsn: number): number {
    let entry = this.newest(key);
    while (entry >= 0 && this.lsnOf(entry) > lsn) entry = this.previous(entry);
    return entry;
  }

  /** The newest version of a key. */
  newest(key: number): number {
    return this.#keys[key * keyStride + keyHead];
  }

  /** The next older version of the same key, or −1. */
  previous(entry: number): number {
    return this.#entries[entry * entryStride + entryPrevious];
  }

  /** The LSN of a version. */
  lsnOf(entry: number): number {
    const fields = entry * entryStride;
    return joinLsn(this.#entries[fields + entryLsnLow] >>> 0, this.#entries[fields + entryLsnHigh]);
  }

  /** The offset of a version's record in the segment, in bytes. */
  offsetOf(entry: number): number {
    return this.#entries[entry * entryStride + entryOffset] >>> 0;
  }

  /** The length of a version's record in bytes, with the bit of tombstones. */
  taggedLengthOf(entry: number): number {
    return this.#entries[entry * entryStride + entryLength];
  }

  /** The length of a version's record in bytes. */
  lengthOf(entry: number): number {
    return untaggedLength(this.taggedLengthOf(entry));
  }

  /** Whether a version is a tombstone. */
  isTombstone(entry: number): boolean {
    return isTaggedTombstone(this.taggedLengthOf(entry));
  }

  /** The hash of a key. */
  hashOf(key: number): number {
    return this.#keys[key * keyStride + keyHash] >>> 0;
  }

  /** The bytes of a key, which must not be written. */
  keyOf(key: number): Uint8Array {
    const start = this.#keys[key * keyStride + keyStart];
    return this.#bytes.subarray(start, start + this.#keys[key * keyStride + keyLength]);
  }

  /**
   * Copies what sealing needs of a run of sorted keys and of their newest versions. Hot: `bench/ingest.ts`.
   *
   * In sorted order every key is a cache miss, and every version another. Loops that do nothing but copy let the
   * processor wait for many of them at once.
   *
   * @param ids Sorted ids of keys.
   * @param from The first one.
   * @param into Where to; its length bounds how many are copied.
   * @returns How many were copied.
   */
  gather(ids: Uint32Array, from: number, into: GatheredKeys): number {
    const count = Math.min(into.hash.length, ids.length - from);
    const keys = this.#keys, entries = this.#entries, bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      const fields = ids[from + i] * keyStride;
      into.start[i] = keys[fields + keyStart];
      into.hash[i] = keys[fields + keyHash];
      into.newest[i] = keys[fields + keyHead];
      into.length[i] = keys[fields + keyLength];
    }
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const fields = into.newest[i] * entryStride;
      into.offset[i] = entries[fields + entryOffset];
      into.tagged[i] = entries[fields + entryLength];
      into.previous[i] = entries[fields + entryPrevious];
      into.lsn[i] = joinLsn(entries[fields + entryLsnLow] >>> 0, entries[fields + entryLsnHigh]);
      touched ^= bytes[into.start[i]];
    }
    into.touched = touched;
    return count;
  }

  /**
   * The ids of all keys there are now, in the order of their bytes. Keys that came since the last call are sorted
   * and merged; the result is not changed by later inserts.
   */
  sortedKeys(): Uint32Array {
    const known = this.#sorted;
    if (known.length === this.#keyCount) return known;
    const fresh = new Uint32Array(this.#keyCount - known.length);
    for (let i = 0; i < fresh.length; i++) fresh[i] = known.length + i;
    for (const _ of sortKeySteps(this.arena, fresh));
    this.#sorted = known.length === 0 ? fresh : mergeSorted(this.arena, known, fresh);
    return this.#sorted;
  }

  /** Sorts all keys as {@linkcode sortedKeys} does, in steps, between which nothing may be inserted. */
  *sortSteps(): Generator<void, Uint32Array> {
    if (this.#sorted.length !== this.#keyCount) {
      const ids = new Uint32Array(this.#keyCount);
      for (let i = 0; i < ids.length; i++) ids[i] = i;
      yield* sortKeySteps(this.arena, ids);
      this.#sorted = ids;
    }
    return this.#sorted;
  }
}

function enlarge<T extends Int32Array | Uint8Array>(
  from: T,
  to: T,
): T {
  to.set(from);
  return to;
}

function mergeSorted(arena: KeyArena, a: Uint32Array, b: Uint32Array): Uint32Array {
  const merged = new Uint32Array(a.length + b.length);
  let i = 0, j = 0;
  for (let to = 0; to < merged.length; to++) {
    const takeA = j === b.length || i < a.length && compareInArena(arena, a[i], b[j], 0) < 0;
    merged[to] = takeA ? a[i++] : b[j++];
  }
  return merged;
}
