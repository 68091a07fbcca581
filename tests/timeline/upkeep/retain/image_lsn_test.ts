import { assertEquals } from "@std/assert";
import { type LayerDescription, LayerMap, type MemoryLayer, StoredLayer } from "../../../../src/layer/mod.ts";
import type { StoredObject } from "../../../../src/objects/mod.ts";
import { imageLsnOf } from "../../../../src/timeline/upkeep/retain/image_lsn.ts";

const encoder = new TextEncoder();

/** A layer, as `keys LSNs`, such as `a-c 3-9`; one without keys has no versions. */
function layerOf(words: string): StoredLayer {
  const [keys, lsns] = words.split(" "), [first, last = first] = keys.split("-");
  const [firstLsn, lastLsn] = lsns.split("-").map(Number);
  const description: Partial<LayerDescription> = {
    kind: "delta",
    firstKey: encoder.encode(first),
    lastKey: encoder.encode(last),
    firstLsn,
    lastLsn,
    versions: first === "" ? 0 : 2,
    imageLsn: 0,
  };
  return new StoredLayer(description as LayerDescription, {} as StoredObject);
}

interface Case {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly beside?: readonly string[];
  /** First LSNs of layers in memory. */
  readonly memory?: readonly number[];
  readonly horizon: number;
  readonly isOldest?: boolean;
  readonly lsn: number;
}

const cases: readonly Case[] = [
  { name: "nothing lies beside", inputs: ["a-c 3-9"], horizon: 7, lsn: 7 },
  { name: "all of it is older than the horizon", inputs: ["a-c 3-9", "b-k 5-20"], horizon: 30, lsn: 30 },
  { name: "something older lies under it", inputs: ["a-c 3-9"], horizon: 7, isOldest: false, lsn: 0 },
  { name: "all of it is newer than the horizon", inputs: ["a-c 8-9"], horizon: 7, lsn: 0 },
  { name: "it begins at the horizon", inputs: ["a-c 7-9"], horizon: 7, lsn: 7 },
  { name: "a newer layer lies over it", inputs: ["a-c 3-9"], beside: ["b-x 10-20"], horizon: 15, lsn: 9 },
  {
    name: "one that begins behind the horizon",
    inputs: ["a-c 3-9"],
    beside: ["b-x 16-20"],
    horizon: 15,
    lsn: 15,
  },
  { name: "one touches its last key", inputs: ["a-c 3-9"], beside: ["c-x 6-20"], horizon: 15, lsn: 5 },
  { name: "one touches its first key", inputs: ["c-e 3-9"], beside: ["a-c 6-20"], horizon: 15, lsn: 5 },
  {
    name: "one lies in a gap between inputs",
    inputs: ["a 3-9", "k 4-9"],
    beside: ["f 5-5"],
    horizon: 15,
    lsn: 4,
  },
  { name: "one of other keys", inputs: ["b-c 3-9"], beside: ["cc-x 1-20", "a-az 2-9"], horizon: 15, lsn: 15 },
  {
    name: "a damaged one, which no plan knows, lies under it",
    inputs: ["a-c 3-9"],
    beside: ["b 1-2"],
    horizon: 15,
    lsn: 0,
  },
  { name: "one without versions", inputs: ["a-c 3-9"], beside: [" 1-2"], horizon: 15, lsn: 15 },
  {
    name: "the open layer begins below the horizon",
    inputs: ["a-c 3-9"],
    memory: [20, 10],
    horizon: 15,
    lsn: 9,
  },
  { name: "the open layer begins with it", inputs: ["a-c 10-12"], memory: [10], horizon: 15, lsn: 0 },
  { name: "no input has a version", inputs: [" 3-9"], horizon: 15, lsn: 0 },
];

Deno.test("imageLsnOf() says up to which LSN nothing of the merged keys lies elsewhere", async (t) => {
  for (const { name, inputs, beside = [], memory = [], horizon, isOldest = true, lsn } of cases) {
    await t.step(name, () => {
      const merged = inputs.map(layerOf);
      const map = LayerMap.empty.edit({
        add: [...merged, ...beside.map(layerOf)],
        memory: memory.map((firstLsn) => ({ firstLsn }) as MemoryLayer),
      });
      assertEquals(imageLsnOf(map, merged, { horizon, isOldest }), lsn);
    });
  }
});
