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
import { joinLsn, recordHeaderBytes, RecordKind, recordLengthAt } from "./record_format.ts";

/** Expected sizes, so that arrays need not grow. */
export interface MemoryIndexHint {
  /** The expected number of versions. */
  entries?: number;
  /** The expected number of keys. */
  keys?: number;
  /** The expected bytes of all keys. */
  keyBytes?: number;
}

const lengthMask = 0x0fffffff;
const tombstoneBit = 0x10000000;
const leastEntries = 1 << 10;

/** An append-only index from (key, LSN) to a record's place. */
export class MemoryIndex {
  #slots: Int32Array;
  #slotMask: number;
  #bytes: Uint8Array;
  #bytesUsed = 0;
  #keyStart: Uint32Array;
  #keyLength: Uint16Array;
  #keyHash: Uint32Array;
  #keyHead: Uint32Array;
  #keys = 0;
  #lsn: Float64Array;
  #offset: Uint32Array;
  #length: Uint32Array;
  #previous: Int32Array;
  #entries = 0;
  #tombstones = 0;
  #replaced = 0;
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
    this.#keyStart = new Uint32Array(keys);
    this.#keyLength = new Uint16Array(keys);
    this.#keyHash = new Uint32Array(keys);
    this.#keyHead = new Uint32Array(keys);
    this.#lsn = new Float64Array(entries);
    this.#offset = new Uint32Array(entries);
    this.#length = new Uint32Array(entries);
    this.#previous = new Int32Array(entries);
  }

  /** How many distinct keys it has. */
  get keyCount(): number {
    return this.#keys;
  }

  /** How many versions it has; those that a later change of the same batch replaced do not count. */
  get versionCount(): number {
    return this.#entries - this.#replaced;
  }

  /** How many of its versions are tombstones. */
  get tombstoneCount(): number {
    return this.#tombstones;
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.#slots.byteLength + this.#bytes.byteLength + this.#keyStart.length * 14 +
      this.#lsn.length * 20;
  }

  /** What an index of the same kind of data may expect. */
  hint(): MemoryIndexHint {
    const spare = 1.125;
    return {
      entries: Math.ceil(this.#entries * spare),
      keys: Math.ceil(this.#keys * spare),
      keyBytes: Math.ceil(this.#bytesUsed * spare),
    };
  }

  /** The keys' bytes, for comparing and sorting. */
  get arena(): KeyArena {
    return { bytes: this.#bytes, starts: this.#keyStart, lengths: this.#keyLength };
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
    for (let at = start; at < end;) {
      const length = recordLengthAt(view, at);
      const kind = bytes[at + 4];
      if (kind === RecordKind.PUT || kind === RecordKind.DELETE) {
        const keyLength = view.getUint16(at + 6, true);
        const lsn = joinLsn(view.getUint32(at + 12, true), view.getUint32(at + 16, true));
        const tagged = kind === RecordKind.DELETE ? length | tombstoneBit : length;
        this.#insert(bytes, at + recordHeaderBytes, keyLength, lsn, base + at, tagged);
      }
      at += length;
    }
  }

  #insert(
    bytes: Uint8Array,
    keyStart: number,
    keyLength: number,
    lsn: number,
    offset: number,
    tagged: number,
  ): void {
    const hash = hashKey(bytes, keyStart, keyLength);
    let key = this.#findKey(hash, bytes, keyStart, keyLength);
    if (key < 0) {
      key = this.#addKey(hash, bytes, keyStart, keyLength);
      this.#keyHead[key] = this.#addEntry(lsn, offset, tagged, -1);
    } else {
      const head = this.#keyHead[key];
      assert(this.#lsn[head] <= lsn, "M1: LSNs of a key increase");
      let previous = head;
      if (this.#lsn[head] === lsn) {
        previous = this.#previous[head];
        this.#replaced++;
        if (this.#length[head] & tombstoneBit) this.#tombstones--;
      }
      this.#keyHead[key] = this.#addEntry(lsn, offset, tagged, previous);
    }
    if (tagged & tombstoneBit) this.#tombstones++;
  }

  #findKey(hash: number, bytes: Uint8Array, keyStart: number, keyLength: number): number {
    const slots = this.#slots;
    const mask = this.#slotMask;
    const signed = hash | 0;
    for (let slot = hash & mask;; slot = slot + 1 & mask) {
      const key = slots[slot * 2 + 1] - 1;
      if (key < 0) return -1;
      if (slots[slot * 2] === signed && this.#equals(key, bytes, keyStart, keyLength)) return key;
    }
  }

  #equals(key: number, bytes: Uint8Array, keyStart: number, keyLength: number): boolean {
    if (this.#keyLength[key] !== keyLength) return false;
    const own = this.#bytes;
    const start = this.#keyStart[key];
    for (let i = 0; i < keyLength; i++) {
      if (own[start + i] !== bytes[keyStart + i]) return false;
    }
    return true;
  }

  #addKey(hash: number, bytes: Uint8Array, keyStart: number, keyLength: number): number {
    const key = this.#keys;
    if (key === this.#keyStart.length) this.#growKeys();
    if (this.#bytesUsed + keyLength > this.#bytes.length) this.#growBytes(keyLength);
    if ((key + 1) * 2 > this.#slotMask + 1) this.#growSlots();
    const own = this.#bytes;
    const start = this.#bytesUsed;
    for (let i = 0; i < keyLength; i++) own[start + i] = bytes[keyStart + i];
    this.#bytesUsed = start + keyLength;
    this.#keyStart[key] = start;
    this.#keyLength[key] = keyLength;
    this.#keyHash[key] = hash;
    this.#keys = key + 1;
    this.#place(hash, key);
    return key;
  }

  #place(hash: number, key: number): void {
    const slots = this.#slots;
    const mask = this.#slotMask;
    let slot = hash & mask;
    while (slots[slot * 2 + 1] !== 0) slot = slot + 1 & mask;
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = key + 1;
  }

  #addEntry(lsn: number, offset: number, tagged: number, previous: number): number {
    const entry = this.#entries;
    if (entry === this.#lsn.length) this.#growEntries();
    this.#lsn[entry] = lsn;
    this.#offset[entry] = offset;
    this.#length[entry] = tagged;
    this.#previous[entry] = previous;
    this.#entries = entry + 1;
    return entry;
  }

  #growKeys(): void {
    const size = this.#keyStart.length * 2;
    this.#keyStart = enlarge(this.#keyStart, new Uint32Array(size));
    this.#keyLength = enlarge(this.#keyLength, new Uint16Array(size));
    this.#keyHash = enlarge(this.#keyHash, new Uint32Array(size));
    this.#keyHead = enlarge(this.#keyHead, new Uint32Array(size));
  }

  #growEntries(): void {
    const size = this.#lsn.length * 2;
    this.#lsn = enlarge(this.#lsn, new Float64Array(size));
    this.#offset = enlarge(this.#offset, new Uint32Array(size));
    this.#length = enlarge(this.#length, new Uint32Array(size));
    this.#previous = enlarge(this.#previous, new Int32Array(size));
  }

  #growBytes(least: number): void {
    const size = Math.max(this.#bytes.length * 2, this.#bytesUsed + least);
    this.#bytes = enlarge(this.#bytes, new Uint8Array(size));
  }

  #growSlots(): void {
    const slots = (this.#slotMask + 1) * 2;
    this.#slots = new Int32Array(slots * 2);
    this.#slotMask = slots - 1;
    for (let key = 0; key < this.#keys; key++) this.#place(this.#keyHash[key], key);
  }

  /**
   * Finds a key.
   *
   * @param key The key's bytes.
   * @param hash Its {@linkcode hashKey}.
   * @returns Its id, or −1.
   */
  keyId(key: Uint8Array, hash: number): number {
    return this.#findKey(hash, key, 0, key.length);
  }

  /**
   * Finds the newest version of a key at or before an LSN.
   *
   * @returns Its entry, or −1.
   */
  seek(key: number, lsn: number): number {
    let entry = this.#keyHead[key];
    while (entry >= 0 && this.#lsn[entry] > lsn) entry = this.#previous[entry];
    return entry;
  }

  /** The next older version of the same key, or −1. */
  previous(entry: number): number {
    return this.#previous[entry];
  }

  /** The LSN of a version. */
  lsnOf(entry: number): number {
    return this.#lsn[entry];
  }

  /** The offset of a version's record in the segment, in bytes. */
  offsetOf(entry: number): number {
    return this.#offset[entry];
  }

  /** The length of a version's record in bytes. */
  lengthOf(entry: number): number {
    return this.#length[entry] & lengthMask;
  }

  /** Whether a version is a tombstone. */
  isTombstone(entry: number): boolean {
    return (this.#length[entry] & tombstoneBit) !== 0;
  }

  /** The hash of a key. */
  hashOf(key: number): number {
    return this.#keyHash[key];
  }

  /** The bytes of a key, which must not be written. */
  keyOf(key: number): Uint8Array {
    const start = this.#keyStart[key];
    return this.#bytes.subarray(start, start + this.#keyLength[key]);
  }

  /**
   * The ids of all keys there are now, in the order of their bytes. Keys that came since the last call are sorted
   * and merged; the result is not changed by later inserts.
   */
  sortedKeys(): Uint32Array {
    const known = this.#sorted;
    if (known.length === this.#keys) return known;
    const fresh = new Uint32Array(this.#keys - known.length);
    for (let i = 0; i < fresh.length; i++) fresh[i] = known.length + i;
    for (const _ of sortKeySteps(this.arena, fresh));
    this.#sorted = known.length === 0 ? fresh : mergeSorted(this.arena, known, fresh);
    return this.#sorted;
  }

  /** Sorts all keys as {@linkcode sortedKeys} does, in steps, between which nothing may be inserted. */
  *sortSteps(): Generator<void, Uint32Array> {
    if (this.#sorted.length !== this.#keys) {
      const ids = new Uint32Array(this.#keys);
      for (let i = 0; i < ids.length; i++) ids[i] = i;
      yield* sortKeySteps(this.arena, ids);
      this.#sorted = ids;
    }
    return this.#sorted;
  }
}

function enlarge<T extends Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array>(
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
