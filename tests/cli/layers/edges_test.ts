import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../src/base/mod.ts";
import { keyAxis, lsnAxis, placeLsn } from "../../../src/cli/layers/edges.ts";
import { Random, seeds } from "../../random.ts";
import { layer } from "./fixture.ts";

Deno.test("keyAxis() ends a layer behind its last key", () => {
  const { keys, starts, ends, gaps, amounts } = keyAxis([
    layer("L0", [1, 1], ["b", "d"], 3),
    layer("delta", [1, 1], ["d", "d"], 1),
    layer("L0", [2, 2], ["b", "c"], 2),
  ]);
  assertEquals(keys.map((key) => new TextDecoder().decode(key)), ["b", "c", "d", "d"]);
  assertEquals([[...starts], [...ends], [...amounts]], [[0, 2, 0], [3, 3, 1], [3, 1, 2]]);
  assertEquals(gaps.length, 3);
  assertEquals(keyAxis([]).gaps.length, 0);
});

Deno.test("keyAxis() finds the edges of random layers", () => {
  for (const seed of seeds("key edges", 20)) {
    const random = new Random(seed);
    const key = () => random.bytes(random.from(1, 2)).map((byte) => byte % 4);
    const layers = Array.from({ length: random.from(1, 40) }, () => {
      const [first, last] = [key(), key()].sort(compareKeys);
      return layer("L0", [1, 1], [first, last]);
    });
    const { keys, starts, ends, gaps } = keyAxis(layers);
    layers.forEach(({ firstKey, lastKey }, i) => {
      assertEquals([keys[starts[i]], keys[ends[i]]], [firstKey, lastKey]);
      assert(starts[i] < ends[i]);
    });
    assertEquals(gaps.length, keys.length - 1);
    assert(gaps.every((gap, i) => gap >= 0 && compareKeys(keys[i], keys[i + 1]) <= 0));
    const distinct = new Set(
      layers.flatMap(({ firstKey, lastKey }) => [firstKey.toHex(), `${lastKey.toHex()} end`]),
    );
    assertEquals(keys.length, distinct.size);
  }
});

Deno.test("lsnAxis() joins the end of a layer and the start of the next, and weighs no images", () => {
  const { lsns, starts, ends, gaps, amounts } = lsnAxis([
    layer("open", [11, 11], undefined, 5),
    layer("L0", [1, 10], ["a", "b"], 7),
    layer("image", [4, 4], ["a", "b"], 9),
  ]);
  assertEquals([...lsns], [1, 4, 5, 11, 12]);
  assertEquals([[...starts], [...ends]], [[3, 0, 1], [4, 3, 2]]);
  assertEquals([[...gaps], [...amounts]], [[3, 1, 6, 1], [5, 7, 0]]);
  const largest = Number.MAX_SAFE_INTEGER;
  assertEquals([...lsnAxis([layer("L0", [largest, largest], ["a", "b"])]).lsns], [largest, largest + 1]);
});

const placed: [lsn: number, place: number][] = [[0, 0], [1, 0], [2, 0.1], [5, 0.4], [6, 0.7], [7, 1], [
  99,
  1,
]];

for (const [lsn, place] of placed) {
  Deno.test(`placeLsn() places ${lsn} at ${place}`, () => {
    assertEquals(placeLsn(Float64Array.of(1, 5, 7), Float64Array.of(0, 0.4, 1), lsn), place);
  });
}
