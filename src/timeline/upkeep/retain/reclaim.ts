/**
 * Which layers have versions that nobody can read any more, and what is done about them.
 *
 * ```
 *   key ─────────────────────────►
 *   ├──────── L0 ──────────┤           a pile: merged, so that what is below the horizon goes
 *      ├───── delta ────┤
 *                           ├─ delta ─┤  alone: written anew, if enough of it may go
 *   ║ delta, LSNs 1 to 9                 of one key alone, and below a newer one that is below the horizon too:
 *   ║ delta, LSNs 10 to 20               removed by an edit, and not read
 * ```
 *
 * R3  What is removed unread is superseded: by a newer version that needs nothing older, which a patch does.
 *
 * Descriptions tell bounds, not which versions there are: what is said of bytes is an estimate.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../../../base/mod.ts";
import type { LayerDescription } from "../../../layer/mod.ts";
import { agedOf } from "../plan/stale.ts";

/** What a description says that matters here. */
export type ReclaimedLayer = Pick<
  LayerDescription,
  | "sequence"
  | "firstKey"
  | "lastKey"
  | "firstLsn"
  | "lastLsn"
  | "versions"
  | "tombstones"
  | "patches"
  | "keys"
  | "byteLength"
  | "horizon"
>;

/** Layers that are rid of versions together. */
export interface Reclaim<L extends ReclaimedLayer = ReclaimedLayer> {
  /** `remove`: an edit takes them out, unread; `merge`: they are written anew, or merged with each other. */
  readonly work: "remove" | "merge";
  /** The layers. */
  readonly layers: readonly L[];
  /** About how many bytes of them may go. */
  readonly bytes: number;
  /** Whether that is worth writing the rest anew. */
  readonly isWorth: boolean;
}

/** Of so many bytes one must go at least for the others to be written anew. */
const worthShare = 8;

/**
 * Finds what can be given up.
 *
 * @param layers All stored layers.
 * @param horizon The horizon.
 * @param keepsTombstones Whether tombstones stay, whatever the horizon: those of a branch.
 * @returns What can, in no order that counts; nothing that is known not to have versions that may go.
 */
export function planReclaim<L extends ReclaimedLayer>(
  layers: readonly L[],
  horizon: Lsn,
  keepsTombstones: boolean = false,
): Reclaim<L>[] {
  const old = layers.filter(({ firstLsn }) => firstLsn <= horizon);
  if (old.length === 0) return [];
  const covered = coveredLayers(layers, horizon), gone = new Set(covered);
  const plans: Reclaim<L>[] = [];
  if (covered.length > 0) {
    plans.push({ work: "remove", layers: covered, bytes: sizeOf(covered), isWorth: true });
  }
  for (const pile of pilesOf(layers.filter((layer) => layer.versions > 0 && !gone.has(layer)))) {
    const bytes = supersededBytes(pile, horizon, keepsTombstones);
    if (bytes > 0) {
      plans.push({ work: "merge", layers: pile, bytes, isWorth: bytes * worthShare >= sizeOf(pile) });
    }
  }
  return plans;
}

/** Layers that need not be read to be known superseded (R3): of one key alone, or without any. */
function coveredLayers<L extends ReclaimedLayer>(layers: readonly L[], horizon: Lsn): L[] {
  const lastLsn = layers.reduce((last, layer) => Math.max(last, layer.lastLsn), 0);
  const single = Map.groupBy(
    layers.filter((layer) => layer.keys === 1 && layer.lastLsn <= horizon),
    ({ firstKey }) => firstKey.toHex(),
  );
  const covered = [...single.values()].flatMap((same) =>
    same.filter((layer) => same.some(({ firstLsn, patches }) => firstLsn > layer.lastLsn && patches === 0))
  );
  // A layer without versions says how far history went; one that says so stays.
  const blank = layers.filter((layer) => layer.versions === 0 && layer.lastLsn < lastLsn);
  return [...covered, ...blank];
}

/** Layers by key, such that those of different piles have no key in common. */
function pilesOf<L extends ReclaimedLayer>(layers: readonly L[]): L[][] {
  const sorted = layers.toSorted((a, b) => compareKeys(a.firstKey, b.firstKey));
  const piles: L[][] = [];
  let last: Uint8Array | undefined;
  for (const layer of sorted) {
    if (last !== undefined && compareKeys(layer.firstKey, last) <= 0) piles[piles.length - 1].push(layer);
    else piles.push([layer]);
    if (last === undefined || compareKeys(layer.lastKey, last) > 0) last = layer.lastKey;
  }
  return piles;
}

/**
 * About how many bytes of a pile are of versions that may go: those below the horizon, if versions lie evenly, but for one
 * of each key that is not deleted, or of each key, of which the layer with the most has all.
 */
function supersededBytes(
  pile: readonly ReclaimedLayer[],
  horizon: Lsn,
  keepsTombstones: boolean,
): number {
  let old = 0, oldBytes = 0, kept = 0;
  for (const layer of pile) {
    const { versions, keys, tombstones, byteLength } = layer, aged = agedOf(layer, horizon);
    old += aged.versions;
    oldBytes += byteLength * aged.versions / versions;
    const deleted = keepsTombstones ? 0 : Math.min(1, tombstones / keys);
    kept = Math.max(kept, aged.keys * (1 - deleted));
  }
  const [only] = pile;
  // What was merged under this horizon as one has nothing that may go.
  const isDone = pile.length === 1 && only.horizon >= Math.min(horizon, only.lastLsn);
  return isDone || old <= kept ? 0 : Math.floor(oldBytes * (old - kept) / old);
}

function sizeOf(layers: readonly ReclaimedLayer[]): number {
  return layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
