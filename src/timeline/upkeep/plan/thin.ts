/**
 * What gives room back under a horizon: layers are written anew without the versions that no read needs.
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { lowerInto } from "./level_0.ts";
import { columnLevel } from "./levels.ts";
import { hasRoom } from "./room.ts";
import { isFree, merge, type Scene } from "./scene.ts";
import type { PlannedJob, PlannedLayer } from "./planned_layer.ts";
import { agedOf, countStale } from "./stale.ts";
import { takeDown } from "./take_down.ts";

/**
 * Writes layers anew of whose versions half or more are not needed since the horizon went past them. What was merged since
 * it did has what patches stand on, and nothing to give: it would be written again and again.
 */
export function reclaim(scene: Scene): PlannedJob | undefined {
  const { levels, settings, busy } = scene, { horizon } = settings;
  if (horizon === undefined) return undefined;
  const isWorth = ({ lastLsn, versions, keys, horizon: merged, sequence }: PlannedLayer) =>
    lastLsn <= horizon && merged < lastLsn && versions >= 2 * keys && !busy.has(sequence);
  for (const { layers } of levels.sorted) {
    const layer = layers.find((layer) =>
      isWorth(layer) && hasRoom({ work: "merge", inputs: [layer] }, settings)
    );
    if (layer !== undefined) return merge(scene, [layer], layer.level);
  }
  const { layers } = levels.columns;
  for (let first = 0, last = 0; last < layers.length; last++) {
    if (compareKeys(layers[first].firstKey, layers[last].firstKey) !== 0) first = last;
    if (!isWorth(layers[last])) continue;
    // What an earlier horizon left of the same key goes with it.
    const inputs = layers.slice(first, last + 1);
    if (isFree(scene, inputs) && hasRoom({ work: "merge", inputs }, settings)) {
      return merge(scene, inputs, columnLevel);
    }
  }
  return undefined;
}

/**
 * Takes layers down until few versions are left that no read needs: what lies above the bottom, cheapest first, or the
 * layer of the bottom that has the most of them, wherever there are more. Where appends go on, level 0 is left to
 * itself: a segment would cost as much as all that it meets.
 */
export function thin(scene: Scene): PlannedJob | undefined {
  const { levels, settings: { horizon, mostStale, mostStaleAtRest, isAtRest = false }, bounds, busy } = scene;
  if (horizon === undefined) return undefined;
  const l0s = isAtRest ? scene.l0s : [];
  const { stale, staleAtBottom, needed } = countStale(levels, horizon, l0s, busy);
  if (stale <= (isAtRest ? mostStaleAtRest : mostStale) * needed) return undefined;
  if (l0s.length > 0) return lowerInto(scene, bounds.base);
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
