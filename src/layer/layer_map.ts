/**
 * The layers of a timeline over key × LSN. A map never changes, so that whoever holds one keeps a consistent view; an
 * edit makes another map, which shares with it what it does not touch.
 *
 * ```
 *   LSN ▲  ┌──────────── open ─────────────┐
 *       │  ├──────────── frozen ───────────┤    in memory, newest first
 *       │  ├──────────── L0 ───────────────┤    a run of one
 *       │  ├─ delta ─┬─ delta ─┬── delta ──┤    a run of three
 *       │  └──┬ delta ─┬─┬─ image ─┬───────┘    a run of two
 *       └─────┴────────┴─┴─────────┴──────────► key
 * ```
 *
 * L1  Layers of a run do not overlap in key. Which run a layer stands in means nothing, and layers may overlap in LSN.
 *
 * @module
 */

import { assert, compareKeys, type Lsn } from "../base/mod.ts";
import { Candidates } from "./candidates.ts";
import { divideIntoRuns } from "./divide_layers.ts";
import type { MemoryLayer, StoredLayer } from "./layer.ts";
import { LayerRun } from "./layer_run.ts";

/** What changes between two maps. */
export interface LayerEdit {
  /** Stored layers that come. */
  readonly add?: readonly StoredLayer[] | undefined;
  /** Stored layers that go; each is in the map. */
  readonly remove?: readonly StoredLayer[] | undefined;
  /** The layers in memory from now on, newest first; left out, those there are. */
  readonly memory?: readonly MemoryLayer[] | undefined;
}

/** From so many added layers on it may be cheaper to divide all of them anew. */
const manyAdded = 64;

/** Which layers cover which keys and LSNs. */
export class LayerMap {
  /** The map without layers. */
  static readonly empty: LayerMap = new LayerMap([], [], new Set(), 0);
  /** Layers whose index is in memory, newest first. */
  readonly memory: readonly MemoryLayer[];
  /** How many stored layers there are. */
  readonly storedCount: number;
  /** Roughly by their last LSNs from new to old. */
  readonly #runs: readonly LayerRun[];
  /** Layers without versions. */
  readonly #blank: ReadonlySet<StoredLayer>;

  private constructor(
    memory: readonly MemoryLayer[],
    runs: readonly LayerRun[],
    blank: ReadonlySet<StoredLayer>,
    storedCount: number,
  ) {
    this.memory = memory;
    this.#runs = runs;
    this.#blank = blank;
    this.storedCount = storedCount;
  }

  /** The stored layers, in no order that counts. */
  *stored(): Generator<StoredLayer, void> {
    for (const run of this.#runs) yield* run.layers;
    yield* this.#blank;
  }

  /** The same map with other layers in memory, newest first. */
  withMemory(memory: readonly MemoryLayer[]): LayerMap {
    return this.edit({ memory });
  }

  /** The map after an edit. */
  edit({ add = [], remove = [], memory = this.memory }: LayerEdit): LayerMap {
    const storedCount = this.storedCount + add.length - remove.length;
    const added = add.filter(hasVersions);
    const blank = new Set([...this.#blank, ...add.filter((layer) => !hasVersions(layer))]);
    let runs = [...this.#runs];
    for (const layer of remove) if (!blank.delete(layer)) removeFrom(runs, layer);
    runs = runs.filter(({ layers }) => layers.length > 0);
    if (added.length >= manyAdded && added.length >= storedCount / 4) {
      runs = divideIntoRuns([...runs.flatMap(({ layers }) => layers), ...added]);
    } else for (const layer of added) addTo(runs, layer);
    return new LayerMap(memory, runs, blank, storedCount);
  }

  /** Stored layers that may hold a version of a key at or before an LSN, by their last LSNs from new to old. */
  candidates(key: Uint8Array, lsn: Lsn): StoredLayer[] {
    const found: StoredLayer[] = [];
    found.length = this.findCandidates(key, lsn, found);
    return found;
  }

  /**
   * As {@linkcode candidates}, for who asks often: it makes no list.
   *
   * @param found Where they go; what stands behind them there means nothing.
   * @returns How many there are.
   */
  findCandidates(key: Uint8Array, lsn: Lsn, found: StoredLayer[]): number {
    let count = 0;
    for (const run of this.#runs) {
      const layer = run.at(key);
      if (layer === undefined || layer.description.firstLsn > lsn) continue;
      let at = count++;
      for (; at > 0 && compareAges(found[at - 1], layer) > 0; at--) found[at] = found[at - 1];
      found[at] = layer;
    }
    return count;
  }

  /** As {@linkcode candidates}, for keys that follow the key too, as far as these are the same. */
  candidatesFrom(key: Uint8Array, lsn: Lsn): Candidates {
    let last: Uint8Array | undefined, end: Uint8Array | undefined;
    for (const run of this.#runs) {
      const lastKey = run.at(key)?.description.lastKey, start = run.startBehind(key);
      if (lastKey !== undefined && (last === undefined || compareKeys(lastKey, last) < 0)) last = lastKey;
      if (start !== undefined && (end === undefined || compareKeys(start, end) < 0)) end = start;
    }
    return new Candidates(this.candidates(key, lsn), key, last, end);
  }

  /**
   * Stored layers that may hold a version at or before an LSN of a key in `[start, end)`, by their last LSNs from new
   * to old.
   */
  overlapping(start: Uint8Array | undefined, end: Uint8Array | undefined, lsn: Lsn): StoredLayer[] {
    if (start !== undefined && end !== undefined && compareKeys(start, end) >= 0) return [];
    return this.#runs.flatMap((run) => run.between(start, end))
      .filter(({ description }) => description.firstLsn <= lsn)
      .sort(compareAges);
  }
}

function compareAges(a: StoredLayer, b: StoredLayer): number {
  return b.description.lastLsn - a.description.lastLsn;
}

function hasVersions({ description }: StoredLayer): boolean {
  return description.versions > 0;
}

function removeFrom(runs: LayerRun[], layer: StoredLayer): void {
  const at = runs.findIndex((run) => run.has(layer));
  assert(at >= 0, "a layer that is removed is in the map");
  runs[at] = runs[at].without(layer);
}

/** Adds a layer to the longest run that it fits, so that short ones die out; it starts a run if it fits none. */
function addTo(runs: LayerRun[], layer: StoredLayer): void {
  let best = -1, length = 0;
  for (let i = 0; i < runs.length; i++) {
    if (runs[i].layers.length <= length || !runs[i].fits(layer)) continue;
    best = i;
    length = runs[i].layers.length;
  }
  if (best < 0) runs.unshift(new LayerRun([layer]));
  else runs[best] = runs[best].with(layer);
}
