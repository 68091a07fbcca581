import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../../../src/base/mod.ts";
import { bottomLevel, boundsOf, l0Depth, Levels } from "../../../../src/timeline/upkeep/plan/levels.ts";
import type { PlannedLayer } from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { key, layer, lineOf, settings } from "./plan_fixture.ts";

/** Levels of layers that are written as lines. */
function levelsOf(...lines: string[]): Levels {
  return Levels.empty.edit([], lines.map((line) => layer(line)));
}

Deno.test("Levels.edit() puts layers where they belong", () => {
  const add = ["0 a-z 30..39 50", "0 a-c 20..29 50", "3 m-p 1..9 60", "3 a-c 1..9 70", "8 k-k 1..9 400"]
    .map((line) => layer(line));
  const blank = layer("0 x-x 40..41 10", { versions: 0 });
  const levels = Levels.empty.edit([], [...add, blank]);
  assertEquals(levels.l0s.map(lineOf), ["0 a-c 20..29 50", "0 a-z 30..39 50"]);
  assertEquals(levels.sorted[3].layers.map(lineOf), ["3 a-c 1..9 70", "3 m-p 1..9 60"]);
  assertEquals(levels.columns.layers.map(lineOf), ["8 k-k 1..9 400"]);
  assertEquals([levels.count, levels.sortedBytes], [5, 130]);
  const later = levels.edit([add[0], add[2], add[4], blank], []);
  assertEquals([later.count, later.sortedBytes, later.columns.layers.length], [2, 70, 0]);
  assertEquals(levels.count, 5);
});

Deno.test("Levels.edit() refuses layers that overlap in a level, and levels that there are not (C1)", () => {
  const levels = levelsOf("3 c-f 1..9 60");
  for (const line of ["3 f-g 1..9 10", "3 a-c 1..9 10", "3 d-e 1..9 10", "3 a-z 1..9 10", "9 a-a 1..9 10"]) {
    assertThrows(() => levels.edit([], [layer(line)]), AssertionError, "", line);
  }
  assertThrows(() => levels.edit([layer("0 a-z 1..9 10")], []), AssertionError);
  assertEquals(levels.edit([], [layer("3 g-g 1..9 10"), layer("4 c-f 1..9 10")]).count, 3);
});

Deno.test("Levels.hasUnder() sees lower levels and columns", () => {
  const levels = levelsOf("3 c-f 1..9 60", "5 k-m 1..9 60", "8 p-p 1..9 60");
  const cases: [number, string, string, boolean][] = [
    [2, "c", "c", true],
    [3, "c", "f", false],
    [3, "c", "k", true],
    [5, "a", "o", false],
    [7, "o", "p", true],
  ];
  for (const [level, first, last, expected] of cases) {
    assertEquals(levels.hasUnder(level, key(first), key(last)), expected, `${level} ${first}-${last}`);
  }
});

Deno.test("boundsOf() derives bounds from what there is, from the bottom up", () => {
  // The base has 800, a quarter of what a merge takes in.
  const cases: [bytes: number, base: number, bounds: number[]][] = [
    [0, 7, []],
    [800, 7, []],
    [801, 6, [800]],
    [2400, 6, [800]],
    [7200, 5, [800, 2400]],
    [800 * 3 ** 6, 1, [800, 2400, 7200, 21_600, 64_800, 194_400]],
    [800 * 10 ** 6, 1, [800, 8000, 80_000, 800_000, 8_000_000, 80_000_000]],
  ];
  for (const [bytes, base, expected] of cases) {
    const levels = bytes === 0 ? Levels.empty : levelsOf(`7 a-z 1..9 ${bytes}`);
    const found = boundsOf(levels, settings);
    assertEquals(found.base, base, `${bytes}`);
    const whole = [...new Array(base).fill(0), ...expected, Infinity];
    const isClose = (bound: number, level: number) =>
      bound === whole[level] || Math.abs(bound - whole[level]) < 1e-6 * bound;
    assert(found.bytes.every(isClose), `${bytes}: ${found.bytes}`);
    assertEquals(found.bytes.length, bottomLevel + 1);
  }
});

Deno.test("boundsOf() takes the first level that has layers for the base", () => {
  assertEquals(boundsOf(levelsOf("4 a-z 1..9 10", "7 a-z 1..9 900"), settings).base, 4);
});

Deno.test("l0Depth() is the most layers over one key", () => {
  const cases: [string[], number][] = [
    [[], 0],
    [["a-c"], 1],
    [["a-c", "d-f"], 1],
    [["a-c", "c-f"], 2],
    [["a-z", "b-c", "d-f", "e-e", "g-h"], 3],
    [["a-a", "a-a", "a-a"], 3],
  ];
  for (const [ranges, depth] of cases) {
    const layers: PlannedLayer[] = ranges.map((range, i) => layer(`0 ${range} ${i + 1}..${i + 1} 10`));
    assertEquals(l0Depth(layers), depth, ranges.join());
  }
});
