/**
 * A get that memory answers, in one turn: no view, no promise, no plan of reads.
 *
 * ```
 *   key ─► layers in memory ─► filter, root, …, leaf in the cache ─► record in the cache or in a writer's buffers ─► value
 *             │                                        └─► run of records in the cache ───────────────────────────┘
 *             └──────────────────────────┴── anything is missing ──┴─► cold: the read that waits does all of it
 *   none of them has the key ─► the same of the timeline that this one goes on from, as of the branch LSN
 * ```
 *
 * It finds what `Lookup` finds (Q1, Q2), and gives out what `Values` does: a record that was checked, as memory of its
 * own (D2, D3). A version that needs an older one, a record that does not check, and a large value that is compressed are
 * left to them.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import {
  checkRecord,
  CompressedValue,
  Descent,
  DescentSteps,
  findVersion,
  hashKey,
  isCompressedAt,
  isPutAt,
  type LayerMap,
  type RecordFile,
  recordHeaderBytes,
  type StoredLayer,
  terminalFlag,
  tombstoneFlag,
  valueStartOf,
} from "../../layer/mod.ts";
import { MemoryRead, type Objects } from "../../objects/mod.ts";
import type { Lineage } from "./levels.ts";

/** Stands for what memory does not answer. */
export const cold: unique symbol = Symbol("cold");
/** Stands for no version. */
const absent: unique symbol = Symbol("absent");

/** A value, `undefined` for none, or {@linkcode cold}. */
export type WarmValue = Uint8Array<ArrayBuffer> | undefined | typeof cold;

/** Answers gets from memory, one after the other. Hot: `bench/get.ts`. */
export class WarmGet {
  /** The LSN of the version that was found last; `undefined` if there was none. */
  lsn: Lsn | undefined = undefined;
  readonly #memory: MemoryRead;
  readonly #steps = new DescentSteps(1);
  /** Those of the key that was asked for last. */
  readonly #candidates: StoredLayer[] = [];

  /** Looks into the memory of a store's objects. */
  constructor(objects: Objects) {
    this.#memory = new MemoryRead(objects);
  }

  /**
   * Finds the value of a key.
   *
   * @param lineage Where to look.
   * @param lsn As of which LSN.
   * @param key The key, which is only read.
   * @returns The value, memory of its own.
   * @throws {CorruptionError} If a page in memory contradicts its layer.
   */
  find(lineage: Lineage, lsn: Lsn, key: Uint8Array): WarmValue {
    const hash = hashKey(key, 0, key.length);
    this.#memory.begin();
    let found = this.#findIn(lineage.map, lsn, key, hash), { older } = lineage;
    for (let last = lsn; found === absent && older !== undefined; older = older.lineage.older) {
      last = Math.min(last, older.lsn);
      found = this.#findIn(older.lineage.map, last, key, hash);
    }
    return found === absent ? this.#answer(undefined, undefined) : found;
  }

  #findIn(map: LayerMap, lsn: Lsn, key: Uint8Array, hash: number): WarmValue | typeof absent {
    for (const layer of map.memory) {
      if (layer.firstLsn > lsn) continue;
      const { index } = layer, id = index.keyId(key, hash);
      const version = id < 0 ? -1 : index.seek(id, lsn);
      if (version < 0) continue;
      const found = index.lsnOf(version), flags = index.flagsOf(version);
      return this.#take(layer, found, index.offsetOf(version), index.lengthOf(version), flags, key);
    }
    return this.#findStored(map, lsn, key, hash);
  }

  #findStored(map: LayerMap, lsn: Lsn, key: Uint8Array, hash: number): WarmValue | typeof absent {
    const steps = this.#steps;
    let file: RecordFile | undefined, newest = 0, offset = 0, length = 0, flags = 0;
    let run: Uint8Array<ArrayBuffer> | undefined, at = 0, settled = 0;
    const candidates = this.#candidates, count = map.findCandidates(key, lsn, candidates);
    for (let i = 0; i < count; i++) {
      const layer = candidates[i], { lastLsn, imageLsn } = layer.description;
      if (lastLsn <= newest || lastLsn <= settled) break;
      settled = Math.max(settled, imageLsn);
      steps.restart(0);
      const came = findVersion(layer, key, hash, lsn, this.#memory, steps, 0);
      if (came === Descent.WAITING) return cold;
      if (came === Descent.ABSENT || steps.lsnOf(0) <= newest) continue;
      flags = steps.flagsOf(0);
      if ((flags & terminalFlag) === 0) return cold;
      file = layer;
      newest = steps.lsnOf(0);
      offset = steps.offsetOf(0);
      length = steps.lengthOf(0);
      run = steps.memory;
      at = steps.memoryAt;
    }
    if (run !== undefined && (flags & tombstoneFlag) === 0) {
      const start = at + recordHeaderBytes + key.length;
      if (!isPutAt(run, at)) return cold;
      if (isCompressedAt(run, at)) return this.#open(newest, run, start, at + length);
      return this.#answer(newest, run.slice(start, at + length));
    }
    return file === undefined ? absent : this.#take(file, newest, offset, length, flags, key);
  }

  #open(lsn: Lsn, bytes: Uint8Array<ArrayBuffer>, start: number, end: number): WarmValue {
    const compressed = new CompressedValue(bytes, start, end);
    const value = compressed.isLarge ? undefined : compressed.open();
    return value === undefined ? cold : this.#answer(lsn, value);
  }

  #answer(lsn: Lsn | undefined, value: Uint8Array<ArrayBuffer> | undefined): WarmValue {
    this.#memory.settle();
    this.lsn = lsn;
    return value;
  }

  #take(
    file: RecordFile,
    lsn: Lsn,
    offset: number,
    length: number,
    flags: number,
    key: Uint8Array,
  ): WarmValue {
    const memory = this.#memory;
    let value: Uint8Array<ArrayBuffer> | undefined;
    if ((flags & tombstoneFlag) === 0) {
      if ((flags & terminalFlag) === 0 || !memory.find(file.object, offset, length)) return cold;
      const { bytes, at, isOwn } = memory;
      const start = valueStartOf(bytes, at, length, key, lsn);
      if (start < 0) return cold;
      if (isOwn && !checkRecord(bytes, new DataView(bytes.buffer), at, length, file.seed)) return cold;
      if (isCompressedAt(bytes, at)) return this.#open(lsn, bytes, start, at + length);
      value = isOwn ? bytes.subarray(start) : bytes.slice(start, at + length);
    }
    return this.#answer(lsn, value);
  }
}
