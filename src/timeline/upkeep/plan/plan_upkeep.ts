/**
 * What upkeep does next with the layers of a timeline. Nothing is read or awaited: layers in, a job out; the same
 * layers give the same job. One job runs at a time, and what it is done with is planned anew.
 *
 * A level that is over its bound gives a layer away: the one that goes down for the fewest bytes written per byte and
 * level. Over one level that is the layer with the least under it (RocksDB's `kMinOverlappingRatio`); with what it
 * meets it may go down several at once, which writes once what would have been written twice, as a counter carries
 * (Bentley and Saxe, "Decomposable searching problems", 1980). Bounds come from the bottom up: {@linkcode boundsOf}.
 * A segment whose keys others have is sorted by itself first, where it stands. What meets nothing is moved by an edit.
 * Each job is bounded, so that merging can stop and go on anywhere, and no merge of a whole level is ever due.
 *
 * @module
 */

import { bytesOf } from "./level.ts";
import { freeL0s, joinStuckL0s, l0Pressure, l0Score, mergeL0s, moveL0s, sortL0 } from "./level_0.ts";
import { bottomLevel, boundsOf, l0Bytes, type LevelBounds, type Levels } from "./levels.ts";
import { hasRoom } from "./room.ts";
import type { PlannedJob, PlannedLayer, PlanSettings, UpkeepPlan } from "./planned_layer.ts";
import { isScattered } from "./scattered.ts";
import { type Scene, stuckOf } from "./scene.ts";
import { takeDown } from "./take_down.ts";
import { reclaim, thin } from "./thin.ts";

/** Layers that no job may take in. */
export interface LayersApart {
  /** Those that are left alone. At level 0 what is newer passes them where it has none of their keys. */
  readonly leftOut?: readonly PlannedLayer[];
}

/**
 * Plans the next job.
 *
 * @param levels The layers there are.
 * @param settings What is to be reached.
 * @param apart Layers that no job may take in.
 * @returns The job and how urgent it is.
 */
export function planUpkeep(levels: Levels, settings: PlanSettings, apart: LayersApart = {}): UpkeepPlan {
  return planWithin(boundsOf(levels, settings), levels, settings, apart);
}

/** Plans the next job where levels have other bounds: see {@linkcode planUpkeep}. */
export function planWithin(
  bounds: LevelBounds,
  levels: Levels,
  settings: PlanSettings,
  { leftOut = [] }: LayersApart = {},
): UpkeepPlan {
  const busy = new Set(leftOut.map(({ sequence }) => sequence));
  const scene: Scene = {
    levels,
    settings,
    bounds: leftOut.length === 0 ? bounds : boundsAbove(bounds, settings),
    busy,
    stuck: stuckOf(levels, leftOut),
    l0s: freeL0s(levels, busy),
  };
  const scores = scoresOf(scene);
  const due = scores.map((score, level) => ({ score, level }))
    .filter(({ score, level }) => level === 0 ? score >= 1 : score > 1)
    .sort((a, b) => b.score - a.score || a.level - b.level);
  const steps: (() => PlannedJob | undefined)[] = [
    () => moveL0s(scene),
    // What gives room back goes first where there is little.
    ...settings.roomBytes === undefined ? [] : [() => reclaim(scene)],
    () => sortL0(scene),
    ...due.map(({ level }) => () => level === 0 ? mergeL0s(scene) : takeDown(scene, level)),
    () => reclaim(scene),
    () => joinStuckL0s(scene),
    () => thin(scene),
  ];
  let job: PlannedJob | undefined;
  for (const step of steps) {
    job = step();
    if (job !== undefined && hasRoom(job, settings)) break;
    job = undefined;
  }
  return {
    job,
    debt: debtOf(scene),
    pressure: pressureOf(scene),
  };
}

/** Bounds where layers are left out: levels above the base hold what cannot go past them, and sink it in few merges. */
function boundsAbove(bounds: LevelBounds, { mostInputBytes }: PlanSettings): LevelBounds {
  const bytes = bounds.bytes.map((most, level) => level === 0 ? 0 : Math.max(most, mostInputBytes / 4));
  return { ...bounds, bytes };
}

/** By level: what it holds that can go down, to what it may hold. */
function scoresOf(scene: Scene): number[] {
  const { levels, bounds, stuck } = scene;
  return levels.sorted.map((level, at) => {
    if (at === 0) return l0Score(scene, scene.l0s);
    const bytes = level.bytes - stuck.bytes[at];
    return bytes <= 0 || bounds.bytes[at] === Infinity ? 0 : bytes / bounds.bytes[at];
  });
}

/** What level 0 and each level over its bound will have written, down to the bottom. */
function debtOf(scene: Scene): number {
  const { levels, settings, bounds, stuck } = scene;
  const isDue = l0Score(scene, levels.l0s) >= 1;
  let carried = isDue ? l0Bytes(levels) : 0;
  let debt = isDue ? carried + levels.sorted[bounds.base].bytes : 0;
  if (isDue || sortL0(scene) !== undefined) {
    debt += bytesOf(levels.l0s.filter((l0) => isScattered(l0, settings)));
  }
  for (let level = bounds.base; level < bottomLevel; level++) {
    const held = levels.sorted[level].bytes - stuck.bytes[level] + carried;
    carried = Math.max(0, held - bounds.bytes[level]);
    if (carried > 0) debt += carried * (1 + levels.sorted[level + 1].bytes / held);
  }
  return debt;
}

/** How far over its bounds the worst level is, of those where a job would help. */
function pressureOf(scene: Scene): number {
  const { levels, settings, bounds, stuck } = scene;
  let worst = l0Pressure(scene);
  for (let level = bounds.base; level < bottomLevel; level++) {
    const bound = Math.max(bounds.bytes[level], settings.mostInputBytes / 4);
    worst = Math.max(worst, (levels.sorted[level].bytes - stuck.bytes[level]) / bound - 1);
  }
  return worst;
}
