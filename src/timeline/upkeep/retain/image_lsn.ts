/**
 * At which LSN what comes of a merge is an image: the floor of retention.
 *
 * ```
 *   LSN ▲   ├─ open ──────────────────┤          first LSN 40
 *       │        ├── delta ──┤                   first LSN 31, beside the inputs
 *       │ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─            horizon 35: the image is at 30
 *       │   ├ input ┤├─ input ─┤
 *       └───├─ input ─┤──────────────────► key   nothing under them
 * ```
 *
 * I1  Of the keys from the first to the last one of an image, no other layer has a version at or below its LSN. What is
 *     merged later brings none: outputs hold versions of their inputs alone (G1), and appends are newer.
 * I2  Of what there was of these keys at or below its LSN it has all that a read as of its horizon or later needs.
 *
 * So who comes to an image of a key needs nothing at or below its LSN besides, also if the image does not have the key.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import { compareKeys, maxLsn } from "../../../base/mod.ts";
import type { LayerMap, StoredLayer } from "../../../layer/mod.ts";
import type { Retention } from "../merge/retained.ts";

/**
 * Tells at which LSN a merge makes images. Pure.
 *
 * @param map All layers of the timeline, damaged ones that no plan takes in among them.
 * @param inputs Those that are merged.
 * @param retention What the merge may give up.
 * @returns The LSN; 0 if something older may lie elsewhere.
 */
export function imageLsnOf(
  map: LayerMap,
  inputs: readonly StoredLayer[],
  { horizon, isOldest }: Retention,
): Lsn {
  const merged = inputs.filter(({ description }) => description.versions > 0);
  if (!isOldest || merged.length === 0) return 0;
  const { firstKey, end } = rangeOf(merged), isInput = new Set(inputs);
  let lsn = horizon;
  for (const { firstLsn } of map.memory) lsn = Math.min(lsn, firstLsn - 1);
  for (const layer of map.overlapping(firstKey, end, horizon)) {
    if (!isInput.has(layer)) lsn = Math.min(lsn, layer.description.firstLsn - 1);
  }
  // Below the first LSN it would say nothing.
  const firstLsn = inputs.reduce((least, { description }) => Math.min(least, description.firstLsn), maxLsn);
  return lsn >= firstLsn ? lsn : 0;
}

/** The least key of layers, and the first key behind all of theirs. */
function rangeOf(layers: readonly StoredLayer[]): { firstKey: Uint8Array; end: Uint8Array } {
  let { firstKey, lastKey } = layers[0].description;
  for (const { description } of layers) {
    if (compareKeys(description.firstKey, firstKey) < 0) firstKey = description.firstKey;
    if (compareKeys(description.lastKey, lastKey) > 0) lastKey = description.lastKey;
  }
  const end = new Uint8Array(lastKey.length + 1);
  end.set(lastKey);
  return { firstKey, end };
}
