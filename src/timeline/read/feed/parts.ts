/**
 * Which layers hold the next changes: history, cut where layers do not overlap in LSN. Pure.
 *
 * ```
 *   LSN ─►  ├──── delta ────┤                                     read by key, and put in the order of LSNs
 *              ├─── delta ────┤ ├── L0 ──┤├── L0 ──┤├─ in memory ─ …
 *           └ one part ───────┘ └ one ───┘└ one ───┘└ one           read as they lie: they are in that order
 * ```
 *
 * Of levels (V1) each holds what lies behind the one under it: a part ends where its level does.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { LayerMap, MemoryLayer, StoredLayer } from "../../../layer/mod.ts";
import { groupByLsn } from "../history.ts";
import type { Level } from "../levels.ts";

/** Layers that hold all changes from where they begin to where they end. */
export interface Part {
  /** The layer whose records lie in the order of LSNs, if it stands alone. */
  readonly log: MemoryLayer | StoredLayer | undefined;
  /** Otherwise the layers, from old to new. */
  readonly layers: readonly StoredLayer[];
  /** The last LSN that counts of it. */
  readonly lastLsn: Lsn;
}

/** The parts of levels, of which maps that stay the same are cut once. It holds none of them: who waits has no view (P3). */
export class Parts {
  readonly #stored = new WeakMap<LayerMap, readonly Part[]>();

  /**
   * The first part that may have changes between two LSNs, both inclusive.
   *
   * @param levels Where to look, the newest first.
   * @param from The first LSN.
   * @param to The last LSN.
   * @returns It; `undefined` if there are no such changes.
   */
  next(levels: readonly Level[], from: Lsn, to: Lsn): Part | undefined {
    for (let i = levels.findLastIndex(({ lsn }) => lsn >= from); i >= 0; i--) {
      const { map, lsn } = levels[i];
      const part = this.#nextOf(map, from, Math.min(to, lsn));
      if (part !== undefined) return part.lastLsn <= lsn ? part : { ...part, lastLsn: lsn };
      if (lsn >= to) break;
    }
    return undefined;
  }

  #nextOf(map: LayerMap, from: Lsn, to: Lsn): Part | undefined {
    const { memory } = map, oldest = memory.at(-1);
    // What is stored is older than all that is in memory: who follows does not look there.
    if (oldest === undefined || from < oldest.firstLsn) {
      const part = this.#storedOf(map).find(({ lastLsn }) => lastLsn >= from);
      if (part !== undefined) return firstLsnOf(part) <= to ? part : undefined;
    }
    const log = memory.findLast(({ lastLsn }) => lastLsn >= from);
    return log === undefined || log.firstLsn > to ? undefined : { log, layers: [], lastLsn: log.lastLsn };
  }

  #storedOf(map: LayerMap): readonly Part[] {
    const known = this.#stored.get(map);
    if (known !== undefined) return known;
    const parts = storedParts(map);
    this.#stored.set(map, parts);
    return parts;
  }
}

function storedParts(map: LayerMap): Part[] {
  const stored = [...map.stored()].filter(({ description: { versions } }) => versions > 0);
  return groupByLsn(stored, 1).map((layers) => ({
    log: layers.length === 1 && layers[0].description.kind === "L0" ? layers[0] : undefined,
    layers,
    lastLsn: layers.reduce((most, { description: { lastLsn } }) => Math.max(most, lastLsn), 0),
  }));
}

function firstLsnOf({ layers }: Part): Lsn {
  return layers[0].description.firstLsn;
}
