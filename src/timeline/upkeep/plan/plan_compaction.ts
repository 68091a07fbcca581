/**
 * What is merged next so that in the end all layers stand side by side at the bottom, each sorted: what nobody's
 * `planUpkeep` would ask for, since it writes everything once more. Nothing is read or awaited.
 *
 * ```
 *   0  ├── L0 ──┤ ├─ L0 ─┤       1  segments as they came are sorted where they stand, if there is much to merge;
 *                                2  the oldest, with all that they overlap down to the bottom, if it is one merge;
 *   5  ├────┤  ├─────┤              else with what they overlap in the base
 *   6  ├──┤├───┤ ├──┤            3  a layer with all that it overlaps down to the bottom: from high up if it is one
 *   7  ├─┤├─┤├──┤├──┤├─┤            merge, else from further down
 *   7        ├─ L0 ─┤            4  segments that were moved and never sorted
 * ```
 *
 * G7  It comes to an end: after each job fewer layers stand above the bottom, or at level 0, or fewer were never sorted.
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { cutsOf } from "./cuts.ts";
import { bytesOf } from "./level.ts";
import { bottomLevel, boundsOf, type Levels } from "./levels.ts";
import type { PlannedJob, PlannedLayer, PlanSettings } from "./planned_layer.ts";
import { isScattered, sortJob, weightOf } from "./scattered.ts";

/** So many layers are merged at once at the most, but for those that they overlap. */
const mostTaken = 256;

/**
 * Plans the next job of a compaction.
 *
 * @param levels The layers that are to be compacted.
 * @param settings What merges and layers may have; a single layer is taken in with what it overlaps, however much it is.
 * @returns The job; left out, all layers stand side by side, but for columns.
 */
export function planCompaction(levels: Levels, settings: PlanSettings): PlannedJob | undefined {
  return mergeL0s(levels, settings) ?? takeDown(levels, settings) ?? sort(levels, settings);
}

function mergeL0s(levels: Levels, settings: PlanSettings): PlannedJob | undefined {
  const { l0s } = levels;
  if (l0s.length === 0) return undefined;
  const oldest = oldestOf(l0s, settings),
    all = withUnder(levels, 0, bottomLevel, oldest),
    bytes = bytesOf(all);
  const scattered = l0s.find((l0) => isScattered(l0, settings));
  if (scattered !== undefined && bytes > settings.scatteredBytes) return sortJob(scattered);
  if (bytes <= settings.mostInputBytes) return merge(levels, settings, all, bottomLevel);
  const { base } = boundsOf(levels, settings);
  let inputs = withUnder(levels, base - 1, base, oldest.slice(0, 1));
  for (let taken = 2; taken <= oldest.length; taken++) {
    const more = withUnder(levels, base - 1, base, oldest.slice(0, taken));
    if (bytesOf(more) > settings.mostInputBytes) break;
    inputs = more;
  }
  return merge(levels, settings, inputs, base);
}

/** As many of the oldest as may be merged at once. */
function oldestOf(l0s: readonly PlannedLayer[], { mostInputBytes }: PlanSettings): readonly PlannedLayer[] {
  let weight = 0, count = 0;
  for (; count < Math.min(l0s.length, mostTaken); count++) {
    weight += weightOf(l0s[count]);
    if (weight > mostInputBytes && count > 0) break;
  }
  return l0s.slice(0, count);
}

function takeDown(levels: Levels, settings: PlanSettings): PlannedJob | undefined {
  let least: readonly PlannedLayer[] | undefined;
  for (let level = 1; level < bottomLevel; level++) {
    const [first] = levels.sorted[level].layers;
    if (first === undefined) continue;
    least = withUnder(levels, level, bottomLevel, [first]);
    const bytes = bytesOf(least);
    if (bytes <= settings.mostInputBytes) {
      return merge(levels, settings, widened(levels, level, least, bytes, settings), bottomLevel);
    }
  }
  return least && merge(levels, settings, least, bottomLevel);
}

/** Takes the next layers of a level along, as long as it is one merge. */
function widened(
  levels: Levels,
  level: number,
  inputs: readonly PlannedLayer[],
  bytes: number,
  { mostInputBytes }: PlanSettings,
): readonly PlannedLayer[] {
  const { layers } = levels.sorted[level];
  let found = inputs, most = layers.length, least = 1;
  if (bytes * 2 > mostInputBytes) return inputs;
  // Halves: what more layers overlap is not less.
  while (least < most) {
    const middle = least + most + 1 >>> 1;
    const all = withUnder(levels, level, bottomLevel, layers.slice(0, middle));
    if (bytesOf(all) <= mostInputBytes) {
      found = all;
      least = middle;
    } else most = middle - 1;
  }
  return found;
}

/** Writes segments anew that were moved, and are not sorted inside. */
function sort(levels: Levels, settings: PlanSettings): PlannedJob | undefined {
  const { layers } = levels.sorted[bottomLevel];
  const from = layers.findIndex(({ kind }) => kind === "L0");
  if (from < 0) return undefined;
  let to = from + 1, bytes = layers[from].byteLength;
  for (; to < layers.length && layers[to].kind === "L0" && to - from < mostTaken; to++) {
    bytes += layers[to].byteLength;
    if (bytes > settings.mostInputBytes) break;
  }
  return merge(levels, settings, layers.slice(from, to), bottomLevel);
}

/** Layers of a level, and all that they or what they overlap reach over further down, to a target. */
function withUnder(
  { sorted }: Levels,
  level: number,
  target: number,
  layers: readonly PlannedLayer[],
): readonly PlannedLayer[] {
  const all = [...layers];
  let { firstKey, lastKey } = layers[0];
  const reach = (layer: PlannedLayer) => {
    if (compareKeys(layer.firstKey, firstKey) < 0) firstKey = layer.firstKey;
    if (compareKeys(layer.lastKey, lastKey) > 0) lastKey = layer.lastKey;
  };
  layers.forEach(reach);
  for (let under = level + 1; under <= target; under++) {
    const { from, to } = sorted[under].overlap(firstKey, lastKey);
    const met = sorted[under].layers.slice(from, to);
    met.forEach(reach);
    all.push(...met);
  }
  return all;
}

function merge(
  levels: Levels,
  settings: PlanSettings,
  inputs: readonly PlannedLayer[],
  level: number,
): PlannedJob {
  let { firstKey, lastKey } = inputs[0];
  for (const layer of inputs) {
    if (compareKeys(layer.firstKey, firstKey) < 0) firstKey = layer.firstKey;
    if (compareKeys(layer.lastKey, lastKey) > 0) lastKey = layer.lastKey;
  }
  const cuts = cutsOf(levels, settings, level, firstKey, lastKey);
  return { work: "merge", inputs, level, cuts, isOldest: !levels.hasUnder(level, firstKey, lastKey) };
}
