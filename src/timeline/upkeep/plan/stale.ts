/**
 * How many versions a horizon has left that no read needs, by descriptions alone.
 *
 * ```
 *   LSN ─►   first ……… merged ………………… horizon ………… last
 *            a version    of what was left, as   all is
 *            of each key  much as the LSNs say   needed
 * ```
 *
 * Descriptions tell bounds, not which versions there are. What is older than the horizon counts as stale but for one
 * version of each key of the run that has the most keys: never less than there is if versions lie evenly over LSNs,
 * and more where keys of a run are not those of another.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { LayerDescription } from "../../../layer/mod.ts";
import type { Levels } from "./levels.ts";
import type { PlannedLayer } from "./planned_layer.ts";

/** What a description says that matters here. */
type AgedLayer = Pick<LayerDescription, "firstLsn" | "lastLsn" | "versions" | "keys" | "horizon">;

/** Versions at or below a horizon. */
interface Aged {
  /** How many there are. */
  readonly versions: number;
  /** How many keys they have. */
  readonly keys: number;
}

/** About how many versions of a layer lie at or below a horizon, and of how many keys. */
export function agedOf(layer: AgedLayer, horizon: Lsn): Aged {
  const { firstLsn, lastLsn, versions, keys, horizon: merged } = layer;
  if (firstLsn > horizon) return { versions: 0, keys: 0 };
  const from = Math.max(firstLsn - 1, merged), to = Math.min(lastLsn, horizon);
  const share = to <= from ? 0 : (to - from) / (lastLsn - from);
  // Of a layer that was merged under a horizon, one version of each key lies below it, and the others above.
  return merged >= firstLsn
    ? { versions: keys + (versions - keys) * share, keys }
    : { versions: versions * share, keys: keys * share };
}

/** Versions that are stale, and those that are not. */
export interface StaleCount {
  /** Stale ones, at the most. */
  readonly stale: number;
  /** Of them, those that wait in the lowest run for it to be written anew. */
  readonly staleAtBottom: number;
  /** All others. */
  readonly needed: number;
}

/**
 * Counts stale versions of all but columns. What no job may take in has none: a job would leave them where they are.
 *
 * @param levels The layers.
 * @param horizon The horizon.
 * @param l0s Those at level 0 that count.
 * @param busy Sequences of layers that no job may take in.
 */
export function countStale(
  { sorted }: Pick<Levels, "sorted">,
  horizon: Lsn,
  l0s: readonly PlannedLayer[],
  busy: ReadonlySet<number>,
): StaleCount {
  let all = 0, versions = 0, mostKeys = 0, staleAtBottom = 0;
  const count = (run: readonly PlannedLayer[]) => {
    let aged = 0, keys = 0;
    for (const layer of run) {
      all += layer.versions;
      if (busy.has(layer.sequence)) continue;
      const below = agedOf(layer, horizon);
      aged += below.versions;
      keys += below.keys;
    }
    versions += aged;
    mostKeys = Math.max(mostKeys, keys);
    if (run.length > 0) staleAtBottom = aged - keys;
  };
  for (const l0 of l0s) count([l0]);
  for (const { layers } of sorted) count(layers);
  const stale = versions - mostKeys;
  return { stale, staleAtBottom, needed: all - stale };
}
