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
import {
  isVersionKind,
  joinLsn,
  lsnHigh,
  lsnLow,
  recordHeaderBytes,
  recordLengthAt,
} from "../formats/record_format.ts";
import { flagsOfKind } from "../formats/run_format.ts";
import type { FrozenColumns, SortedVersions } from "./frozen_index.ts";
import { type ArrayMemory, GrowingArray, ownArrays, wordsIn } from "./growing_array.ts";
import { KeyOrder } from "./key_order.ts";
import { keyStride, KeyTable } from "./key_table.ts";
import {
  versionLength,
  versionLsnHigh,
  versionLsnLow,
  versionOffset,
  versionPrevious,
  versionStride,
} from "./version_fields.ts";
import { mayMark, VersionMarks } from "./version_marks.ts";

/** Expected sizes: an index that is not much larger need not grow. */
export interface MemoryIndexHint {
  /** The expected number of versions. */
  versions?: number | undefined;
  /** The expected number of keys. */
  keys?: number | undefined;
  /** The expected bytes of all keys. */
  keyBytes?: number | undefined;
}

const leastVersions = 1 << 8;
/** Room beyond what is expected. Memory is reserved and not touched until it is used, so that it costs nothing. */
const spare = 1.125;
/** Records of a batch that are hashed before they are inserted. */
const lookAhead = 128;
/** Versions that are walked before marks are asked. */
const stepsBeforeJump = 32;

/** An append-only index from (key, LSN) to a record's place. */
export class MemoryIndex implements SortedVersions {
  /** Its keys; who is not the index only reads them. */
  readonly keys: KeyTable;
  #versions: Int32Array;
  readonly #growing: GrowingArray<Int32Array>;
  #versionCount = 0;
  #tombstones = 0;
  #patches = 0;
  #replaced = 0;
  readonly #aheadAt = new Int32Array(lookAhead);
  readonly #aheadHash = new Int32Array(lookAhead);
  readonly #marks = new VersionMarks();
  readonly #order: KeyOrder;
  #isGivenUp = false;

  /**
   * Makes an empty index.
   *
   * @param hint What it may expect.
   * @param memory Where its memory comes from.
   */
  constructor(hint: MemoryIndexHint = {}, memory: ArrayMemory = ownArrays) {
    const { versions = 0, keys = 0, keyBytes = 0 } = hint;
    const least = leastVersions + lookAhead, roomFor = (count: number) => Math.ceil(count * spare);
    this.keys = new KeyTable({
      keys: Math.max(least, keys + lookAhead),
      room: Math.max(least, roomFor(keys) + lookAhead),
      byteRoom: Math.max(leastVersions * 16, roomFor(keyBytes)),
    }, memory);
    const room = Math.max(least, roomFor(versions) + lookAhead);
    this.#growing = new GrowingArray(wordsIn(memory.take), room * versionStride);
    this.#versions = this.#growing.array;
    this.#order = new KeyOrder(this.keys);
  }

  /** How many distinct keys it has. */
  get keyCount(): number {
    return this.keys.count;
  }

  /** How many versions it has; those that a later change of the same batch replaced do not count. */
  get versionCount(): number {
    return this.#versionCount - this.#replaced;
  }

  /** How many versions came, those that were replaced too: the ids of all of them are below it. */
  get arrivals(): number {
    return this.#versionCount;
  }

  /** How many of its versions are tombstones. */
  get tombstoneCount(): number {
    return this.#tombstones;
  }

  /** How many of its versions need older ones. */
  get patchCount(): number {
    return this.#patches;
  }

  /** Where the record of its last version ends in the segment, in bytes; 0 if there is none. */
  get recordsEnd(): number {
    const last = this.#versionCount - 1;
    return last < 0 ? 0 : this.offsetOf(last) + this.lengthOf(last);
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.keys.byteLength + this.#growing.byteLength + this.#marks.byteLength;
  }

  /**
   * The memory that its contents need in bytes. What was reserved beyond that does not count, so that a generous
   * hint does not make an index look full.
   */
  get usedBytes(): number {
    return this.keys.usedBytes + this.#versionCount * versionStride * 4;
  }

  /** What an index of the same kind of data may expect. */
  hint(): MemoryIndexHint {
    return { versions: this.#versionCount, keys: this.keys.count, keyBytes: this.keys.bytesUsed };
  }

  /** Gives up what only finding needs, which is memory at once: nobody looks for a key any more. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.keys.giveUp();
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
      this.#versions = this.#growing.reserve(this.#versionCount * versionStride, count * versionStride);
      this.keys.touch(this.#aheadHash, count);
      for (let i = 0; i < count; i++) {
        this.#insertRecord(bytes, view, this.#aheadAt[i], this.#aheadHash[i], base);
      }
    }
  }

  #insertRecord(bytes: Uint8Array, view: DataView, at: number, hash: number, base: number): void {
    const kind = bytes[at + 4];
    if (!isVersionKind(kind)) return;
    const { keys } = this;
    const start = at + recordHeaderBytes, length = view.getUint16(at + 6, true);
    const lsn = joinLsn(view.getUint32(at + 12, true), view.getUint32(at + 16, true));
    const flags = flagsOfKind(kind);
    const version = this.#versionCount++;
    const key = keys.find(hash, bytes, start, length);
    let previous = -1;
    if (key < 0) keys.add(~key, hash, bytes, start, length, version);
    else {
      previous = this.#before(keys.newest(key), lsn);
      keys.setNewest(key, version);
    }
    const fields = this.#versions, to = version * versionStride;
    fields[to + versionOffset] = base + at;
    fields[to + versionLength] = recordLengthAt(view, at) * 4 + flags;
    fields[to + versionPrevious] = previous;
    fields[to + versionLsnLow] = lsnLow(lsn);
    fields[to + versionLsnHigh] = lsnHigh(lsn);
    if ((flags & tombstoneFlag) !== 0) this.#tombstones++;
    else if ((flags & terminalFlag) === 0) this.#patches++;
    if (previous >= 0 && mayMark(version)) this.#marks.mark(this, key, version);
  }

  /** The version before a new one of an LSN, as which the newest so far is replaced if it has the same LSN (M1). */
  #before(newest: number, lsn: Lsn): number {
    const newestLsn = this.lsnOf(newest);
    assert(newestLsn <= lsn, "M1: LSNs of a key increase");
    if (newestLsn < lsn) return newest;
    this.#replaced++;
    const flags = this.flagsOf(newest);
    if ((flags & tombstoneFlag) !== 0) this.#tombstones--;
    else if ((flags & terminalFlag) === 0) this.#patches--;
    return this.previous(newest);
  }

  /**
   * Finds a key.
   *
   * @param key The key's bytes.
   * @param hash Its {@linkcode hashKey}.
   * @returns Its id, or −1.
   */
  keyId(key: Uint8Array, hash: number): number {
    assert(!this.#isGivenUp, "no key is looked for in an index that was given up");
    return Math.max(-1, this.keys.find(hash | 0, key, 0, key.length));
  }

  /** Finds the newest version of a key at or before an LSN; −1 if there is none. */
  seek(key: number, lsn: Lsn): number {
    let version = this.keys.newest(key);
    for (let steps = 1; version >= 0 && this.lsnOf(version) > lsn; steps++) {
      if (steps === stepsBeforeJump) version = this.#marks.jump(this, key, version, lsn);
      version = this.previous(version);
    }
    return version;
  }

  /** The fields of all versions; versions there are stay valid in it. */
  get versions(): Int32Array {
    return this.#versions;
  }

  /** The next older version of the same key, or −1. */
  previous(version: number): number {
    return this.#versions[version * versionStride + versionPrevious];
  }

  /** The LSN of a version. */
  lsnOf(version: number): Lsn {
    const at = version * versionStride;
    return joinLsn(this.#versions[at + versionLsnLow] >>> 0, this.#versions[at + versionLsnHigh]);
  }

  /** The offset of a version's record in the segment, in bytes. */
  offsetOf(version: number): number {
    return this.#versions[version * versionStride + versionOffset] >>> 0;
  }

  /** The length of a version's record in bytes. */
  lengthOf(version: number): number {
    return this.#versions[version * versionStride + versionLength] >>> 2;
  }

  /** The flags of a version: {@linkcode flagsOfKind}. */
  flagsOf(version: number): number {
    return this.#versions[version * versionStride + versionLength] & 3;
  }

  /**
   * The ids of all keys there are now, in the order of their bytes. Keys that came since the last call are sorted
   * and merged; the result is not changed by later inserts.
   */
  sortedKeys(): Uint32Array {
    return this.#order.sortedKeys();
  }

  /** Sorts the keys there are now in steps, so that {@linkcode sortedKeys} finds them sorted. */
  sortSteps(): Generator<void, void> {
    return this.#order.sortSteps();
  }

  /** What a cursor walks, without a copy: nothing is added any more. */
  columns(): FrozenColumns {
    const { bytes, bytesUsed, fields, count } = this.keys;
    return {
      keyCount: count,
      versionCount: this.versionCount,
      keyBytes: bytes.subarray(0, bytesUsed),
      keyFields: fields.subarray(0, count * keyStride),
      versions: this.#versions.subarray(0, this.#versionCount * versionStride),
    };
  }
}

/** Sorts the keys of an index, giving the event loop its turns, so that a cursor over it need not. */
export async function sortIndex(index: SortedVersions, turns: Turns): Promise<void> {
  for (const _ of index.sortSteps()) {
    if (turns.due()) await turns.turn();
  }
}
