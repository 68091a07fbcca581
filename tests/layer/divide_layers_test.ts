import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../src/base/mod.ts";
import { divideIntoRuns } from "../../src/layer/divide_layers.ts";
import { type LayerDescription, StoredLayer } from "../../src/layer/mod.ts";
import type { StoredObject } from "../../src/objects/mod.ts";
import { Random, seeds } from "../random.ts";

function layerOf(firstKey: Uint8Array, lastKey: Uint8Array, lastLsn: number = 1): StoredLayer {
  const description = { firstKey, lastKey, firstLsn: 1, lastLsn, versions: 2 } as LayerDescription;
  return new StoredLayer(description, {} as StoredObject);
}

/** How many layers there are over the key that most of them have. */
function depthOf(layers: readonly StoredLayer[]): number {
  const over = layers.map(({ description: { firstKey } }) => {
    return layers.filter(({ description }) => {
      return compareKeys(description.firstKey, firstKey) <= 0 &&
        compareKeys(description.lastKey, firstKey) >= 0;
    }).length;
  });
  return Math.max(0, ...over);
}

/** Checks that runs have every layer once, in order and apart (L1), and are as few as can be. */
function assertDivides(layers: readonly StoredLayer[]): void {
  const runs = divideIntoRuns(layers);
  const all = runs.flatMap((run) => run.layers);
  assertEquals([all.length, new Set(all)], [layers.length, new Set(layers)]);
  for (const run of runs) {
    for (let i = 1; i < run.layers.length; i++) {
      const before = run.layers[i - 1].description, after = run.layers[i].description;
      assert(compareKeys(before.lastKey, after.firstKey) < 0, "L1: layers of a run do not overlap");
    }
  }
  assertEquals(runs.length, depthOf(layers));
}

Deno.test("divideIntoRuns() makes as few runs as there are layers over each other", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["a-b", 1],
    ["a-b c-d e-f", 1],
    ["e-f c-d a-b", 1],
    ["a-b b-c c-d", 2],
    ["a-z a-z a-z", 3],
    ["a-z b-c d-e f-g", 2],
    ["a-m n-z f-s", 2],
    ["a-a a-a b-b b-b", 2],
    ["abcdefa-abcdefb abcdefb-abcdefc abcdefd-abcdefe", 2],
  ];
  const bytes = (text: string) => new TextEncoder().encode(text);
  for (const [text, expected] of cases) {
    const layers = text.split(" ").filter((one) => one !== "").map((one) => {
      const [first, last] = one.split("-");
      return layerOf(bytes(first), bytes(last));
    });
    assertDivides(layers);
    assertEquals(divideIntoRuns(layers).length, expected, text);
  }
});

Deno.test("divideIntoRuns() divides any layers, whatever their keys share", () => {
  for (const seed of seeds("divide layers", 40)) {
    const random = new Random(seed);
    const prefix = random.bytes(random.pick([0, 7, 20]));
    const alphabet = random.pick([[0, 1], [0, 128, 255], [97, 98, 99, 100]]);
    const key = () => {
      const tail = Array.from({ length: random.from(1, random.pick([2, 9])) }, () => random.pick(alphabet));
      return Uint8Array.from([...prefix, ...tail]);
    };
    assertDivides(Array.from({ length: random.pick([1, 5, 60, 300]) }, () => {
      const [first, last] = [key(), key()].sort(compareKeys);
      return layerOf(first, random.once(2) ? first : last, random.from(1, 9));
    }));
  }
});
