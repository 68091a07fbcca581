/**
 * The newest versions of keys: their LSNs, and whether they are values. No record is read for them.
 *
 * ```
 *   the call                          pages are read, others append                one turn
 *   ──●──────────────────────────────────────────────────────────────────────────────●──► what stands now
 *     ├─ indexes in memory: newest versions of most keys                             │
 *     ├─ the others: view, as of LSN v ─► WarmNewest: cached pages                   │
 *     └─ where pages are missing ─► Lookup ─► newest up to v                         │
 *                                         newest beyond v: indexes in memory ────────┘
 * ```
 *
 * N2  While a view is open, the index of every batch that was appended since it began is in memory, whatever was sealed
 *     and merged meanwhile: so what came since can be told in one turn.
 *
 * @module
 */

import type { Lsn, Turns } from "../../base/mod.ts";
import { hashKey, type MemoryLayer, tombstoneFlag } from "../../layer/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import { Lookup } from "../read/lookup.ts";
import { complete } from "../read/read.ts";
import { noPlace, type Places } from "../read/records/places.ts";
import type { View } from "../read/view.ts";
import type { WarmNewest } from "./warm_newest.ts";

/** Keys that are looked up together. */
const windowKeys = 4096;

/** Reads what memory does not have; rejects if it must stop. */
export type ReadOn = (turns: Turns) => Promise<void>;

/** What is known of the newest versions of some keys. */
export class NewestVersions {
  readonly #keys: readonly Uint8Array[];
  readonly #hashes: readonly number[];
  /** By key: the LSN of its newest version; 0 if none is known. */
  readonly #lsns: Lsn[];
  /** By key: whether its newest version is a deletion. */
  readonly #deleted: boolean[];
  #failures: Map<number, Error> | undefined;

  /** Knows nothing yet. The keys may be put elsewhere in memory. */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
    this.#hashes = keys.map((key) => hashKey(key, 0, key.length));
    this.#lsns = keys.map(() => 0);
    this.#deleted = keys.map(() => false);
  }

  /**
   * Learns of versions in memory beyond an LSN: all that is known is older.
   *
   * @param layers Layers whose indexes are in memory, in any order.
   * @param beyond The LSN.
   * @returns Whether a version of every key is known.
   */
  learnFrom(layers: readonly MemoryLayer[], beyond: Lsn): boolean {
    for (const layer of layers) {
      const { index } = layer;
      if (layer.lastLsn <= beyond) continue;
      for (let i = 0; i < this.#keys.length; i++) {
        const id = index.keyId(this.#keys[i], this.#hashes[i]);
        if (id < 0) continue;
        const version = index.keys.newest(id), lsn = index.lsnOf(version);
        if (lsn > beyond) this.#learn(i, lsn, (index.flagsOf(version) & tombstoneFlag) !== 0);
      }
    }
    return this.#lsns.every((lsn) => lsn > 0);
  }

  #learn(i: number, lsn: Lsn, isDeleted: boolean): void {
    if (lsn <= this.#lsns[i]) return;
    this.#lsns[i] = lsn;
    this.#deleted[i] = isDeleted;
    // What could not be read is older.
    this.#failures?.delete(i);
  }

  /**
   * Looks up, as of a view, the keys of which no version is known.
   *
   * @param warm What answers from memory.
   * @param objects What reads.
   * @param view What is seen.
   * @returns Nothing if memory tells; else what reads the rest, and resolves when it is known.
   * @throws {CorruptionError} If a page in memory contradicts its layer.
   */
  lookUp(warm: WarmNewest, objects: Objects, view: View): ReadOn | undefined {
    const missing: number[] = [];
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#lsns[i] !== 0) continue;
      if (!warm.find(view.levels, this.#keys[i], this.#hashes[i])) missing.push(i);
      else this.#learn(i, warm.lsn, warm.isDeleted);
    }
    return missing.length === 0 ? undefined : (turns) => this.#read(missing, objects, view, turns);
  }

  async #read(missing: readonly number[], objects: Objects, view: View, turns: Turns): Promise<void> {
    for (let from = 0; from < missing.length; from += windowKeys) {
      const numbers = missing.slice(from, from + windowKeys);
      const lookup = new Lookup(view.levels, numbers.map((i) => this.#keys[i]));
      await complete(lookup, new PageSet(objects, { fleeting: true }), turns, view);
      numbers.forEach((i, key) => this.#takePlace(i, lookup.places, key));
    }
  }

  #takePlace(i: number, places: Places, key: number): void {
    const failure = places.failureOf(key), place = places.newestOf(key);
    if (failure !== undefined) (this.#failures ??= new Map()).set(i, failure);
    else if (place !== noPlace) this.#learn(i, places.lsnOf(place), places.isTombstone(place));
  }

  /**
   * The LSN of the newest version of a key; 0 if there is none.
   *
   * @throws {CorruptionError} If it could not be found out, for damage; an `IoError`, if a read failed.
   */
  lsnOf(i: number): Lsn {
    const failure = this.#failures?.get(i);
    if (failure !== undefined) throw failure;
    return this.#lsns[i];
  }

  /** Whether the newest version of a key is a value. */
  hasValue(i: number): boolean {
    return this.#lsns[i] > 0 && !this.#deleted[i];
  }
}
