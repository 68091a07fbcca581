/** The policies that are compared. */

import { bottomLevel, type LevelBounds, type Levels } from "../../src/timeline/upkeep/plan/levels.ts";
import { defaultPlanSettings, type PlanSettings } from "../../src/timeline/upkeep/plan/planned_layer.ts";
import { type Choice, levelled, type Policy, runs } from "./store.ts";

const MiB = 2 ** 20;

/** RocksDB's defaults, but for segments of 64 MiB: `max_compaction_bytes` is 25 files. */
const rocksSettings: PlanSettings = {
  outputBytes: 64 * MiB,
  upperOutputBytes: 64 * MiB,
  mergeL0s: 4,
  mostDepth: 4,
  mostL0s: 4,
  sizeRatio: 10,
  mostInputBytes: 25 * 64 * MiB,
  scatteredBytes: Infinity,
  mostLevels: 1,
  mostStale: Number.MAX_VALUE,
  mostStaleAtRest: Number.MAX_VALUE,
};

/** Bounds from above: 256 MiB, then ten times as much for each level. */
function rocksBounds({ sorted, sortedBytes }: Levels): LevelBounds {
  const bytes = Array.from({ length: bottomLevel + 1 }, (_, level) => {
    return level === 0 ? 0 : level === bottomLevel ? Infinity : 256 * MiB * 10 ** (level - 1);
  });
  let lowest = 1, held = bytes[1];
  while (lowest < bottomLevel && (held < sortedBytes || sorted[lowest].bytes > bytes[lowest])) {
    held += bytes[++lowest];
  }
  return { base: 1, lowest, bytes };
}

/** `level_compaction_dynamic_level_bytes`: from the last level up by ten, the base between 25.6 and 256 MiB. */
function rocksDynamicBounds({ sorted }: Levels): LevelBounds {
  const bytes = new Array<number>(bottomLevel + 1).fill(0);
  let level = bottomLevel, size = Math.max(...sorted.map((each) => each.bytes));
  for (bytes[level] = Infinity; size > 256 * MiB && level > 1;) bytes[--level] = size /= 10;
  const first = sorted.findIndex(({ layers }) => layers.length > 0);
  return { base: first < 0 ? level : Math.min(first, level), lowest: bottomLevel, bytes };
}

/** Tiered: so many runs of about a size become one. */
function tiered(width: number): Choice {
  return (all) => {
    let to = all.length;
    while (to > 0) {
      let from = to;
      while (from > 0 && all[from - 1].level === all[to - 1].level) from--;
      if (to - from >= width) return [from, to];
      to = from;
    }
    return undefined;
  };
}

/** Lazy levelling (Dayan and Idreos, "Dostoevsky", SIGMOD 2018): tiered, but one run at the bottom. */
function lazy(width: number): Choice {
  const choose = tiered(width);
  return (all) => {
    const chosen = choose(all.slice(1));
    if (chosen === undefined) return undefined;
    const [from, to] = [chosen[0] + 1, chosen[1] + 1];
    const bytes = all.slice(from, to).reduce((sum, run) => sum + run.byteLength, 0);
    // The oldest of a tier that is worth it goes to the bottom, with all that is older.
    return from === 1 && bytes >= all[0].byteLength / width ? [0, to] : [from, to];
  };
}

/** RocksDB's universal compaction: size ratio 1 %, at least two runs, at most three times the space. */
function universal(trigger: number): Choice {
  return (all) => {
    if (all.length < trigger) return undefined;
    const newer = all.slice(1).reduce((sum, run) => sum + run.byteLength, 0);
    if (newer >= 2 * all[0].byteLength) return [0, all.length];
    for (let to = all.length; to > 1; to--) {
      let from = to - 1, bytes = all[from].byteLength;
      while (from > 0 && all[from - 1].byteLength <= bytes * 1.01) bytes += all[--from].byteLength;
      if (to - from >= 2) return [from, to];
    }
    return all.length > trigger ? [trigger - 1, all.length] : undefined;
  };
}

function ours(name: string, change: Partial<PlanSettings>): Policy {
  return levelled(name, { ...defaultPlanSettings, ...change });
}

/** All policies, those that are shipped elsewhere first. */
export const policies: readonly Policy[] = [
  levelled("RocksDB levelled", rocksSettings, rocksBounds),
  levelled("RocksDB dynamic levels", rocksSettings, rocksDynamicBounds),
  runs("RocksDB universal of 4", universal(4)),
  runs("RocksDB universal of 10", universal(10)),
  runs("tiered 4", tiered(4)),
  runs("tiered 10", tiered(10)),
  runs("lazy levelling 4", lazy(4)),
  runs("lazy levelling 10", lazy(10)),
  ours("levelled ratio 8", { sizeRatio: 8, mostLevels: 1, mergeL0s: 4, mostL0s: 4 }),
  ours("levelled ratio 4", { mostLevels: 1 }),
  ours("hybrid ratio 8", { sizeRatio: 8 }),
  ours("hybrid ratio 3", { sizeRatio: 3 }),
  ours("hybrid as shipped", {}),
];
