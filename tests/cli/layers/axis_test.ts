import { assert, assertEquals } from "@std/assert";
import { type Axis, placeEdges } from "../../../src/cli/layers/axis.ts";
import { Random, seeds } from "../../random.ts";
import { assertClose } from "./fixture.ts";

type Span = [start: number, end: number, amount: number];

function axis(gaps: readonly number[], spans: readonly Span[]): Axis {
  return {
    gaps: Float64Array.from(gaps),
    starts: Uint32Array.from(spans, ([start]) => start),
    ends: Uint32Array.from(spans, ([, end]) => end),
    amounts: Float64Array.from(spans, ([, , amount]) => amount),
  };
}

/** Places as per mille. */
function placed(gaps: readonly number[], spans: readonly Span[]): number[] {
  return [...placeEdges(axis(gaps, spans))].map((place) => Math.round(place * 1000));
}

const tables: [words: string, gaps: number[], spans: Span[], places: number[]][] = [
  ["nothing", [], [], []],
  ["one span", [7], [[0, 1, 5]], [0, 1000]],
  ["spans of nothing as far apart as they are, and by rank", [1, 3], [[0, 1, 0], [1, 2, 0]], [0, 375, 1000]],
  ["spans alike, however far apart they are", [1, 1e6], [[0, 1, 9], [1, 2, 9]], [0, 500, 1000]],
  ["small spans beside a large one", [1, 1, 1], [[0, 1, 9800], [1, 2, 100], [2, 3, 100]], [
    0,
    657,
    828,
    1000,
  ]],
  // Both spans hold nearly the same, so that what stands at one end only is next to nothing.
  ["edges of large spans that are close", [1, 1e6, 1], [[0, 2, 50], [1, 3, 50]], [0, 0, 1000, 1000]],
  ["no room for what no span covers", [1, 1, 1], [[0, 1, 5], [2, 3, 5]], [0, 500, 500, 1000]],
  ["no more of it beside a span of nothing", [1, 1, 1], [[0, 1, 5], [2, 3, 0]], [0, 750, 750, 1000]],
];

for (const [words, gaps, spans, places] of tables) {
  Deno.test(`placeEdges() places ${words}`, () => assertEquals(placed(gaps, spans), places));
}

/** The same by its definition: each item of a span lies in its gaps as all others make likely, eight times over. */
function model(gaps: readonly number[], spans: readonly Span[]): number[] {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const scaled = (values: readonly number[]) => values.map((value) => value / sum(values));
  const mean = sum(gaps) / gaps.length, total = sum(spans.map(([, , amount]) => amount));
  let shares = scaled(gaps.map((gap) => gap + mean * 1e-8));
  for (let round = 0; round < 8; round++) {
    const next = gaps.map(() => 0);
    for (const [start, end, amount] of spans) {
      const inside = sum(shares.slice(start, end));
      for (let gap = start; gap < end; gap++) next[gap] += amount / total * shares[gap] / inside;
    }
    shares = next;
  }
  shares = scaled(shares);
  const ranks = gaps.map((_, gap) => {
    if (!spans.some(([start, end]) => start <= gap && gap < end)) return 0;
    const beside = spans.filter(([start, end]) =>
      [start, end].some((edge) => edge === gap || edge === gap + 1)
    );
    const smallest = Math.min(...beside.map(([start, end]) => sum(shares.slice(start, end))));
    return Math.min(1, shares[gap] / (smallest / 4));
  });
  const widths = scaled(ranks).map((rank, gap) => (rank + shares[gap]) / 2);
  return [0, ...widths.map((_, gap) => sum(widths.slice(0, gap + 1)))];
}

Deno.test("placeEdges() does what its definition says", () => {
  for (const seed of seeds("axis", 30)) {
    const random = new Random(seed), count = random.from(1, 30);
    const gaps = Array.from({ length: count }, () => random.from(1, random.pick([2, 1000])));
    const spans = Array.from({ length: random.from(1, 40) }, (): Span => {
      const start = random.below(count);
      return [start, random.from(start + 1, count), random.from(1, 5000)];
    });
    const places = placeEdges(axis(gaps, spans)), expected = model(gaps, spans);
    assertEquals([places.length, places[0]], [count + 1, 0]);
    places.forEach((place, i) => assertClose(place, expected[i], `edge ${i}`));
    assertClose(places[count], 1, "the last edge");
    assert(places.every((place, i) => i === 0 || place >= places[i - 1]));
  }
});
