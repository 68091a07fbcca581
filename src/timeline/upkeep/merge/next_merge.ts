/**
 * Which layers are merged next.
 *
 * ```
 *   key ─────────────────────────────►
 *   ├───── L0 ─────┤                       first: the oldest L0s
 *      ├─────── L0 ───────┤
 *   ├── delta ──┬─────── delta ──────┤     then: layers over each other
 *      ├─ delta ──┬─ delta ─┤
 *               ║ delta                    then: several of one key alone
 *               ║ delta
 *               █ delta                    never: of one key alone, and full
 * ```
 *
 * G7  Merges end: after each there are fewer L0s, or layers lie over each other less deep, or there are fewer layers of
 *     one key alone.
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import { divideIntoRuns, type StoredLayer } from "../../../layer/mod.ts";

/** L0s that are merged at once: the records of each window are gathered from all over them. */
export const mostL0s = 8;
/** Runs of other layers that are merged at once. */
export const mostRuns = 16;

/** When a layer is full. */
export interface FullLayer {
  /** At so many bytes. */
  readonly bytes: number;
  /** Or at so many versions. */
  readonly versions: number;
}

/**
 * Chooses the layers that are merged next.
 *
 * @param layers All stored layers, in any order.
 * @param full When an output of a merge may end. One that ends within a key is twice as large at least.
 * @returns The layers; `undefined` if nothing is left to be merged.
 */
export function nextMerge(layers: readonly StoredLayer[], full: FullLayer): StoredLayer[] | undefined {
  const l0s = layers.filter(({ description }) => description.kind === "L0");
  if (l0s.length > 0) {
    const oldest = l0s.sort((a, b) => a.description.sequence - b.description.sequence).slice(0, mostL0s);
    // What came of batches without changes alone goes along, or there would be ever more of it.
    return [...oldest, ...layers.filter((layer) => layer.description.versions === 0 && !l0s.includes(layer))];
  }
  const loose = layers.filter((layer) => layer.description.versions > 0 && !isSettled(layer, full));
  const pile = piles(loose).find(isMany) ?? ofOneKey(loose).find(isMany);
  return pile && divideIntoRuns(pile).slice(-mostRuns).flatMap(({ layers }) => layers);
}

function isMany({ length }: readonly StoredLayer[]): boolean {
  return length > 1;
}

/** Whether a layer can only be written anew as it is: it has but one key, whose versions fill it. */
function isSettled({ description }: StoredLayer, { bytes, versions }: FullLayer): boolean {
  return description.keys === 1 && (description.byteLength >= bytes || description.versions >= versions);
}

/** Layers by key, such that those of different piles have one key in common at the most. */
function piles(layers: StoredLayer[]): StoredLayer[][] {
  layers.sort(({ description: a }, { description: b }) =>
    compareKeys(a.firstKey, b.firstKey) || compareKeys(a.lastKey, b.lastKey)
  );
  const found: StoredLayer[][] = [];
  let last: Uint8Array | undefined;
  for (const layer of layers) {
    const { firstKey, lastKey } = layer.description;
    if (last !== undefined && compareKeys(firstKey, last) < 0) found[found.length - 1].push(layer);
    else found.push([layer]);
    if (last === undefined || compareKeys(lastKey, last) > 0) last = lastKey;
  }
  return found;
}

/** Layers that have but one key, by that key. */
function ofOneKey(layers: readonly StoredLayer[]): StoredLayer[][] {
  const single = layers.filter(({ description }) => description.keys === 1);
  return [...Map.groupBy(single, ({ description }) => description.firstKey.toHex()).values()];
}
