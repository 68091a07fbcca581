/**
 * Dividing many layers into runs at once, as when a store of 100,000 layers is opened.
 *
 * @module
 */

import { compareKeys } from "../base/mod.ts";
import { commonLength, headBytes, keyHead } from "./key_head.ts";
import type { StoredLayer } from "./layer.ts";
import { LayerRun } from "./layer_run.ts";

/**
 * Divides layers into as few runs as can be: as many as there are layers over the key that most of them have.
 *
 * @param layers Layers with keys.
 * @returns The runs, roughly by their last LSNs from new to old.
 */
export function divideIntoRuns(layers: readonly StoredLayer[]): LayerRun[] {
  const firstKeys = layers.map(({ description }) => description.firstKey);
  const lastKeys = layers.map(({ description }) => description.lastKey);
  const ends = orderOf(lastKeys);
  const runs: StoredLayer[][] = [];
  /** By layer: the run that took it. */
  const runOf = new Array<StoredLayer[]>(layers.length);
  // Runs whose last layer has ended before the next one starts.
  const free: StoredLayer[][] = [];
  let ended = 0;
  for (const i of orderOf(firstKeys)) {
    for (; compareKeys(lastKeys[ends[ended]], firstKeys[i]) < 0; ended++) free.push(runOf[ends[ended]]);
    const run = runOf[i] = free.pop() ?? [];
    if (run.push(layers[i]) === 1) runs.push(run);
  }
  return runs.sort(([a], [b]) => b.description.lastLsn - a.description.lastLsn).map((run) =>
    new LayerRun(run)
  );
}

/** The order of keys, by their places. */
function orderOf(keys: readonly Uint8Array[]): Uint32Array {
  const prefix = keys.reduce((most, key) => commonLength(keys[0], key, most), Infinity);
  // A head and a place are joined into one number: the runtime sorts numbers much faster than it calls a comparison.
  const places = 2 ** Math.ceil(Math.log2(keys.length + 1));
  const scale = Math.min(1, 2 ** 53 / places / 256 ** headBytes);
  const heads = keys.map((key) => Math.floor(keyHead(key, prefix, key.length) * scale));
  const numbers = new Float64Array(heads.map((head, i) => head * places + i)).sort();
  const order = new Uint32Array(numbers.map((number) => number % places));
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && heads[order[to]] === heads[order[from]]) to++;
    if (to - from > 1) order.subarray(from, to).sort((a, b) => compareKeys(keys[a], keys[b]));
  }
  return order;
}
