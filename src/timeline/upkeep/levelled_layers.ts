/**
 * The stored layers of a timeline and their levels, as upkeep plans with them. Edited in the turn in which the layer map
 * is.
 *
 * @module
 */

import { compareKeys, CorruptionError, type Lsn } from "../../base/mod.ts";
import type { StoredLayer } from "../../layer/mod.ts";
import type { LevelledLayer } from "../../manifest/mod.ts";
import { bottomLevel, Levels } from "./plan/levels.ts";
import type { PlannedLayer } from "./plan/planned_layer.ts";

/** A stored layer, and what the manifest says of it. */
export interface StoredAt {
  /** What readers have of it. */
  readonly stored: StoredLayer;
  /** What the manifest says. */
  readonly layer: LevelledLayer;
}

/** See the top of the file. */
export class LevelledLayers {
  readonly #path: string;
  readonly #all = new Map<number, StoredAt>();
  /** Those without versions, which no plan knows of. */
  readonly #blank = new Set<number>();
  #lastLsn: Lsn = 0;
  /** Made when somebody asks: sorting a hundred thousand layers takes a tenth of a second. */
  #levels: Levels | undefined;

  /**
   * Starts with what the manifest says.
   *
   * @param path The store, for messages.
   * @param layers The layers.
   */
  constructor(path: string, layers: readonly StoredAt[]) {
    this.#path = path;
    for (const layer of layers) this.#add(layer);
  }

  /** The layers by level. */
  get levels(): Levels {
    return this.#levels ??= levelsOf(this.#path, Array.from(this.#all.values(), ({ layer }) => layer));
  }

  /** The layers but for those at level 0 that are newer than an LSN. */
  upTo(lsn: Lsn): Levels {
    return this.levels.edit(this.levels.l0s.filter((layer) => layer.lastLsn > lsn), []);
  }

  /** The same layers, and those without versions. */
  listUpTo(lsn: Lsn): LevelledLayer[] {
    const layers = Array.from(this.#all.values(), ({ layer }) => layer);
    return layers.filter((layer) => layer.level > 0 || layer.lastLsn <= lsn);
  }

  /** The highest LSN that a layer says it has. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** The level of a layer; `undefined` if there is none of that sequence. */
  levelOf(sequence: number): number | undefined {
    return this.#all.get(sequence)?.layer.level;
  }

  /** The stored layers that a plan speaks of. */
  storedOf(planned: readonly Pick<PlannedLayer, "sequence">[]): StoredAt[] {
    return planned.map(({ sequence }) => this.#all.get(sequence)!);
  }

  /**
   * The layers that nothing is lost with: without versions, and that another one has a higher LSN than they have, so that
   * it is known all the same how far history went.
   */
  spent(): StoredAt[] {
    const blank = Array.from(this.#blank, (sequence) => this.#all.get(sequence)!);
    return blank.filter(({ layer }) => layer.lastLsn < this.#lastLsn);
  }

  /** Takes layers out, and puts others in; one that goes and comes is moved. */
  edit(remove: readonly StoredAt[], add: readonly StoredAt[]): void {
    this.#levels = this.#levels?.edit(remove.map(({ layer }) => layer), add.map(({ layer }) => layer));
    for (const { layer: { sequence } } of remove) {
      this.#all.delete(sequence);
      this.#blank.delete(sequence);
    }
    for (const layer of add) this.#add(layer);
  }

  #add(added: StoredAt): void {
    const { sequence, versions, lastLsn } = added.layer;
    this.#all.set(sequence, added);
    if (versions === 0) this.#blank.add(sequence);
    this.#lastLsn = Math.max(this.#lastLsn, lastLsn);
  }
}

/**
 * Puts layers at the levels that a manifest says.
 *
 * @throws {CorruptionError} If some of a level overlap (C1). Reads do not mind, but no plan could be made.
 */
function levelsOf(path: string, layers: readonly LevelledLayer[]): Levels {
  const sorted = layers.filter(({ level, versions }) => level >= 1 && level <= bottomLevel && versions > 0)
    .sort((a, b) => a.level - b.level || compareKeys(a.firstKey, b.firstKey));
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1], layer = sorted[i];
    if (before.level !== layer.level || compareKeys(before.lastKey, layer.firstKey) < 0) continue;
    const expected = `layers of level ${layer.level} side by side`;
    const found = `layers ${before.sequence} and ${layer.sequence}, which overlap`;
    throw new CorruptionError({ path, offset: 0, expected, found });
  }
  return Levels.empty.edit([], layers);
}
