/**
 * Stored layers that do not overlap in key, in the order of their keys, so that a key has one candidate among them at
 * the most, which a binary search finds.
 *
 * @module
 */

import { compareKeys } from "../base/mod.ts";
import { commonLength, keyHead } from "./key_head.ts";
import type { StoredLayer } from "./layer.ts";

/** Layers side by side. It never changes. Hot: `bench/layer_map_bench.ts`. */
export class LayerRun {
  /** The layers. */
  readonly layers: readonly StoredLayer[];
  /** What all first keys start with. */
  readonly #prefix: Uint8Array;
  /** What follows it in each first key, so that a search looks at one array and not at many keys. */
  readonly #heads: readonly number[];

  /**
   * Makes a run.
   *
   * @param layers Layers that are in order and do not overlap; at least one.
   * @param prefix What all their first keys start with, if it is known.
   * @param heads What follows it in each of them.
   */
  constructor(
    layers: readonly StoredLayer[],
    prefix: Uint8Array = commonPrefix(layers),
    heads: readonly number[] = layers.map(({ description }) => headAfter(description.firstKey, prefix)),
  ) {
    this.layers = layers;
    this.#prefix = prefix;
    this.#heads = heads;
  }

  /** How many layers start before a key, or before and at it. */
  #countBefore(key: Uint8Array, inclusive: boolean): number {
    const prefix = this.#prefix, heads = this.#heads;
    for (let i = 0; i < prefix.length; i++) {
      if (i === key.length || key[i] < prefix[i]) return 0;
      if (key[i] > prefix[i]) return heads.length;
    }
    const head = headAfter(key, prefix);
    let low = 0, high = heads.length;
    while (low < high) {
      const middle = low + high >>> 1;
      const order = heads[middle] - head || compareKeys(this.layers[middle].description.firstKey, key);
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

  /** The first key of the first layer that starts behind a key, if there is one. */
  startBehind(key: Uint8Array): Uint8Array | undefined {
    return this.layers.at(this.#countBefore(key, true))?.description.firstKey;
  }

  /** The layers that have keys in `[start, end)`, which is not empty. */
  between(start: Uint8Array | undefined, end: Uint8Array | undefined): readonly StoredLayer[] {
    const to = end === undefined ? this.layers.length : this.#countBefore(end, false);
    let from = start === undefined ? 0 : this.#countBefore(start, true);
    if (start !== undefined && this.at(start) !== undefined) from--;
    return this.layers.slice(from, to);
  }

  /** Whether a layer overlaps none of the run. */
  fits({ description }: StoredLayer): boolean {
    const before = this.layers[this.#countBefore(description.lastKey, true) - 1];
    return before === undefined || compareKeys(before.description.lastKey, description.firstKey) < 0;
  }

  /** The run with one more layer, which fits. */
  with(layer: StoredLayer): LayerRun {
    const { firstKey } = layer.description, prefix = this.#prefix;
    const at = this.#countBefore(firstKey, false);
    const layers = this.layers.toSpliced(at, 0, layer);
    if (commonLength(prefix, firstKey, prefix.length) < prefix.length) return new LayerRun(layers);
    return new LayerRun(layers, prefix, this.#heads.toSpliced(at, 0, headAfter(firstKey, prefix)));
  }

  /** Whether a layer is one of the run. */
  has(layer: StoredLayer): boolean {
    return this.at(layer.description.firstKey) === layer;
  }

  /** The run without one of its layers; it may be the last. */
  without(layer: StoredLayer): LayerRun {
    const at = this.layers.indexOf(layer);
    return new LayerRun(this.layers.toSpliced(at, 1), this.#prefix, this.#heads.toSpliced(at, 1));
  }
}

function commonPrefix(layers: readonly StoredLayer[]): Uint8Array {
  const key = layers[0].description.firstKey, last = layers[layers.length - 1].description.firstKey;
  return key.subarray(0, commonLength(key, last, key.length));
}

function headAfter(key: Uint8Array, prefix: Uint8Array): number {
  return keyHead(key, prefix.length, key.length);
}
