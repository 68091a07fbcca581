/**
 * `deno bench`: the layer map. 100,000 layers lie in ten levels, so that a key has ten candidates; 1,000 layers that
 * all have the whole range of keys are what a store without compaction comes to.
 */

import { type LayerDescription, LayerMap, StoredLayer } from "../src/layer/mod.ts";
import type { StoredObject } from "../src/objects/mod.ts";
import { keyOf, randomOf } from "./peers/keys.ts";

const keys = 1 << 24;
const random = randomOf(1);

/** A layer over a range of keys, whose object nobody reads. */
function layerOf(firstKey: number, lastKey: number, lsn: number): StoredLayer {
  const description: LayerDescription = {
    kind: "delta",
    sequence: lsn,
    generation: 1,
    fileId: lsn,
    firstLsn: lsn,
    lastLsn: lsn + 10,
    firstKey: keyOf(firstKey),
    lastKey: keyOf(lastKey),
    versions: 2,
    tombstones: 0,
    patches: 0,
    keys: 2,
    byteLength: 24_576,
    valuesEnd: 4096,
    indexPages: 1,
    leafPages: 1,
    height: 1,
    filterPages: 1,
    horizon: 0,
    imageLsn: 0,
  };
  return new StoredLayer(description, {} as StoredObject);
}

function levelOf(layers: number, level: number): StoredLayer[] {
  const width = Math.floor(keys / layers);
  // Levels do not start at the same keys.
  const shift = Math.floor(width / 10 * level);
  return Array.from({ length: layers }, (_, i) => {
    return layerOf(i * width + shift, (i + 1) * width + shift - 1, (10 - level) * layers + i);
  });
}

const levels = Array.from({ length: 10 }, (_, level) => levelOf(10_000, level));
const all = levels.flat();
const map = LayerMap.empty.edit({ add: all });
const stack = LayerMap.empty.edit({ add: Array.from({ length: 1000 }, (_, i) => layerOf(0, keys, i + 1)) });
const questions = Array.from({ length: 1024 }, () => Array.from({ length: 64 }, () => keyOf(random(keys))));
let question = 0;

function plan(of: LayerMap): void {
  for (const key of questions[question++ & 1023]) of.candidates(key, Number.MAX_SAFE_INTEGER);
}

Deno.bench("candidates of 64 keys, 100,000 layers in 10 levels", { group: "plan" }, () => plan(map));
Deno.bench("candidates of 64 keys, 1,000 layers over each other", { group: "plan" }, () => plan(stack));
Deno.bench("overlapping() of 1 % of the keys, 100,000 layers", { group: "plan" }, () => {
  const from = random(keys - keys / 100);
  map.overlapping(keyOf(from), keyOf(from + keys / 100), Number.MAX_SAFE_INTEGER);
});
Deno.bench("replace 10 layers by 10, 100,000 layers", { group: "edit" }, () => {
  const at = random(9_990);
  const remove = levels[random(10)].slice(at, at + 10);
  const add = remove.map(({ description }) => new StoredLayer(description, {} as StoredObject));
  map.edit({ remove, add });
});
Deno.bench("add a layer over all keys, 100,000 layers", { group: "edit" }, () => {
  map.edit({ add: [layerOf(0, keys, 200_000)] });
});
Deno.bench("add a layer, 1,000 over each other", { group: "edit" }, () => {
  stack.edit({ add: [layerOf(0, keys, 2000)] });
});
Deno.bench("make the map of 100,000 layers", { group: "edit" }, () => {
  LayerMap.empty.edit({ add: all });
});
