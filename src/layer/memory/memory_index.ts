/**
 * The index of an open or frozen layer: where in its segment every version of every key lies.
 *
 * ```
 *   keys (hash table)            versions, in the order of their arrival
 *   ┌─────┬─────────┐           ┌─────┬────────┬──────────────┬──────────┐
 *   │ key │ newest ─┼─────────► │ lsn │ offset │ length, kind │ previous─┼─► older
 *   └─────┴─────────┘           └─────┴────────┴──────────────┴──────────┘
 * ```
 *
 * Everything is typed arrays, so that a version costs some fifty bytes and no object. It only grows: a reader that
 * holds it and an LSN sees the same for ever. It is written in one turn per batch, so that a reader sees all of a
 * batch or none.
 *
 * M1  LSNs of a key's chain strictly decrease from its newest; within one batch the last change of a key replaces.
 * M2  Ids of keys and of versions are dense and are never reused.
 *
 * @module
 */

import { assert, type Lsn, type Turns } from "../../base/mod.ts";
import { hashKey } from "../formats/key_hash.ts";
import { terminalFlag, tombstoneFlag } from "../formats/page_format.ts";
import { joinLsn, recordHeaderBytes, RecordKind, recordLengthAt } from "../formats/record_format.ts";
import { mergeSorted, sortKeySteps } from "./key_sort.ts";
import { KeyTable } from "./key_table.ts";
import { lengthMask, tombstoneBit, VersionTable } from "./version_table.ts";

/** Expected sizes, so that an index need not grow. */
export interface MemoryIndexHint {
  /** The expected number of versions. */
  versions?: number | undefined;
  /** The expected number of keys. */
  keys?: number | undefined;
  /** The expected bytes of all keys. */
  keyBytes?: number | undefined;
}

const leastVersions = 1 << 10;
/** Records of a batch that are hashed before they are inserted. */
const lookAhead = 128;

/** An append-only index from (key, LSN) to a record's place. */
export class MemoryIndex {
  /** Its keys; who is not the index only reads them. */
  readonly keys: KeyTable;
  /** Its versions; who is not the index only reads them. */
  readonly versions: VersionTable;
  #tombstones = 0;
  #replaced = 0;
  readonly #aheadAt = new Int32Array(lookAhead);
  readonly #aheadHash = new Int32Array(lookAhead);
  #sorted: Uint32Array = new Uint32Array(0);

  /** Makes an empty index. */
  constructor(hint: MemoryIndexHint = {}) {
    this.keys = new KeyTable(
      Math.max(leastVersions, hint.keys ?? 0) + lookAhead,
      Math.max(leastVersions * 16, hint.keyBytes ?? 0),
    );
    this.versions = new VersionTable(Math.max(leastVersions, hint.versions ?? 0) + lookAhead);
  }

  /** How many distinct keys it has. */
  get keyCount(): number {
    return this.keys.count;
  }

  /** How many versions it has; those that a later change of the same batch replaced do not count. */
  get versionCount(): number {
    return this.versions.count - this.#replaced;
  }

  /** How many of its versions are tombstones. */
  get tombstoneCount(): number {
    return this.#tombstones;
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.keys.byteLength + this.versions.byteLength;
  }

  /**
   * The memory that its contents need in bytes. What was reserved beyond that does not count, so that a generous
   * hint does not make an index look full.
   */
  get usedBytes(): number {
    return this.keys.usedBytes + this.versions.usedBytes;
  }

  /** What an index of the same kind of data may expect. */
  hint(): MemoryIndexHint {
    const spare = 1.125;
    return {
      versions: Math.ceil(this.versions.count * spare),
      keys: Math.ceil(this.keys.count * spare),
      keyBytes: Math.ceil(this.keys.bytesUsed * spare),
    };
  }

  /**
   * Adds every record of an encoded, checked batch. Hot: `bench/seal_bench.ts`.
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
      let count = 0, keyBytes = 0;
      for (; at < end && count < lookAhead; count++) {
        const keyLength = view.getUint16(at + 6, true);
        keyBytes += keyLength;
        this.#aheadAt[count] = at;
        this.#aheadHash[count] = hashKey(bytes, at + recordHeaderBytes, keyLength);
        at += recordLengthAt(view, at);
      }
      this.keys.reserve(count, keyBytes);
      this.versions.reserve(count);
      this.keys.touch(this.#aheadHash, count);
      for (let i = 0; i < count; i++) {
        this.#insertRecord(bytes, view, this.#aheadAt[i], this.#aheadHash[i], base);
      }
    }
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
    lsn: Lsn,
    offset: number,
    tagged: number,
  ): void {
    const { keys } = this;
    const key = keys.find(hash, bytes, start, length);
    if (key < 0) keys.add(~key, hash, bytes, start, length, this.versions.add(lsn, offset, tagged, -1));
    else this.#addVersion(key, lsn, offset, tagged);
    if (tagged & tombstoneBit) this.#tombstones++;
  }

  #addVersion(key: number, lsn: Lsn, offset: number, tagged: number): void {
    const newest = this.newest(key);
    const newestLsn = this.lsnOf(newest);
    assert(newestLsn <= lsn, "M1: LSNs of a key increase");
    let previous = newest;
    if (newestLsn === lsn) {
      previous = this.previous(newest);
      this.#replaced++;
      if (this.isTombstone(newest)) this.#tombstones--;
    }
    this.keys.setNewest(key, this.versions.add(lsn, offset, tagged, previous));
  }

  /**
   * Finds a key.
   *
   * @param key The key's bytes.
   * @param hash Its {@linkcode hashKey}.
   * @returns Its id, or −1.
   */
  keyId(key: Uint8Array, hash: number): number {
    return Math.max(-1, this.keys.find(hash | 0, key, 0, key.length));
  }

  /** The bytes of a key, which must not be written. */
  keyOf(key: number): Uint8Array {
    return this.keys.keyOf(key);
  }

  /** Finds the newest version of a key at or before an LSN; −1 if there is none. */
  seek(key: number, lsn: Lsn): number {
    let version = this.newest(key);
    while (version >= 0 && this.lsnOf(version) > lsn) version = this.previous(version);
    return version;
  }

  /** The newest version of a key. */
  newest(key: number): number {
    return this.keys.newest(key);
  }

  /** The next older version of the same key, or −1. */
  previous(version: number): number {
    return this.versions.previous(version);
  }

  /** The LSN of a version. */
  lsnOf(version: number): Lsn {
    return this.versions.lsnOf(version);
  }

  /** The offset of a version's record in the segment, in bytes. */
  offsetOf(version: number): number {
    return this.versions.offsetOf(version);
  }

  /** The length of a version's record in bytes. */
  lengthOf(version: number): number {
    return this.versions.taggedOf(version) & lengthMask;
  }

  /** Whether a version is a tombstone. */
  isTombstone(version: number): boolean {
    return (this.versions.taggedOf(version) & tombstoneBit) !== 0;
  }

  /** The flags of a version: {@linkcode terminalFlag}, {@linkcode tombstoneFlag}. */
  flagsOf(version: number): number {
    return this.isTombstone(version) ? terminalFlag | tombstoneFlag : terminalFlag;
  }

  /**
   * The ids of all keys there are now, in the order of their bytes. Keys that came since the last call are sorted
   * and merged; the result is not changed by later inserts.
   */
  sortedKeys(): Uint32Array {
    const known = this.#sorted;
    if (known.length === this.keyCount) return known;
    const fresh = new Uint32Array(this.keyCount - known.length);
    for (let i = 0; i < fresh.length; i++) fresh[i] = known.length + i;
    for (const _ of sortKeySteps(this.keys.arena, fresh));
    this.#sorted = known.length === 0 ? fresh : mergeSorted(this.keys.arena, known, fresh);
    return this.#sorted;
  }

  /** Sorts the keys there are now in steps, so that {@linkcode sortedKeys} finds them sorted. */
  *sortSteps(): Generator<void, void> {
    if (this.#sorted.length === this.keyCount) return;
    const ids = new Uint32Array(this.keyCount);
    for (let i = 0; i < ids.length; i++) ids[i] = i;
    yield* sortKeySteps(this.keys.arena, ids);
    if (ids.length > this.#sorted.length) this.#sorted = ids;
  }
}

/** Sorts the keys of an index, giving the event loop its turns, so that a cursor over it need not. */
export async function sortIndex(index: MemoryIndex, turns: Turns): Promise<void> {
  for (const _ of index.sortSteps()) {
    if (turns.due()) await turns.turn();
  }
}
