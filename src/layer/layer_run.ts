/**
 * Stored layers that do not overlap in key, in the order of their keys, so that a key has one candidate among them at
 * the most, which a binary search finds.
 *
 * @module
 */

import { assert, compareKeys, type Lsn } from "../base/mod.ts";
import { commonLength, keyHead } from "./key_head.ts";
import type { StoredLayer } from "./layer.ts";

/** Layers side by side. It never changes. Hot: `bench/layer_map_bench.ts`. */
export class LayerRun {
  /** The layers. */
  readonly layers: readonly StoredLayer[];
  /** No layer's first LSN is smaller. */
  readonly firstLsn: Lsn;
  /** No layer's last LSN is larger. */
  readonly lastLsn: Lsn;
  /** What all first keys start with. */
  readonly #prefix: Uint8Array;
  /** What follows it in each first key, so that a search looks at one array and not at many keys. */
  readonly #heads: readonly number[];

  private constructor(
    layers: readonly StoredLayer[],
    prefix: Uint8Array,
    heads: readonly number[],
    firstLsn: Lsn,
    lastLsn: Lsn,
  ) {
    this.layers = layers;
    this.#prefix = prefix;
    this.#heads = heads;
    this.firstLsn = firstLsn;
    this.lastLsn = lastLsn;
  }

  /** Makes a run of layers that are in order and do not overlap; at least one. */
  static of(layers: readonly StoredLayer[]): LayerRun {
    const key = layers[0].description.firstKey, last = layers[layers.length - 1].description.firstKey;
    const prefix = key.subarray(0, commonLength(key, last, key.length));
    const heads = layers.map(({ description }) => headAfter(description.firstKey, prefix.length));
    let firstLsn = Infinity, lastLsn = 0;
    for (const { description } of layers) {
      firstLsn = Math.min(firstLsn, description.firstLsn);
      lastLsn = Math.max(lastLsn, description.lastLsn);
    }
    return new LayerRun(layers, prefix, heads, firstLsn, lastLsn);
  }

  /** How many layers start before a key, or before and at it. */
  #countBefore(key: Uint8Array, inclusive: boolean): number {
    const prefix = this.#prefix, heads = this.#heads;
    for (let i = 0; i < prefix.length; i++) {
      if (i === key.length || key[i] < prefix[i]) return 0;
      if (key[i] > prefix[i]) return heads.length;
    }
    const head = headAfter(key, prefix.length);
    let low = 0, high = heads.length;
    while (low < high) {
      const middle = low + high >>> 1;
      let order = heads[middle] - head;
      if (order === 0) order = compareKeys(this.layers[middle].description.firstKey, key);
      if (order < 0 || inclusive && order === 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The layer whose range of keys has a key, if there is one. */
  at(key: Uint8Array): StoredLayer | undefined {
    const layer = this.layers[this.#countBefore(key, true) - 1];
    return layer !== undefined && compareKeys(key, layer.description.lastKey) <= 0 ? layer : undefined;
  }

  /** The layers that have keys in `[start, end)`, which is not empty. */
  between(start: Uint8Array | undefined, end: Uint8Array | undefined): readonly StoredLayer[] {
    const to = end === undefined ? this.layers.length : this.#countBefore(end, false);
    let from = start === undefined ? 0 : this.#countBefore(start, true);
    if (start !== undefined && this.at(start) !== undefined) from--;
    return from < to ? this.layers.slice(from, to) : [];
  }

  /** Where a layer stands in the run, or −1. */
  indexOf(layer: StoredLayer): number {
    const at = this.#countBefore(layer.description.firstKey, true) - 1;
    return this.layers[at] === layer ? at : -1;
  }

  /** Whether a layer overlaps none of the run. */
  fits({ description }: StoredLayer): boolean {
    const next = this.#countBefore(description.lastKey, true);
    return next === 0 || compareKeys(this.layers[next - 1].description.lastKey, description.firstKey) < 0;
  }

  /** The run with one more layer, which fits. */
  with(layer: StoredLayer): LayerRun {
    const { firstKey, firstLsn, lastLsn } = layer.description;
    const at = this.#countBefore(firstKey, false);
    const layers = this.layers.toSpliced(at, 0, layer);
    const { length } = this.#prefix;
    if (commonLength(this.#prefix, firstKey, length) < length) return LayerRun.of(layers);
    const heads = this.#heads.toSpliced(at, 0, headAfter(firstKey, length));
    const least = Math.min(this.firstLsn, firstLsn), most = Math.max(this.lastLsn, lastLsn);
    return new LayerRun(layers, this.#prefix, heads, least, most);
  }

  /** The run without one of its layers; `undefined` if that was the last one. */
  without(layer: StoredLayer): LayerRun | undefined {
    const at = this.indexOf(layer);
    assert(at >= 0, "the layer is in the run");
    if (this.layers.length === 1) return undefined;
    const layers = this.layers.toSpliced(at, 1), heads = this.#heads.toSpliced(at, 1);
    return new LayerRun(layers, this.#prefix, heads, this.firstLsn, this.lastLsn);
  }
}

function headAfter(key: Uint8Array, prefix: number): number {
  return keyHead(key, prefix, key.length);
}
