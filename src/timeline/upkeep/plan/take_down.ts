/**
 * What goes down from a level that holds more than it may: the layer for which the fewest bytes are written per byte and
 * level.
 *
 * In a large level 64 layers spread over it stand for all: the best of so many is among the best 2 % nearly always
 * (Mitzenmacher, "The power of two choices in randomized load balancing", 2001, draws two), and a search costs
 * O(log layers).
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { deepestFree, isSpanFree, joined, merge, type Scene } from "./scene.ts";
import type { Span } from "./level.ts";
import { bottomLevel } from "./levels.ts";
import { mostBytesOf } from "./room.ts";
import type { PlannedJob, PlannedLayer } from "./planned_layer.ts";

/** How many layers of a level are weighed against each other. */
const samples = 64;

/** Spreads samples anew after each edit: the fraction of the golden ratio, in 2^32. */
const spread = 0x9e3779b9;

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
export function takeDown(scene: Scene, level: number): PlannedJob | undefined {
  const { levels, bounds } = scene;
  if (level >= bounds.lowest) return undefined;
  const descent = choose(scene, level);
  if (descent === undefined) return undefined;
  const { place, target, under, price } = descent;
  const { layers } = levels.sorted[level];
  if (price === 0) return { work: "move", inputs: [layers[place]], level: target, cuts: [], isOldest: false };
  if (isWide(scene, descent)) return merge(scene, [layers[place]], level);
  const { from, to } = widen(scene, level, descent);
  const inputs = layers.slice(from, to);
  under.forEach((span, i) => inputs.push(...levels.sorted[level + 1 + i].layers.slice(span.from, span.to)));
  return merge(scene, inputs, target);
}

/** Whether a layer reaches over too much: in pieces it does not. Two layers under it may be as large as they are. */
function isWide({ settings: { mostInputBytes } }: Scene, { bytes, price, under }: Descent): boolean {
  return price > 0 && bytes > mostInputBytes && under[0].to - under[0].from > 2;
}

/** Whether a descent finds room for what it writes. */
function fits(scene: Scene, descent: Descent, { byteLength }: PlannedLayer): boolean {
  const { roomBytes = Infinity } = scene.settings;
  return descent.price === 0 || (isWide(scene, descent) ? byteLength : descent.bytes) <= roomBytes;
}

/** The descent with the lowest price, of layers that are free and find room. */
function choose(scene: Scene, level: number): Descent | undefined {
  const { levels, stuck: { sequences } } = scene;
  const { layers } = levels.sorted[level];
  const free = sequences.size === 0 ? undefined : [...layers.keys()].filter((place) => {
    return !sequences.has(layers[place].sequence);
  });
  const length = free?.length ?? layers.length, count = Math.min(length, samples);
  const shift = length > samples ? (Math.imul(levels.newest, spread) >>> 0) / 2 ** 32 : 0;
  let best: Descent | undefined;
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i + shift) * length / count), place = free?.[at] ?? at;
    const descent = descend(scene, level, place);
    if (descent === undefined || best !== undefined && descent.price >= best.price) continue;
    if (!fits(scene, descent, layers[place])) continue;
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
  const { levels, settings, busy } = scene, most = mostBytesOf(settings);
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
    if (!isSpanFree(next, span, busy) || best !== undefined && bytes > most) break;
    under.push(span);
    const price = bytes / gain;
    if (best === undefined || added > 0 && price < best.price) {
      best = { place, target, under: under.slice(), bytes, price };
    }
    if (bytes > most) break;
    if (span.to > span.from) {
      const first = next.layers[span.from].firstKey, last = next.layers[span.to - 1].lastKey;
      [firstKey, lastKey] = joined([firstKey, lastKey], [first, last]);
    }
  }
  return best;
}

/** Takes neighbours in that meet no more than what is met already, as long as the job stays within its bound. */
function widen({ levels, settings, busy }: Scene, level: number, descent: Descent): Span {
  const { layers } = levels.sorted[level], next = levels.sorted[level + 1], most = mostBytesOf(settings);
  const { place, under: [{ from: left, to: right }] } = descent;
  const first = next.layers[left].firstKey, last = next.layers[right - 1].lastKey;
  let { bytes } = descent;
  const fits = (layer: PlannedLayer | undefined) =>
    layer !== undefined && !busy.has(layer.sequence) && bytes + layer.byteLength <= most &&
    compareKeys(layer.firstKey, first) >= 0 && compareKeys(layer.lastKey, last) <= 0;
  let from = place, to = place + 1;
  for (; fits(layers[from - 1]); from--) bytes += layers[from - 1].byteLength;
  for (; fits(layers[to]); to++) bytes += layers[to].byteLength;
  return { from, to };
}
