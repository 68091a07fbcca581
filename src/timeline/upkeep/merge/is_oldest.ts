/**
 * Whether a merge takes in all old versions of its keys.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../../../base/mod.ts";
import type { StoredLayer } from "../../../layer/mod.ts";

/**
 * Whether no layer beside the inputs of a merge may hold versions of their keys at or below a horizon: then a tombstone
 * below it hides nothing. What is in memory is newer than all of them (Q1).
 *
 * @param inputs The layers that are merged.
 * @param stored All stored layers, the inputs among them.
 * @param horizon The horizon.
 */
export function isOldest(
  inputs: readonly StoredLayer[],
  stored: Iterable<StoredLayer>,
  horizon: Lsn,
): boolean {
  const merged = new Set(inputs), held = inputs.filter(hasVersions);
  if (held.length === 0) return true;
  let { firstKey, lastKey } = held[0].description;
  for (const { description } of held) {
    if (compareKeys(description.firstKey, firstKey) < 0) firstKey = description.firstKey;
    if (compareKeys(description.lastKey, lastKey) > 0) lastKey = description.lastKey;
  }
  for (const layer of stored) {
    const { description: { firstLsn, firstKey: first, lastKey: last } } = layer;
    if (merged.has(layer) || !hasVersions(layer) || firstLsn > horizon) continue;
    if (compareKeys(first, lastKey) <= 0 && compareKeys(last, firstKey) >= 0) return false;
  }
  return true;
}

function hasVersions({ description }: StoredLayer): boolean {
  return description.versions > 0;
}
