import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError, compareKeys } from "../../../../src/base/mod.ts";
import { Level } from "../../../../src/timeline/upkeep/plan/level.ts";
import type { PlannedLayer } from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { Random, seeds } from "../../../random.ts";
import { key, layer } from "./plan_fixture.ts";

const lines = ["1 b-d 1..9 100", "1 f-f 1..9 200", "1 h-k 1..9 300"];

Deno.test("Level.overlap() gives the layers that have keys from the first to the last", () => {
  const level = Level.empty.edit([], lines.map((line) => layer(line)));
  const cases: [string, string, number, number][] = [
    ["a", "a", 0, 0],
    ["a", "b", 0, 1],
    ["d", "e", 0, 1],
    ["e", "e", 1, 1],
    ["d", "f", 0, 2],
    ["e", "z", 1, 3],
    ["f", "g", 1, 2],
    ["k", "l", 2, 3],
    ["l", "z", 3, 3],
    ["a", "z", 0, 3],
  ];
  for (const [first, last, from, to] of cases) {
    assertEquals(level.overlap(key(first), key(last)), { from, to }, `${first}-${last}`);
  }
  assertEquals(Level.empty.overlap(key("a"), key("z")), { from: 0, to: 0 });
});

Deno.test("Level.bytesIn() counts no further than it is told to", () => {
  const level = Level.empty.edit([], lines.map((line) => layer(line)));
  assertEquals(level.bytesIn({ from: 0, to: 3 }), 600);
  assertEquals(level.bytesIn({ from: 1, to: 2 }), 200);
  assertEquals(level.bytesIn({ from: 0, to: 3 }, 250), 300);
});

Deno.test("Level.edit() takes no layer out that is not there", () => {
  const level = Level.empty.edit([], lines.map((line) => layer(line)));
  assertThrows(() => level.edit([layer(lines[0])], []), AssertionError);
  assertThrows(() => level.edit([layer("1 z-z 1..9 100")], []), AssertionError);
});

Deno.test("Level does what a sorted list does", () => {
  for (const seed of seeds("level", 30)) {
    const random = new Random(seed);
    let level = Level.empty, model: PlannedLayer[] = [];
    for (let step = 0; step < 60; step++) {
      const before = level, was = [...level.layers];
      const gone = model.filter(() => random.below(4) === 0);
      const left = model.filter((each) => !gone.includes(each));
      const coming: PlannedLayer[] = [];
      for (let i = random.below(6); i > 0; i--) {
        const first = random.from(100, 980), last = Math.min(999, first + random.below(20));
        const each = layer(`1 ${first}-${last} 1..9 ${10 * random.from(1, 9)}`);
        if (![...left, ...coming].some((other) => isOver(each, other))) coming.push(each);
      }
      model = [...left, ...coming].sort((a, b) => compareKeys(a.firstKey, b.firstKey));
      level = level.edit(gone, coming);
      assertEquals(level.layers, model);
      assertEquals(before.layers, was);
      assertEquals(level.bytes, model.reduce((sum, { byteLength }) => sum + byteLength, 0));
      const from = random.from(100, 999), to = Math.min(999, from + random.below(300));
      const span = level.overlap(key(`${from}`), key(`${to}`));
      const over = layer(`1 ${from}-${to} 1..9 10`);
      assertEquals(level.layers.slice(span.from, span.to), model.filter((each) => isOver(each, over)));
    }
  }
});

function isOver(a: PlannedLayer, b: PlannedLayer): boolean {
  return compareKeys(a.firstKey, b.lastKey) <= 0 && compareKeys(b.firstKey, a.lastKey) <= 0;
}
