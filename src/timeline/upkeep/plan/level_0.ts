/**
 * What is to be done with level 0, where layers may overlap: segments are sorted by themselves, moved, joined among
 * themselves while they are small, or merged with what they overlap in the base.
 *
 * @module
 */

import {
  deepestFree,
  type Hull,
  hullOf,
  isOverlapping,
  isSpanFree,
  joined,
  merge,
  type Scene,
} from "./scene.ts";
import { takeDown } from "./take_down.ts";
import type { Span } from "./level.ts";
import { l0Bytes, l0Depth, type Levels } from "./levels.ts";
import type { PlannedJob, PlannedLayer, PlanSettings } from "./planned_layer.ts";
import { hasRoom, mostBytesOf } from "./room.ts";
import { isScattered, sortJob, weightOf } from "./scattered.ts";

/** Of more layers at level 0 their number says enough: how many a key has would take a while to find out. */
const mostSwept = 1024;

/** The pressure where a key has the most layers at level 0 that it should ever have. */
const worstPressure = 11;

/** So many layers at level 0 are merged at once, each of which a merge has pages and a file of. */
const mostTaken = 256;

/** The layers at level 0 that may go down: none past an older one that stays and may have its keys (C2). */
export function freeL0s({ l0s }: Levels, busy: ReadonlySet<number>): readonly PlannedLayer[] {
  const staying: PlannedLayer[] = [];
  return busy.size === 0 ? l0s : l0s.filter((l0) => {
    const stays = busy.has(l0.sequence) || staying.some((older) => isOverlapping(older, l0));
    if (stays) staying.push(l0);
    return !stays;
  });
}

/** How many layers at level 0 there are to how many there may be, over a key and in all. */
export function l0Score({ levels, settings }: Scene, l0s: readonly PlannedLayer[]): number {
  return Math.max(sweptDepth(l0s) / mostOverKey(levels, settings), l0s.length / settings.mostL0s);
}

/**
 * How far level 0 is over its bound: twelve times what is left of it at rest is the worst there should ever be. Where
 * nothing of it can go down it is 0: nobody waits for that.
 */
export function l0Pressure(scene: Scene): number {
  const { levels, l0s, settings } = scene;
  if (!canMergeL0s(scene)) return 0;
  const most = mostWhileAppending(levels, settings), worst = (worstPressure + 1) * settings.mergeL0s;
  const over = worstPressure * (sweptDepth(l0s) - most) / Math.max(1, worst - most);
  return Math.max(0, over, l0s.length / settings.mostL0s - 1);
}

/** Whether layers at level 0 can go down: nothing is in their way. */
function canMergeL0s(scene: Scene): boolean {
  return scene.busy.size === 0 || mergeL0s(scene) !== undefined;
}

function sweptDepth(l0s: readonly PlannedLayer[]): number {
  return l0s.length > mostSwept ? 0 : l0Depth(l0s);
}

/** How many layers at level 0 a key may have. */
function mostOverKey(levels: Levels, settings: PlanSettings): number {
  return settings.isAtRest ? settings.mergeL0s : mostWhileAppending(levels, settings);
}

/** The same while appends go on: what levels in use leave of all that a key may have, and no fewer than at rest. */
function mostWhileAppending({ sorted }: Levels, { mergeL0s, mostDepth }: PlanSettings): number {
  return Math.max(
    mergeL0s,
    sorted.reduce((left, { layers }) => layers.length > 0 ? left - 1 : left, mostDepth),
  );
}

/**
 * Sorts the oldest segment at level 0 that is still as it came and whose keys others have. Where nothing comes any more
 * that is not waited for: a scan of segments reads all over them.
 */
export function sortL0(scene: Scene): PlannedJob | undefined {
  const { levels: { l0s }, settings, busy } = scene, { isAtRest = false } = settings;
  const l0 = l0s.find((layer) =>
    isScattered(layer, settings) && !busy.has(layer.sequence) && (isAtRest || isMet(scene, layer))
  );
  return l0 && sortJob(l0);
}

/**
 * Whether others at level 0 have keys of a layer, more than its neighbours. Keys that come in the order of time are soon
 * where they belong without being sorted.
 */
function isMet({ levels: { l0s }, settings: { mergeL0s } }: Scene, l0: PlannedLayer): boolean {
  return l0s.length > mostSwept || l0s.filter((other) => isOverlapping(l0, other)).length > mergeL0s;
}

/** Moves the oldest layers at level 0 to where nothing overlaps them, if they are worth a file of their own. */
export function moveL0s(scene: Scene): PlannedJob | undefined {
  const { settings } = scene;
  const inputs: PlannedLayer[] = [];
  let level = 0;
  for (const l0 of scene.l0s) {
    if (l0.byteLength < settings.outputBytes / 4 || inputs.some((other) => isOverlapping(other, l0))) break;
    const deepest = deepestFree(scene, 0, l0);
    if (deepest < scene.bounds.base || inputs.length > 0 && deepest !== level) break;
    if (isScattered(l0, settings) && !isToMove(scene, l0, deepest)) break;
    level = deepest;
    inputs.push(l0);
  }
  return inputs.length === 0 ? undefined : { work: "move", inputs, level, cuts: [], isOldest: false };
}

/** Whether a segment is moved as it is: how others lie that came before and after it says that it need not be sorted. */
function isToMove(scene: Scene, l0: PlannedLayer, deepest: number): boolean {
  const { settings: { isAtRest = false, mergeL0s }, levels: { l0s }, bounds: { lowest } } = scene;
  return !isMet(scene, l0) && (isAtRest ? deepest === lowest : l0s.length > mergeL0s);
}

/** Merges layers at level 0, oldest first, with what they overlap in the base. */
export function mergeL0s(scene: Scene): PlannedJob | undefined {
  const { l0s, levels, settings } = scene;
  if (l0s.length === 0) return undefined;
  // What comes in the order of time is never due by its depth.
  const isDeep = sweptDepth(l0s) >= mostOverKey(levels, settings);
  const scattered = isDeep ? l0s.find((layer) => isScattered(layer, settings)) : undefined;
  return scattered ? sortJob(scattered) : joinL0s(scene) ?? lowerL0s(scene);
}

/**
 * Merges layers at level 0, oldest first, with what they overlap in the base. Where that cannot be taken in, or there is
 * no room for all of it, they go to one of the levels above the base, which are all empty: what is newer stays above
 * (C2), and level 0 does not wait for it.
 */
function lowerL0s(scene: Scene): PlannedJob | undefined {
  const { bounds, settings } = scene;
  for (let level = bounds.base; level > 0; level--) {
    const job = lowerInto(scene, level);
    if (job === undefined || !hasRoom(job, settings)) continue;
    // Where there is little room, one alone would be written for little.
    const isWorth = level === bounds.base && settings.roomBytes === undefined || job.inputs.length > 1;
    if (isWorth) return job;
  }
  return undefined;
}

/** Merges layers at level 0, oldest first, with what they overlap in a level under which they have no keys of others. */
export function lowerInto(scene: Scene, level: number): PlannedJob | undefined {
  const { levels, settings, bounds, busy, l0s } = scene;
  const base = levels.sorted[level];
  const most = mostBytesOf(settings);
  let taken = 0, bytes = 0, weight = 0, under: Span = { from: 0, to: 0 };
  let hull: Hull | undefined;
  for (const l0 of l0s.slice(0, mostTaken)) {
    hull = hull === undefined ? hullOf([l0]) : joined(hull, hullOf([l0]));
    bytes += l0.byteLength;
    weight += weightOf(l0);
    const span = base.overlap(...hull), all = bytes + base.bytesIn(span);
    if (!isSpanFree(base, span, busy)) {
      if (taken === 0) return undefined;
      break;
    }
    if (weight > settings.mostInputBytes && taken > 0) break;
    if (all > most && (taken > 0 || base.bytes > bounds.bytes[level])) break;
    taken++;
    under = span;
  }
  // What is too much for a merge waits until the base has given some of it away.
  if (taken === 0) return takeDown(scene, level);
  return merge(scene, [...l0s.slice(0, taken), ...base.layers.slice(under.from, under.to)], level);
}

/**
 * Joins the newest layers at level 0 where all of it is small for the base, which would be written anew for little:
 * as many as are not much larger than all that is newer, so that a byte is written so few times as sizes grow.
 */
function joinL0s({ levels, settings, l0s }: Scene): PlannedJob | undefined {
  // Joined past one that stays, they might have its keys between theirs, and stay too.
  if (l0s.length < levels.l0s.length) return undefined;
  if (l0Bytes(levels) >= settings.mostInputBytes / 8) return undefined;
  return joinNewest(l0s, settings);
}

/**
 * Joins the newest layers at level 0 where more are over a key than may be, and none of them can go down: past one that
 * is left out there, or since no level is free above one that is left out.
 */
export function joinStuckL0s({ levels, settings, busy }: Scene): PlannedJob | undefined {
  const { l0s } = levels;
  if (busy.size === 0) return undefined;
  const newer = l0s.slice(1 + l0s.findLastIndex(({ sequence }) => busy.has(sequence)));
  const isDue = newer.length >= settings.mostL0s || sweptDepth(newer) >= mostOverKey(levels, settings);
  return isDue ? joinNewest(newer, settings) : undefined;
}

function joinNewest(l0s: readonly PlannedLayer[], settings: PlanSettings): PlannedJob | undefined {
  const least = Math.max(0, l0s.length - mostTaken), most = mostBytesOf(settings);
  let from = l0s.length - 1;
  for (let newer = 0; from >= least; from--) {
    const { byteLength } = l0s[from];
    if (newer > 0 && (byteLength > 2 * newer || newer + byteLength > most)) break;
    newer += byteLength;
  }
  const inputs = l0s.slice(from + 1);
  return inputs.length < 2 ? undefined : { work: "merge", inputs, level: 0, cuts: [], isOldest: false };
}
