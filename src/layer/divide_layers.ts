/**
 * Dividing many layers into runs at once.
 *
 * What keys begin with is compared as numbers, and keys themselves only where those are equal, since a store of
 * 100,000 layers is opened with it.
 *
 * @module
 */

import { compareKeys } from "../base/mod.ts";
import { commonLength, headBytes, keyHead } from "./key_head.ts";
import type { StoredLayer } from "./layer.ts";
import { LayerRun } from "./layer_run.ts";

/** A layer, and what its first key has behind what all first keys begin with, as a number. */
interface Piece {
  readonly layer: StoredLayer;
  readonly head: number;
}

/**
 * Divides layers into as few runs as can be: as many as there are layers over the key that most of them have.
 *
 * @param layers Layers with keys.
 * @returns The runs, by their last LSNs from new to old.
 */
export function divideIntoRuns(layers: readonly StoredLayer[]): LayerRun[] {
  let prefix = Infinity;
  for (const { description } of layers) {
    prefix = commonLength(layers[0].description.firstKey, description.firstKey, prefix);
  }
  // The run that ends first takes the next layer, if it has ended before it. A heap by where runs end.
  const open: OpenRun[] = [];
  for (const piece of sortByFirstKey(layers, prefix)) {
    const first = open[0];
    if (first === undefined || !first.endsBefore(piece)) {
      open.push(new OpenRun(piece.layer, prefix));
      siftUp(open);
    } else {
      first.push(piece.layer, prefix);
      siftDown(open);
    }
  }
  return open.map(({ layers }) => LayerRun.of(layers)).sort((a, b) => b.lastLsn - a.lastLsn);
}

/** Sorts layers by their first keys, which begin with the same `prefix` bytes. */
function sortByFirstKey(layers: readonly StoredLayer[], prefix: number): Piece[] {
  const pieces = layers.map((layer): Piece => {
    const { firstKey } = layer.description;
    return { layer, head: keyHead(firstKey, prefix, firstKey.length) };
  });
  // A head and the place of its piece are joined into one number: the runtime sorts numbers much faster than it calls
  // a comparison.
  const places = 2 ** Math.ceil(Math.log2(layers.length + 1));
  const scale = Math.min(1, 2 ** 53 / places / 256 ** headBytes);
  const numbers = Float64Array.from(pieces, ({ head }, place) => Math.floor(head * scale) * places + place)
    .sort();
  const sorted = Array.from(numbers, (number) => pieces[number % places]);
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    const nextHead = numbers[from] - numbers[from] % places + places;
    while (to < sorted.length && numbers[to] < nextHead) to++;
    if (to - from === 1) continue;
    const alike = sorted.slice(from, to).sort(comparePieces);
    for (let i = from; i < to; i++) sorted[i] = alike[i - from];
  }
  return sorted;
}

function comparePieces(a: Piece, b: Piece): number {
  return a.head - b.head || compareKeys(a.layer.description.firstKey, b.layer.description.firstKey);
}

/** A run that may still take layers. */
class OpenRun {
  readonly layers: StoredLayer[] = [];
  /** The key that it ends with, and its head; `Infinity` if it is larger than the keys of all first layers to come. */
  lastKey: Uint8Array = new Uint8Array(0);
  end = 0;

  constructor(layer: StoredLayer, prefix: number) {
    this.push(layer, prefix);
  }

  push(layer: StoredLayer, prefix: number): void {
    const { firstKey, lastKey } = layer.description;
    this.layers.push(layer);
    this.lastKey = lastKey;
    this.end = commonLength(firstKey, lastKey, prefix) === prefix
      ? keyHead(lastKey, prefix, lastKey.length)
      : Infinity;
  }

  /** Whether it ends before a layer starts. */
  endsBefore({ layer, head }: Piece): boolean {
    return this.end < head || this.end === head && compareKeys(this.lastKey, layer.description.firstKey) < 0;
  }

  /** Whether it ends before another run does. */
  precedes(other: OpenRun): boolean {
    if (this.end !== other.end) return this.end < other.end;
    return compareKeys(this.lastKey, other.lastKey) < 0;
  }
}

function siftUp(heap: OpenRun[]): void {
  const run = heap[heap.length - 1];
  let at = heap.length - 1;
  for (; at > 0 && run.precedes(heap[at - 1 >> 1]); at = at - 1 >> 1) heap[at] = heap[at - 1 >> 1];
  heap[at] = run;
}

function siftDown(heap: OpenRun[]): void {
  const run = heap[0];
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child + 1 < heap.length && heap[child + 1].precedes(heap[child])) child++;
    if (child >= heap.length || !heap[child].precedes(run)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = run;
}
