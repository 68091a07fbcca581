import { assert, assertEquals } from "@std/assert";
import { maxRunBytes, mergeGapBytes, planReads, type ReadPlan } from "../../../src/objects/read/read_plan.ts";
import { Random, seeds } from "../../random.ts";

const KiB = 1024;
const block = 4096;

/** Object, offset and length. */
type Want = readonly [number, number, number];

function plan(wants: readonly Want[], alignment = block, mostBytes?: number): ReadPlan {
  return planReads(Float64Array.from(wants.flat()), alignment, mostBytes);
}

/** The runs in words: object, place, and the pieces in them. */
function words(wants: readonly Want[], alignment = block): string[] {
  const { runs, items: pieces } = plan(wants, alignment);
  return runs.map(({ offset, length, firstPiece, endPiece }) => {
    const items = pieces.slice(firstPiece, endPiece);
    return `${wants[items[0]][0]}: ${offset / KiB}+${length / KiB}K ${items.join(" ")}`;
  });
}

const table: readonly { name: string; wants: readonly Want[]; runs: readonly string[] }[] = [
  { name: "nothing", wants: [], runs: [] },
  { name: "what has no length", wants: [[0, 5, 0], [1, 5, 0]], runs: [] },
  { name: "one byte", wants: [[3, 5000, 1]], runs: ["3: 4+4K 0"] },
  { name: "a range over a block's edge", wants: [[0, 4095, 2]], runs: ["0: 0+8K 0"] },
  { name: "a range that ends at a block's edge", wants: [[0, 0, 4096]], runs: ["0: 0+4K 0"] },
  { name: "neighbours in one block", wants: [[0, 10, 5], [0, 20, 5]], runs: ["0: 0+4K 0 1"] },
  {
    name: "neighbours in any order",
    wants: [[1, 9000, 5], [0, 20, 5], [1, 0, 5], [0, 0, 9]],
    runs: ["0: 0+4K 3 1", "1: 0+12K 2 0"],
  },
  { name: "the same twice", wants: [[0, 10, 5], [0, 10, 5]], runs: ["0: 0+4K 0 1"] },
  { name: "one within another", wants: [[0, 0, 20000], [0, 10, 5]], runs: ["0: 0+20K 0 1"] },
  {
    name: "a gap that is just worth it",
    wants: [[0, 0, 1], [0, block + mergeGapBytes, 1]],
    runs: ["0: 0+32K 0 1"],
  },
  {
    name: "a gap that is too wide",
    wants: [[0, 0, 1], [0, 2 * block + mergeGapBytes, 1]],
    runs: ["0: 0+4K 0", "0: 32+4K 1"],
  },
  {
    name: "the same place in another object",
    wants: [[1, 0, 1], [2, 0, 1]],
    runs: ["1: 0+4K 0", "2: 0+4K 1"],
  },
  {
    name: "neighbours up to the longest run",
    wants: [[0, 0, 128 * KiB], [0, 128 * KiB, 128 * KiB], [0, 256 * KiB, 1]],
    runs: ["0: 0+256K 0 1", "0: 256+4K 2"],
  },
  {
    name: "a range that is cut",
    wants: [[0, 100, 300 * KiB]],
    runs: ["0: 0+252K 0", "0: 252+52K 0"],
  },
  {
    name: "a range that is cut and a neighbour behind it",
    wants: [[0, 300 * KiB, 10], [0, 0, 300 * KiB]],
    runs: ["0: 0+252K 1", "0: 252+52K 1 0"],
  },
];

for (const { name, wants, runs } of table) {
  Deno.test(`planReads() plans ${name}`, () => assertEquals(words(wants), runs));
}

Deno.test("planReads() merges pages and a footer that stand near each other", () => {
  const page = 2 * block;
  assertEquals(words([[0, 40 * KiB, block], [0, 0, page], [0, 32 * KiB, page]]), ["0: 0+44K 1 2 0"]);
});

Deno.test("planReads() covers every byte once, in aligned runs that are no longer than allowed", () => {
  for (const seed of seeds("read plan", 20)) {
    const random = new Random(seed);
    const alignment = random.pick([512, block]);
    const wants = Array.from({ length: random.from(1, 60) }, (): Want => {
      const length = random.once(8) ? random.below(1 << 20) : random.below(1 << random.below(16));
      return [random.below(4), random.below(1 << random.from(4, 22)), length];
    });
    const mostBytes = random.pick([64 * KiB, 1 << 20, undefined]);
    const { items, offsets, lengths, runs } = plan(wants, alignment, mostBytes);
    const covered = wants.map(() => 0);
    const next = wants.map(([, offset]) => offset);
    let piece = 0;
    for (const run of runs) {
      assertEquals([run.offset % alignment, run.length % alignment, run.firstPiece], [0, 0, piece]);
      const isBounded = run.length <= (mostBytes ?? maxRunBytes);
      assert(isBounded && run.endPiece > piece, "a run is bounded and brings something");
      const [order] = wants[items[piece]];
      for (; piece < run.endPiece; piece++) {
        const item = items[piece], offset = offsets[piece], length = lengths[piece];
        assertEquals([wants[item][0], offset], [order, next[item]], "pieces of a range come in order");
        assert(offset >= run.offset && offset + length <= run.offset + run.length, "a piece lies in its run");
        covered[item] += length;
        next[item] += length;
      }
    }
    assertEquals([piece, covered], [items.length, wants.map(([, , length]) => length)]);
  }
});

Deno.test("planReads() sorts by object and offset, however large the offsets are", () => {
  for (const seed of seeds("read plan order", 20)) {
    const random = new Random(seed);
    const farthest = 2 ** random.from(10, 50);
    const wants = Array.from(
      { length: random.from(2, 200) },
      (): Want => [random.below(5) * 3, random.below(farthest), 1],
    );
    const sorted = wants.map((_, item) => item)
      .sort((a, b) => wants[a][0] - wants[b][0] || wants[a][1] - wants[b][1]);
    assertEquals(plan(wants).items.map((item) => wants[item]), sorted.map((item) => wants[item]));
  }
});
