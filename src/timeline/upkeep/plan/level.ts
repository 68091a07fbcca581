/**
 * Layers side by side: a level of which any key has one layer at the most, or the layers of keys that fill whole ones.
 *
 * @module
 */

import { assert, compareKeys } from "../../../base/mod.ts";
import type { PlannedLayer } from "./planned_layer.ts";

/** Where layers stand in a level: from the first to before the last. */
export interface Span {
  /** The first. */
  readonly from: number;
  /** Behind the last. */
  readonly to: number;
}

/** Layers in the order of their keys. It never changes. Hot: `bench/plan_bench.ts`. */
export class Level {
  /** The level without layers. */
  static readonly empty: Level = new Level([], 0);
  /** The layers, by first key, those of one key by first LSN. */
  readonly layers: readonly PlannedLayer[];
  /** How many bytes they have. */
  readonly bytes: number;

  private constructor(layers: readonly PlannedLayer[], bytes: number) {
    this.layers = layers;
    this.bytes = bytes;
  }

  /** The level after an edit; `removed` are layers of it. */
  edit(removed: readonly PlannedLayer[], added: readonly PlannedLayer[]): Level {
    if (removed.length === 0 && added.length === 0) return this;
    const places = removed.map((layer) => this.#placeOf(layer)).sort((a, b) => a - b);
    const coming = added.toSorted(compareLayers);
    const bytes = this.bytes - bytesOf(removed) + bytesOf(added);
    return new Level(this.#replace(places, coming) ?? this.#merge(new Set(places), coming), bytes);
  }

  /** The layers that have keys from the first to the last, both included. */
  overlap(firstKey: Uint8Array, lastKey: Uint8Array): Span {
    const { layers } = this;
    let low = 0, high = layers.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (compareKeys(layers[middle].lastKey, firstKey) < 0) low = middle + 1;
      else high = middle;
    }
    const from = low;
    // Most often few overlap: steps that double find their end sooner than halves of a large level.
    let step = 1;
    while (low < layers.length && compareKeys(layers[low].firstKey, lastKey) <= 0) low += step, step *= 2;
    high = Math.min(low, layers.length);
    low = Math.max(from, low - (step >> 1) + 1);
    while (low < high) {
      const middle = low + high >>> 1;
      if (compareKeys(layers[middle].firstKey, lastKey) <= 0) low = middle + 1;
      else high = middle;
    }
    return { from, to: high };
  }

  /** The bytes of layers side by side, or more than `most`, where counting stops. */
  bytesIn({ from, to }: Span, most: number = Infinity): number {
    let bytes = 0;
    for (let i = from; i < to && bytes <= most; i++) bytes += this.layers[i].byteLength;
    return bytes;
  }

  #placeOf(layer: PlannedLayer): number {
    const place = this.#placeBefore(layer);
    assert(this.layers[place]?.sequence === layer.sequence, "a layer that is removed stands in its level");
    return place;
  }

  /** Puts layers in the place of others side by side, which is what nearly all edits do. */
  #replace(places: readonly number[], coming: readonly PlannedLayer[]): PlannedLayer[] | undefined {
    const { layers } = this;
    const from = places.length > 0 ? places[0] : this.#placeBefore(coming[0]);
    const to = from + places.length;
    if (places.length > 0 && places[places.length - 1] !== to - 1) return undefined;
    const isInPlace = coming.length === 0 ||
      (from === 0 || compareLayers(layers[from - 1], coming[0]) < 0) &&
        (to === layers.length || compareLayers(coming[coming.length - 1], layers[to]) < 0);
    return isInPlace ? layers.slice(0, from).concat(coming, layers.slice(to)) : undefined;
  }

  #merge(gone: ReadonlySet<number>, coming: readonly PlannedLayer[]): PlannedLayer[] {
    return this.layers.filter((_, place) => !gone.has(place)).concat(coming).sort(compareLayers);
  }

  #placeBefore(layer: PlannedLayer): number {
    let low = 0, high = this.layers.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (compareLayers(this.layers[middle], layer) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The bytes of layers. */
export function bytesOf(layers: readonly PlannedLayer[]): number {
  return layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function compareLayers(a: PlannedLayer, b: PlannedLayer): number {
  return compareKeys(a.firstKey, b.firstKey) || a.firstLsn - b.firstLsn || a.sequence - b.sequence;
}
