/**
 * What a plan looks at, and what all parts of it ask about layers and their keys.
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { cutsOf } from "./cuts.ts";
import type { Level, Span } from "./level.ts";
import { bottomLevel, columnLevel, type LevelBounds, type Levels } from "./levels.ts";
import type { PlannedJob, PlannedLayer, PlanSettings } from "./planned_layer.ts";

/** What a plan looks at. */
export interface Scene {
  readonly levels: Levels;
  readonly settings: PlanSettings;
  readonly bounds: LevelBounds;
  /** Sequences of layers that no job may take in. */
  readonly busy: ReadonlySet<number>;
  /** Those, and what cannot go down since one of them lies right under it. */
  readonly stuck: StuckLayers;
  /** Layers at level 0 that may go down, oldest first. */
  readonly l0s: readonly PlannedLayer[];
}

/** Layers that stay where they are. */
export interface StuckLayers {
  /** Their sequences. */
  readonly sequences: ReadonlySet<number>;
  /** By level: their bytes. */
  readonly bytes: Float64Array;
}

/** The layers that stay where they are while others are left out. */
export function stuckOf({ sorted }: Levels, leftOut: readonly PlannedLayer[]): StuckLayers {
  const sequences = new Set<number>(), bytes = new Float64Array(columnLevel + 1);
  const add = ({ sequence, level, byteLength }: PlannedLayer) => {
    if (sequences.has(sequence)) return;
    sequences.add(sequence);
    bytes[level] += byteLength;
  };
  for (const layer of leftOut) {
    add(layer);
    if (layer.level < 2 || layer.level > bottomLevel) continue;
    const above = sorted[layer.level - 1], { from, to } = above.overlap(layer.firstKey, layer.lastKey);
    above.layers.slice(from, to).forEach(add);
  }
  return { sequences, bytes };
}

/** A merge of layers, and where its outputs end. */
export function merge(
  { levels, settings }: Scene,
  inputs: readonly PlannedLayer[],
  level: number,
): PlannedJob {
  const [first, last] = hullOf(inputs);
  const cuts = cutsOf(levels, settings, level, first, last);
  return { work: "merge", inputs, level, cuts, isOldest: !levels.hasUnder(level, first, last) };
}

/** The first key and the last. */
export type Hull = readonly [first: Uint8Array, last: Uint8Array];

/** From the first key of layers to the last. */
export function hullOf(layers: readonly PlannedLayer[]): Hull {
  let { firstKey, lastKey } = layers[0];
  for (const layer of layers) {
    [firstKey, lastKey] = joined([firstKey, lastKey], [layer.firstKey, layer.lastKey]);
  }
  return [firstKey, lastKey];
}

/** From the first of two first keys to the last of two last ones. */
export function joined([firstA, lastA]: Hull, [firstB, lastB]: Hull): Hull {
  return [compareKeys(firstB, firstA) < 0 ? firstB : firstA, compareKeys(lastB, lastA) > 0 ? lastB : lastA];
}

/** Whether a key may be in both of two layers. */
export function isOverlapping(a: PlannedLayer, b: PlannedLayer): boolean {
  return compareKeys(a.firstKey, b.lastKey) <= 0 && compareKeys(b.firstKey, a.lastKey) <= 0;
}

/** Whether a job may take layers in. */
export function isFree({ busy }: Scene, layers: readonly PlannedLayer[]): boolean {
  return busy.size === 0 || !layers.some(({ sequence }) => busy.has(sequence));
}

/** The same of layers side by side. */
export function isSpanFree(level: Level, { from, to }: Span, busy: ReadonlySet<number>): boolean {
  if (busy.size > 0) { for (let i = from; i < to; i++) if (busy.has(level.layers[i].sequence)) return false; }
  return true;
}

/** The lowest level such that no level down to it from the one under `above` overlaps a layer. */
export function deepestFree(
  { levels: { sorted }, bounds }: Scene,
  above: number,
  layer: PlannedLayer,
): number {
  const { firstKey, lastKey } = layer;
  let level = above;
  while (level < bounds.lowest) {
    const { from, to } = sorted[level + 1].overlap(firstKey, lastKey);
    if (to > from) break;
    level++;
  }
  return level;
}
