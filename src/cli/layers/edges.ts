/**
 * The edges of layers along both axes. A layer starts at the edge of its first key or LSN and ends at the one behind
 * its last, so that a layer of one key or LSN has a width too.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../../base/mod.ts";
import type { LayerInfo } from "../../timeline/mod.ts";
import type { Axis } from "./axis.ts";
import { keyFractions } from "./key_fractions.ts";

/** The axis of keys. */
export interface KeyAxis extends Axis {
  /** The key of each edge: it stands before it, or behind it where it is the last of a layer. */
  readonly keys: readonly Uint8Array[];
}

/** The axis of LSNs. */
export interface LsnAxis extends Axis {
  /** The LSN before which each edge stands. */
  readonly lsns: Float64Array;
}

/**
 * Returns the axis of keys.
 *
 * @param layers Layers that tell their keys.
 */
export function keyAxis(layers: readonly LayerInfo[]): KeyAxis {
  const edges = layers.flatMap(({ firstKey, lastKey }, layer) => [
    { key: firstKey, isEnd: 0, layer },
    { key: lastKey, isEnd: 1, layer },
  ]);
  edges.sort((a, b) => compareKeys(a.key, b.key) || a.isEnd - b.isEnd);
  const starts = new Uint32Array(layers.length), ends = new Uint32Array(layers.length);
  const keys: Uint8Array[] = [];
  edges.forEach((edge, i) => {
    const { key, isEnd, layer } = edge, last = edges[i - 1];
    const isNew = i === 0 || last.isEnd !== isEnd || compareKeys(last.key, key) !== 0;
    if (isNew) keys.push(key);
    (isEnd ? ends : starts)[layer] = keys.length - 1;
  });
  const amounts = Float64Array.from(layers, (layer) => layer.keys);
  return { gaps: gapsOf(keyFractions(keys)), starts, ends, amounts, keys };
}

/**
 * Returns the axis of LSNs. Images count for nothing: all of their versions stand at one LSN.
 *
 * @param layers Any layers.
 */
export function lsnAxis(layers: readonly LayerInfo[]): LsnAxis {
  const all = Float64Array.from(layers.flatMap(({ firstLsn, lastLsn }) => [firstLsn, lastLsn + 1])).sort();
  const lsns = all.filter((lsn, i) => i === 0 || lsn !== all[i - 1]);
  const starts = Uint32Array.from(layers, ({ firstLsn }) => placeOf(lsns, firstLsn));
  const ends = Uint32Array.from(layers, ({ lastLsn }) => placeOf(lsns, lastLsn + 1));
  const amounts = Float64Array.from(
    layers,
    ({ kind, firstLsn, lastLsn, versions }) => kind === "image" && firstLsn === lastLsn ? 0 : versions,
  );
  return { gaps: gapsOf(lsns), starts, ends, amounts, lsns };
}

/**
 * Where an LSN stands on an axis.
 *
 * @param lsns The LSN of each edge, ascending.
 * @param places The place of each edge.
 * @param lsn Any LSN.
 */
export function placeLsn(lsns: Float64Array, places: Float64Array, lsn: Lsn): number {
  const edge = placeOf(lsns, lsn);
  if (edge >= lsns.length) return 1;
  if (edge === 0) return 0;
  const part = (lsn - lsns[edge - 1]) / (lsns[edge] - lsns[edge - 1]);
  return places[edge - 1] + part * (places[edge] - places[edge - 1]);
}

function gapsOf(values: Float64Array): Float64Array {
  return values.subarray(1).map((value, i) => value - values[i]);
}

/** The first of ascending values that is not less; their number if there is none. */
function placeOf(values: Float64Array, value: number): number {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
