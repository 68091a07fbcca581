/**
 * The newest version of a key in stored layers, if pages in memory tell: what `WarmGet` does, without the record.
 *
 * It finds what `Lookup` finds first (Q2, Q3). A key of which a page is missing is left to that.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import { Descent, DescentSteps, findVersion, type StoredLayer, tombstoneFlag } from "../../layer/mod.ts";
import { MemoryRead, type Objects } from "../../objects/mod.ts";
import type { Level } from "../read/levels.ts";

/** Answers one question after the other, each in one turn. Hot: `bench/expect.ts`. */
export class WarmNewest {
  /** The LSN of the version that was found last; 0 if there is none. */
  lsn: Lsn = 0;
  /** Whether it is a deletion. */
  isDeleted = false;
  readonly #memory: MemoryRead;
  readonly #steps = new DescentSteps(1);
  /** Those of the key that was asked for last. */
  readonly #candidates: StoredLayer[] = [];

  /** Looks into the memory of a store's objects. */
  constructor(objects: Objects) {
    this.#memory = new MemoryRead(objects);
  }

  /**
   * Looks for the newest version of a key.
   *
   * @param levels Where to look, the newest first; layers in memory of the first are passed over.
   * @param key The key.
   * @param hash Its `hashKey`.
   * @returns Whether memory tells.
   * @throws {CorruptionError} If a page in memory contradicts its layer.
   */
  find(levels: readonly Level[], key: Uint8Array, hash: number): boolean {
    this.#memory.begin();
    this.lsn = 0;
    this.isDeleted = false;
    for (const level of levels) {
      if (level !== levels[0] && this.#findInMemory(level, key, hash)) break;
      if (!this.#findStored(level, key, hash)) return false;
      // All that lies at a deeper level is older (V1).
      if (this.lsn > 0) break;
    }
    this.#memory.settle();
    return true;
  }

  /** Looks into indexes in memory; returns whether it is there. */
  #findInMemory({ map, lsn }: Level, key: Uint8Array, hash: number): boolean {
    for (const { index, firstLsn } of map.memory) {
      const id = firstLsn > lsn ? -1 : index.keyId(key, hash), version = id < 0 ? -1 : index.seek(id, lsn);
      if (version < 0) continue;
      this.#found(index.lsnOf(version), index.flagsOf(version));
      return true;
    }
    return false;
  }

  /** Looks into stored layers; returns whether memory tells. */
  #findStored({ map, lsn }: Level, key: Uint8Array, hash: number): boolean {
    const memory = this.#memory, steps = this.#steps, candidates = this.#candidates;
    let newest = 0, flags = 0, settled = 0;
    const count = map.findCandidates(key, lsn, candidates);
    for (let i = 0; i < count; i++) {
      const layer = candidates[i], { lastLsn, imageLsn } = layer.description;
      if (lastLsn <= newest || lastLsn <= settled) break;
      settled = Math.max(settled, imageLsn);
      steps.restart(0);
      const came = findVersion(layer, key, hash, lsn, memory, steps, 0);
      if (came === Descent.WAITING) return false;
      if (came === Descent.ABSENT || steps.lsnOf(0) <= newest) continue;
      newest = steps.lsnOf(0);
      flags = steps.flagsOf(0);
    }
    this.#found(newest, flags);
    return true;
  }

  #found(lsn: Lsn, flags: number): void {
    this.lsn = lsn;
    this.isDeleted = (flags & tombstoneFlag) !== 0;
  }
}
