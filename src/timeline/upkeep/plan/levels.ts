/**
 * The stored layers of a timeline as upkeep sees them.
 *
 * ```
 *   LSN ▲  0  ├──── L0 ────┤ ├───── L0 ─────┤     newest
 *       │     ├─────── L0 ───────┤                each may overlap all others
 *       │  3  ├──────┤├───────┤   ├────┤          a sorted run: layers side by side
 *       │  4  ├──┤├──┤├──┤├───┤├──┤├────┤┃        ┃ a column: versions of one key that fill a layer
 *       │  5                              ┃
 *       └  7  ├─┤├┤├─┤├┤├─┤├─┤├┤├─┤├┤├─┤├─┤───► key
 * ```
 *
 * C1  Layers of one level from 1 on do not overlap in key, but for columns.
 * C2  For each key, what a level holds has higher LSNs than what the levels under it hold, but for columns. So no
 *     layer is taken down past another that has its keys, and those of level 0 leave it oldest first, but for one that
 *     is damaged and none of whose keys they have.
 *
 * A column answers whoever asks for its key, and merging it again would change nothing; so it is set aside, at a level
 * of its own, and versions of its key may pass it. Readers order what they find by LSN, not by level, and lose nothing.
 *
 * @module
 */

import { assert, compareKeys, maxLevel } from "../../../base/mod.ts";
import { bytesOf, Level } from "./level.ts";
import type { PlannedLayer, PlanSettings } from "./planned_layer.ts";

/**
 * The level where layers end, under which there is none. Ten layers over a key are one of each and three of level 0, which
 * may have more of the ten while fewer levels are in use.
 */
export const bottomLevel = 7;
/** Where columns stand, beside all levels. */
export const columnLevel: number = maxLevel;

/** The stored layers by level. They never change; an edit makes others, which share the levels that it leaves alone. */
export class Levels {
  /** No layers. */
  static readonly empty: Levels = new Levels(
    [],
    new Array<Level>(bottomLevel + 1).fill(Level.empty),
    Level.empty,
    0,
  );
  /** Layers at level 0, oldest first. */
  readonly l0s: readonly PlannedLayer[];
  /** By level: its layers; nothing at 0. */
  readonly sorted: readonly Level[];
  /** Layers that versions of one key fill, by key and LSN. */
  readonly columns: Level;
  /** The highest sequence there has been. */
  readonly newest: number;

  private constructor(
    l0s: readonly PlannedLayer[],
    sorted: readonly Level[],
    columns: Level,
    newest: number,
  ) {
    this.l0s = l0s;
    this.sorted = sorted;
    this.columns = columns;
    this.newest = newest;
  }

  /** How many layers there are. */
  get count(): number {
    return this.sorted.reduce((sum, { layers }) => sum + layers.length, this.l0s.length) +
      this.columns.layers.length;
  }

  /** The bytes of layers in sorted runs. */
  get sortedBytes(): number {
    return this.sorted.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The levels after an edit. Layers without versions are not there for it: nothing of them can be merged. */
  edit(remove: readonly PlannedLayer[], add: readonly PlannedLayer[]): Levels {
    const gone = Map.groupBy(remove.filter(hasVersions), placeOf);
    const coming = Map.groupBy(add.filter(hasVersions), placeOf);
    const sorted = this.sorted.map((level, at) => {
      const edited = level.edit(gone.get(at) ?? [], coming.get(at) ?? []);
      for (const layer of coming.get(at) ?? []) assertAlone(edited, layer);
      return edited;
    });
    const columns = this.columns.edit(gone.get("columns") ?? [], coming.get("columns") ?? []);
    const newest = add.reduce((most, { sequence }) => Math.max(most, sequence), this.newest);
    const l0s = editL0s(this.l0s, gone.get("l0s") ?? [], coming.get("l0s") ?? []);
    return new Levels(l0s, sorted, columns, newest);
  }

  /** Whether a layer under a level, or a column, has keys from the first to the last. */
  hasUnder(level: number, firstKey: Uint8Array, lastKey: Uint8Array): boolean {
    const under = [...this.sorted.slice(level + 1), this.columns];
    return under.some((run) => {
      const { from, to } = run.overlap(firstKey, lastKey);
      return to > from;
    });
  }
}

/** Where a layer stands. */
function placeOf({ level }: PlannedLayer): number | "l0s" | "columns" {
  assert(Number.isInteger(level) && level >= 0 && level <= columnLevel, "a layer stands at a level");
  return level === 0 ? "l0s" : level === columnLevel ? "columns" : level;
}

function hasVersions({ versions }: PlannedLayer): boolean {
  return versions > 0;
}

function editL0s(
  l0s: readonly PlannedLayer[],
  gone: readonly PlannedLayer[],
  coming: readonly PlannedLayer[],
): readonly PlannedLayer[] {
  if (gone.length === 0 && coming.length === 0) return l0s;
  const sequences = new Set(gone.map(({ sequence }) => sequence));
  const left = l0s.filter(({ sequence }) => !sequences.has(sequence));
  assert(left.length === l0s.length - gone.length, "a layer that is removed stands at level 0");
  return left.concat(coming).sort((a, b) => a.firstLsn - b.firstLsn || a.sequence - b.sequence);
}

function assertAlone(level: Level, { firstKey, lastKey }: PlannedLayer): void {
  const { from, to } = level.overlap(firstKey, lastKey);
  assert(to - from === 1, "layers of a level do not overlap (C1)");
}

/** What a level may hold before some of it goes down. */
export interface LevelBounds {
  /** The level that layers at level 0 are merged into. */
  readonly base: number;
  /** The lowest level that layers go to. */
  readonly lowest: number;
  /** By level: the most bytes; 0 above the base. */
  readonly bytes: readonly number[];
}

/**
 * What levels may hold: the last one everything, each one above it less by the same ratio, the base a quarter of what a
 * merge takes in. The ratio is that of the settings, or less, as there are whole levels; it is more if the levels do
 * not suffice. So no level is much smaller than it might be, as one is where bounds are fixed from above (RocksDB's
 * `level_compaction_dynamic_level_bytes` derives them from the last level too).
 */
export function boundsOf(levels: Levels, { mostInputBytes, sizeRatio }: PlanSettings): LevelBounds {
  const baseBytes = mostInputBytes / 4;
  const folds = Math.max(1, levels.sortedBytes / baseBytes);
  const steps = Math.min(bottomLevel - 1, Math.ceil(Math.log(folds) / Math.log(sizeRatio)));
  const ratio = folds ** (1 / Math.max(1, steps));
  const first = levels.sorted.findIndex(({ layers }) => layers.length > 0);
  const target = bottomLevel - steps;
  const bytes = levels.sorted.map((_, level) => {
    return level < target ? 0 : level === bottomLevel ? Infinity : baseBytes * ratio ** (level - target);
  });
  return { base: first < 0 ? target : Math.min(first, target), lowest: bottomLevel, bytes };
}

/** The bytes of the layers at level 0. */
export function l0Bytes({ l0s }: Levels): number {
  return bytesOf(l0s);
}

/** The most of some layers at level 0 that one key has. */
export function l0Depth(l0s: readonly PlannedLayer[]): number {
  const starts = l0s.map(({ firstKey }) => firstKey).sort(compareKeys);
  const ends = l0s.map(({ lastKey }) => lastKey).sort(compareKeys);
  let depth = 0;
  for (let started = 0, ended = 0; started < starts.length; started++) {
    while (compareKeys(ends[ended], starts[started]) < 0) ended++;
    depth = Math.max(depth, started + 1 - ended);
  }
  return depth;
}
