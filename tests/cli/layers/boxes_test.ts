import { assert, assertEquals } from "@std/assert";
import { type Box, joinBoxes } from "../../../src/cli/layers/boxes.ts";
import { Random, seeds } from "../../random.ts";

function box(left: number, top: number, width: number, height: number): Box {
  return { left, top, right: left + width, bottom: top + height };
}

const tables: [words: string, boxes: Box[], kinds: string, most: number, members: number[][]][] = [
  ["none", [], "", 1, []],
  ["large ones alone, though they lie upon each other", [box(0, 0, 5, 5), box(0, 0, 5, 5)], "aa", 9, [[0], [
    1,
  ]]],
  ["small ones of the same pixels", [box(0.1, 2.1, 8, 0.2), box(0.3, 2.5, 8, 0.2)], "aa", 9, [[0, 1]]],
  ["no small ones of different kinds", [box(0.1, 2.1, 8, 0.2), box(0.3, 2.5, 8, 0.2)], "ab", 9, [[0], [1]]],
  [
    "no small ones of other pixels",
    [box(0, 2.1, 8, 0.2), box(0, 3.1, 8, 0.2), box(2, 2.1, 6, 0.2), box(0, 2.1, 9, 0.2)],
    "aaaa",
    9,
    [[0], [1], [2], [3]],
  ],
  ["none that are as narrow but higher", [box(0, 0, 0.5, 0.5), box(0, 0, 0.5, 3)], "aa", 9, [[0], [1]]],
  ["larger ones if there are too many", [box(0, 0, 3, 3), box(0, 3, 3, 3), box(8, 8, 90, 90)], "aaa", 2, [[
    0,
    1,
  ], [2]]],
];

for (const [words, boxes, kinds, most, members] of tables) {
  Deno.test(`joinBoxes() joins ${words}`, () => {
    assertEquals(joinBoxes(boxes, [...kinds], most).map(({ members }) => members), members);
  });
}

Deno.test("joinBoxes() loses no box, covers each and keeps to the most", () => {
  for (const seed of seeds("boxes", 20)) {
    const random = new Random(seed), count = random.from(1, 400), most = random.from(3, 60);
    const number = (limit: number) => random.below(limit * 100) / 100;
    const boxes = Array.from(
      { length: count },
      () => box(number(900), number(500), number(random.pick([2, 300])), 2),
    );
    const kinds = boxes.map(() => random.pick(["a", "b", "c"]));
    const joined = joinBoxes(boxes, kinds, most);
    assert(joined.length <= most);
    const seen = joined.flatMap(({ members }) => members).sort((a, b) => a - b);
    assertEquals(seen, boxes.map((_, i) => i));
    for (const { kind, members, left, top, right, bottom } of joined) {
      const of = members.map((i) => boxes[i]);
      assertEquals(members.map((i) => kinds[i]), members.map(() => kind));
      assertEquals([left, top], [
        Math.min(...of.map((box) => box.left)),
        Math.min(...of.map((box) => box.top)),
      ]);
      assertEquals([right, bottom], [
        Math.max(...of.map((box) => box.right)),
        Math.max(...of.map((box) => box.bottom)),
      ]);
    }
  }
});
