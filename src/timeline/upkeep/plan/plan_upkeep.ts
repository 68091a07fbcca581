/**
 * What upkeep does next with the layers of a timeline. Nothing is read or awaited: layers in, a job out; the same
 * layers give the same job. One job runs at a time, and what it is done with is planned anew.
 *
 * A level that is over its bound gives a layer away: the one that goes down for the fewest bytes written per byte and
 * level. Over one level that is the layer with the least under it (RocksDB's `kMinOverlappingRatio`); with what it
 * meets it may go down several at once, which writes once what would have been written twice, as a counter carries
 * (Bentley and Saxe, "Decomposable searching problems", 1980). Bounds come from the bottom up: {@linkcode boundsOf}.
 * A segment whose keys others have is sorted by itself first, where it stands. What meets nothing is moved by an edit. Each job is bounded, so that merging can stop and go on anywhere, and no
 * merge of a whole level is ever due.
 *
 * In a large level 64 layers spread over it stand for all: the best of so many is among the best 2 % nearly always
 * (Mitzenmacher, "The power of two choices in randomized load balancing", 2001, draws two), and a search costs
 * O(log layers).
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { cutsOf } from "./cuts.ts";
import { bytesOf, type Level, type Span } from "./level.ts";
import {
  bottomLevel,
  boundsOf,
  columnLevel,
  l0Bytes,
  l0Depth,
  type LevelBounds,
  type Levels,
} from "./levels.ts";
import type { PlannedJob, PlannedLayer, PlanSettings, UpkeepPlan } from "./planned_layer.ts";
import { isScattered, sortJob, weightOf } from "./scattered.ts";
import { agedOf, countStale } from "./stale.ts";

/** How many layers of a level are weighed against each other. */
const samples = 64;
/** Spreads samples anew after each edit: the fraction of the golden ratio, in 2^32. */
const spread = 0x9e3779b9;

/** Of more layers at level 0 their number says enough: how many a key has would take a while to find out. */
const mostSwept = 1024;

/** The pressure where a key has the most layers at level 0 that it should ever have. */
const worstPressure = 11;

/** So many layers at level 0 are merged at once, each of which a merge has pages and a file of. */
const mostTaken = 256;

/** Layers that no job may take in. */
export interface LayersApart {
  /** Those that are left alone. At level 0 what is newer passes them where it has none of their keys. */
  readonly leftOut?: readonly PlannedLayer[];
}

/** What a plan looks at. */
interface Scene {
  readonly levels: Levels;
  readonly settings: PlanSettings;
  readonly bounds: LevelBounds;
  /** Sequences of layers that no job may take in. */
  readonly busy: ReadonlySet<number>;
  /** Layers at level 0 that may go down, oldest first. */
  readonly l0s: readonly PlannedLayer[];
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
  const scene = { levels, settings, bounds, busy, l0s: freeL0s(levels, busy) };
  const scores = scoresOf(scene, leftOut);
  const due = scores.map((score, level) => ({ score, level }))
    .filter(({ score, level }) => level === 0 ? score >= 1 : score > 1)
    .sort((a, b) => b.score - a.score || a.level - b.level);
  let job = moveL0s(scene) ?? sortL0(scene);
  for (let i = 0; i < due.length && job === undefined; i++) {
    job = due[i].level === 0 ? mergeL0s(scene) : takeDown(scene, due[i].level);
  }
  return {
    job: job ?? reclaim(scene) ?? thin(scene),
    debt: debtOf(scene),
    pressure: pressureOf(scene, leftOut),
  };
}

/** By level: what it holds that a job may take in, to what it may hold. */
function scoresOf(scene: Scene, apart: readonly PlannedLayer[]): number[] {
  const { levels, bounds } = scene;
  const going = goingOf(apart);
  return levels.sorted.map((level, at) => {
    if (at === 0) return l0Score(scene, scene.l0s);
    const bytes = level.bytes - going[at];
    return bytes <= 0 || bounds.bytes[at] === Infinity ? 0 : bytes / bounds.bytes[at];
  });
}

/** By level: the bytes of layers that no job may take in. */
function goingOf(apart: readonly PlannedLayer[]): Float64Array {
  const going = new Float64Array(columnLevel + 1);
  for (const { level, byteLength } of apart) going[level] += byteLength;
  return going;
}

/** Whether layers at level 0 can go down: nothing is in their way. */
function canMergeL0s(scene: Scene): boolean {
  return scene.busy.size === 0 || mergeL0s(scene) !== undefined;
}

/** How many layers at level 0 there are to how many there may be, over a key and in all. */
function l0Score({ levels, settings }: Scene, l0s: readonly PlannedLayer[]): number {
  return Math.max(sweptDepth(l0s) / mostOverKey(levels, settings), l0s.length / settings.mostL0s);
}

function sweptDepth(l0s: readonly PlannedLayer[]): number {
  return l0s.length > mostSwept ? 0 : l0Depth(l0s);
}

/** How many layers at level 0 a key may have. */
function mostOverKey(levels: Levels, settings: PlanSettings): number {
  return settings.isAtRest ? settings.mergeL0s : mostWhileAppending(levels, settings);
}

/** The same while appends go on. */
function mostWhileAppending({ sorted }: Levels, { mergeL0s, mostDepth }: PlanSettings): number {
  return Math.max(
    mergeL0s,
    sorted.reduce((left, { layers }) => layers.length > 0 ? left - 1 : left, mostDepth),
  );
}

/** The layers at level 0 that may go down: none past an older one that stays and may have its keys (C2). */
function freeL0s({ l0s }: Levels, busy: ReadonlySet<number>): readonly PlannedLayer[] {
  const staying: PlannedLayer[] = [];
  return busy.size === 0 ? l0s : l0s.filter((l0) => {
    const stays = busy.has(l0.sequence) || staying.some((older) => isOverlapping(older, l0));
    if (stays) staying.push(l0);
    return !stays;
  });
}

/**
 * Sorts the oldest segment at level 0 that is still as it came and whose keys others have. Where nothing comes any more
 * that is not waited for: a scan of segments reads all over them.
 */
function sortL0(scene: Scene): PlannedJob | undefined {
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
function moveL0s(scene: Scene): PlannedJob | undefined {
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

/** The lowest level such that no level down to it from the one under `above` overlaps a layer. */
function deepestFree({ levels: { sorted }, bounds }: Scene, above: number, layer: PlannedLayer): number {
  const { firstKey, lastKey } = layer;
  let level = above;
  while (level < bounds.lowest) {
    const { from, to } = sorted[level + 1].overlap(firstKey, lastKey);
    if (to > from) break;
    level++;
  }
  return level;
}

/** Merges layers at level 0, oldest first, with what they overlap in the base. */
function mergeL0s(scene: Scene): PlannedJob | undefined {
  const { l0s, levels, settings } = scene;
  if (l0s.length === 0) return undefined;
  // What comes in the order of time is never due by its depth.
  const isDeep = sweptDepth(l0s) >= mostOverKey(levels, settings);
  const scattered = isDeep ? l0s.find((layer) => isScattered(layer, settings)) : undefined;
  return scattered ? sortJob(scattered) : joinL0s(scene) ?? lowerL0s(scene);
}

function lowerL0s(scene: Scene): PlannedJob | undefined {
  const { levels, settings, bounds, l0s } = scene;
  const base = levels.sorted[bounds.base];
  let taken = 0, bytes = 0, weight = 0, under: Span = { from: 0, to: 0 };
  let hull: Hull | undefined;
  for (const l0 of l0s.slice(0, mostTaken)) {
    hull = hull === undefined ? hullOf([l0]) : joined(hull, hullOf([l0]));
    bytes += l0.byteLength;
    weight += weightOf(l0);
    const span = base.overlap(...hull), all = bytes + base.bytesIn(span);
    if (weight > settings.mostInputBytes && taken > 0) break;
    if (all > settings.mostInputBytes && (taken > 0 || base.bytes > bounds.bytes[bounds.base])) break;
    taken++;
    under = span;
  }
  // What is too much for a merge waits until the base has given some of it away.
  if (taken === 0) return takeDown(scene, bounds.base);
  const inputs = [...l0s.slice(0, taken), ...base.layers.slice(under.from, under.to)];
  return isFree(scene, inputs) ? merge(scene, inputs, bounds.base) : undefined;
}

/**
 * Joins the newest layers at level 0 where all of it is small for the base, which would be written anew for little:
 * as many as are not much larger than all that is newer, so that a byte is written so few times as sizes grow.
 */
function joinL0s({ levels, settings, l0s }: Scene): PlannedJob | undefined {
  // Joined past one that stays, they might have its keys between theirs, and stay too.
  if (l0s.length < levels.l0s.length) return undefined;
  if (l0Bytes(levels) >= settings.mostInputBytes / 8) return undefined;
  const least = Math.max(0, l0s.length - mostTaken);
  let from = l0s.length - 1;
  for (let newer = 0; from >= least && (newer === 0 || l0s[from].byteLength <= 2 * newer); from--) {
    newer += l0s[from].byteLength;
  }
  const inputs = l0s.slice(from + 1);
  return inputs.length < 2 ? undefined : { work: "merge", inputs, level: 0, cuts: [], isOldest: false };
}

/** A layer that goes down, and how. */
interface Descent {
  /** Its place in its level. */
  readonly place: number;
  /** The level that it goes to. */
  readonly target: number;
  /** By level under its own, down to the target: the layers that are merged with it. */
  readonly under: readonly Span[];
  /** The bytes of it all. */
  readonly bytes: number;
  /** Bytes that are written for each byte and level that it goes down. */
  readonly price: number;
}

/** Takes some of a level down, to where that costs the least. */
function takeDown(scene: Scene, level: number): PlannedJob | undefined {
  const { levels, settings, bounds } = scene;
  if (level >= bounds.lowest) return undefined;
  const descent = choose(scene, level);
  if (descent === undefined) return undefined;
  const { place, target, under, bytes, price } = descent;
  const { layers } = levels.sorted[level];
  if (price === 0) return { work: "move", inputs: [layers[place]], level: target, cuts: [], isOldest: false };
  // It reaches over too much: in pieces it does not. Two layers under it may be as large as they are.
  const isWide = bytes > settings.mostInputBytes && under[0].to - under[0].from > 2;
  if (isWide) return merge(scene, [layers[place]], level);
  const { from, to } = widen(scene, level, descent);
  const inputs = layers.slice(from, to);
  under.forEach((span, i) => inputs.push(...levels.sorted[level + 1 + i].layers.slice(span.from, span.to)));
  return merge(scene, inputs, target);
}

/** The descent with the lowest price, of layers that are free. */
function choose(scene: Scene, level: number): Descent | undefined {
  const { levels, busy } = scene;
  const { layers } = levels.sorted[level];
  const count = Math.min(layers.length, samples);
  const shift = layers.length > samples ? (Math.imul(levels.newest, spread) >>> 0) / 2 ** 32 : 0;
  let best: Descent | undefined;
  for (let i = 0; i < count; i++) {
    const place = Math.floor((i + shift) * layers.length / count);
    if (busy.has(layers[place].sequence)) continue;
    const descent = descend(scene, level, place);
    if (descent === undefined || best !== undefined && descent.price >= best.price) continue;
    best = descent;
    if (descent.price === 0) break;
  }
  return best;
}

/**
 * How a layer goes down best: to the next level, or with what it meets there to a lower one, as long as that is one
 * merge. Whatever goes down two levels at once is written once and not twice.
 */
function descend(scene: Scene, level: number, place: number): Descent | undefined {
  const { levels, settings, busy } = scene;
  const layer = levels.sorted[level].layers[place];
  const free = deepestFree(scene, level, layer);
  if (free > level) return { place, target: free, under: [], bytes: layer.byteLength, price: 0 };
  let { firstKey, lastKey, byteLength: bytes } = layer;
  let gain = 0, best: Descent | undefined;
  const under: Span[] = [];
  const lowest = Math.min(bottomLevel, level + settings.mostLevels);
  for (let target = level + 1; target <= lowest; target++) {
    const next = levels.sorted[target];
    const span = next.overlap(firstKey, lastKey);
    gain += bytes;
    const added = next.bytesIn(span, settings.mostInputBytes);
    bytes += added;
    if (!isSpanFree(next, span, busy) || best !== undefined && bytes > settings.mostInputBytes) break;
    under.push(span);
    const price = bytes / gain;
    if (best === undefined || added > 0 && price < best.price) {
      best = { place, target, under: under.slice(), bytes, price };
    }
    if (bytes > settings.mostInputBytes) break;
    if (span.to > span.from) {
      const first = next.layers[span.from].firstKey, last = next.layers[span.to - 1].lastKey;
      [firstKey, lastKey] = joined([firstKey, lastKey], [first, last]);
    }
  }
  return best;
}

/** Takes neighbours in that meet no more than what is met already, as long as the job stays within its bound. */
function widen({ levels, settings: { mostInputBytes }, busy }: Scene, level: number, descent: Descent): Span {
  const { layers } = levels.sorted[level], next = levels.sorted[level + 1];
  const { place, under: [{ from: left, to: right }] } = descent;
  const first = next.layers[left].firstKey, last = next.layers[right - 1].lastKey;
  let { bytes } = descent;
  const fits = (layer: PlannedLayer | undefined) =>
    layer !== undefined && !busy.has(layer.sequence) && bytes + layer.byteLength <= mostInputBytes &&
    compareKeys(layer.firstKey, first) >= 0 && compareKeys(layer.lastKey, last) <= 0;
  let from = place, to = place + 1;
  for (; fits(layers[from - 1]); from--) bytes += layers[from - 1].byteLength;
  for (; fits(layers[to]); to++) bytes += layers[to].byteLength;
  return { from, to };
}

/** Writes layers anew of whose versions half or more are not needed since the horizon went past them. */
function reclaim(scene: Scene): PlannedJob | undefined {
  const { levels, settings: { horizon }, busy } = scene;
  if (horizon === undefined) return undefined;
  const isWorth = ({ lastLsn, versions, keys, sequence }: PlannedLayer) =>
    lastLsn <= horizon && versions >= 2 * keys && !busy.has(sequence);
  for (const { layers } of levels.sorted) {
    const layer = layers.find(isWorth);
    if (layer !== undefined) return merge(scene, [layer], layer.level);
  }
  const { layers } = levels.columns;
  const last = layers.findIndex(isWorth);
  if (last < 0) return undefined;
  // What an earlier horizon left of the same key goes with it.
  let first = last;
  while (first > 0 && compareKeys(layers[first - 1].firstKey, layers[last].firstKey) === 0) first--;
  const inputs = layers.slice(first, last + 1);
  return isFree(scene, inputs) ? merge(scene, inputs, columnLevel) : undefined;
}

/**
 * Takes layers down until few versions are left that no read needs: what lies above the bottom, cheapest first, or the
 * layer of the bottom that has the most of them, wherever there are more. Where appends go on, level 0 is left to
 * itself: a segment would cost as much as all that it meets.
 */
function thin(scene: Scene): PlannedJob | undefined {
  const { levels, settings: { horizon, mostStale, mostStaleAtRest, isAtRest = false }, bounds, busy } = scene;
  if (horizon === undefined) return undefined;
  const l0s = isAtRest ? scene.l0s : [];
  const { stale, staleAtBottom, needed } = countStale(levels, horizon, l0s, busy);
  if (stale <= (isAtRest ? mostStaleAtRest : mostStale) * needed) return undefined;
  if (l0s.length > 0) return lowerL0s(scene);
  const lowest = levels.sorted.findLastIndex(({ layers }) => layers.length > 0);
  const above = levels.sorted.findLastIndex(({ layers }, level) =>
    layers.length > 0 && level < bounds.lowest
  );
  if (above > 0 && stale >= 2 * staleAtBottom) return takeDown(scene, above);
  if (lowest < 0) return undefined;
  let most = 0, worst: PlannedLayer | undefined;
  for (const layer of levels.sorted[lowest].layers) {
    const { versions, keys } = agedOf(layer, horizon), share = (versions - keys) / layer.versions;
    if (share <= most || busy.has(layer.sequence)) continue;
    most = share;
    worst = layer;
  }
  return worst && merge(scene, [worst], lowest);
}

function merge({ levels, settings }: Scene, inputs: readonly PlannedLayer[], level: number): PlannedJob {
  const [first, last] = hullOf(inputs);
  const cuts = cutsOf(levels, settings, level, first, last);
  return { work: "merge", inputs, level, cuts, isOldest: !levels.hasUnder(level, first, last) };
}

/** The first key and the last. */
type Hull = readonly [first: Uint8Array, last: Uint8Array];

/** From the first key of layers to the last. */
function hullOf(layers: readonly PlannedLayer[]): Hull {
  let { firstKey, lastKey } = layers[0];
  for (const layer of layers) {
    [firstKey, lastKey] = joined([firstKey, lastKey], [layer.firstKey, layer.lastKey]);
  }
  return [firstKey, lastKey];
}

function joined([firstA, lastA]: Hull, [firstB, lastB]: Hull): Hull {
  return [compareKeys(firstB, firstA) < 0 ? firstB : firstA, compareKeys(lastB, lastA) > 0 ? lastB : lastA];
}

function isOverlapping(a: PlannedLayer, b: PlannedLayer): boolean {
  return compareKeys(a.firstKey, b.lastKey) <= 0 && compareKeys(b.firstKey, a.lastKey) <= 0;
}

function isFree({ busy }: Scene, layers: readonly PlannedLayer[]): boolean {
  return busy.size === 0 || !layers.some(({ sequence }) => busy.has(sequence));
}

function isSpanFree(level: Level, { from, to }: Span, busy: ReadonlySet<number>): boolean {
  if (busy.size > 0) { for (let i = from; i < to; i++) if (busy.has(level.layers[i].sequence)) return false; }
  return true;
}

/** What level 0 and each level over its bound will have written, down to the bottom. */
function debtOf(scene: Scene): number {
  const { levels, settings, bounds } = scene;
  const isDue = l0Score(scene, levels.l0s) >= 1;
  let carried = isDue ? l0Bytes(levels) : 0;
  let debt = isDue ? carried + levels.sorted[bounds.base].bytes : 0;
  if (isDue || sortL0(scene) !== undefined) {
    debt += bytesOf(levels.l0s.filter((l0) => isScattered(l0, settings)));
  }
  for (let level = bounds.base; level < bottomLevel; level++) {
    const held = levels.sorted[level].bytes + carried;
    carried = Math.max(0, held - bounds.bytes[level]);
    if (carried > 0) debt += carried * (1 + levels.sorted[level + 1].bytes / held);
  }
  return debt;
}

/** How far level 0 is over its bound: twelve times what is left of it at rest is the worst there should ever be. */
function l0Pressure({ levels, l0s, settings }: Scene): number {
  const most = mostWhileAppending(levels, settings), worst = (worstPressure + 1) * settings.mergeL0s;
  const over = worstPressure * (sweptDepth(l0s) - most) / Math.max(1, worst - most);
  return Math.max(0, over, l0s.length / settings.mostL0s - 1);
}

/** How far over its bounds the worst level is, of those where a job would help. */
function pressureOf(scene: Scene, apart: readonly PlannedLayer[]): number {
  const { levels, settings, bounds } = scene, going = goingOf(apart);
  let worst = canMergeL0s(scene) ? l0Pressure(scene) : 0;
  for (let level = bounds.base; level < bottomLevel; level++) {
    const bound = Math.max(bounds.bytes[level], settings.mostInputBytes / 4);
    worst = Math.max(worst, (levels.sorted[level].bytes - going[level]) / bound - 1);
  }
  return worst;
}
