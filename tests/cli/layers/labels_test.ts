import { assert, assertEquals } from "@std/assert";
import { chooseEdges, commonStart, shorten } from "../../../src/cli/layers/labels.ts";
import { Random, seeds } from "../../random.ts";

const edges: [at: number[], room: number, chosen: number[]][] = [
  [[], 10, []],
  [[5], 10, [0]],
  [[5, 5], 10, [0]],
  [[0, 1], 10, [0, 1]],
  [[0, 1, 99, 100], 10, [0, 3]],
  [[0, 20, 40, 60, 80, 100], 10, [0, 1, 2, 3, 4, 5]],
  [[0, 49, 50, 51, 100], 40, [0, 2, 4]],
];

for (const [at, room, chosen] of edges) {
  Deno.test(`chooseEdges() chooses ${chosen} of ${at}`, () => assertEquals(chooseEdges(at, room), chosen));
}

Deno.test("chooseEdges() keeps labels apart, and has the first and the last", () => {
  for (const seed of seeds("labels", 30)) {
    const random = new Random(seed), room = random.from(1, 60);
    const at = Array.from({ length: random.from(2, 200) }, () => random.below(1000)).sort((a, b) => a - b);
    const chosen = chooseEdges(at, room), places = chosen.map((edge) => at[edge]);
    assertEquals([places[0], places[places.length - 1]], [at[0], at[at.length - 1]]);
    if (places.length > 2) {
      assert(places.every((place, i) => i === 0 || place - places[i - 1] >= room), `${places}`);
    }
  }
});

const shortened: [text: string, most: number, expected: string][] = [
  ["", 5, ""],
  ["abcde", 5, "abcde"],
  ["abcdef", 5, "ab…ef"],
  ["abcdef", 4, "ab…f"],
  ["🦕🦕🦕🦕", 3, "🦕…🦕"],
  ["ab\\x00\\x01\\x02cd", 13, "ab\\x00…\\x02cd"],
  ["\\x00\\x01\\x02", 11, "\\x00…\\x02"],
  ["\\x00\\x01\\x02", 8, "\\x00…"],
  ["\\x00\\x01\\x02", 3, "…"],
];

for (const [text, most, expected] of shortened) {
  Deno.test(`shorten() makes "${expected}" of "${text}"`, () => assertEquals(shorten(text, most), expected));
}

const starts: [texts: string[], common: string][] = [
  [[], ""],
  [["user/1"], ""],
  [["user/1", "user/22"], "user/"],
  [["use1", "use2"], ""],
  // Something is left of each.
  [["user/", "user/1"], "user"],
  [["aaaa\\x00", "aaaa\\x01"], "aaaa"],
  [["aaaa\\\\a", "aaaa\\\\b"], "aaaa\\\\"],
  [["aaaa🦕", "aaaa🦖"], "aaaa"],
];

for (const [texts, common] of starts) {
  Deno.test(`commonStart() of ${texts.join(" and ")} is "${common}"`, () =>
    assertEquals(commonStart(texts), common));
}
