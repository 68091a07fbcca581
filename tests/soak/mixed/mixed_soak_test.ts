/** The mixed soak in short, and that its bounds notice what they are there for. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { seeds } from "../../random.ts";
import { Bounds } from "./bounds.ts";
import { Known } from "./known.ts";
import { depthOf } from "./load/told.ts";
import { MixedSoak, type SoakPlan, type SoakState } from "./mixed_soak.ts";
import { observeProcess } from "./observe.ts";
import { parseOptions } from "./options.ts";
import { lineOf, tableOf } from "./report.ts";
import { shortShape } from "./shape.ts";

/** Whether this machine tells of processes what is looked at. */
const ignore = observeProcess(Deno.pid) === undefined;

async function soak(plan: SoakPlan): Promise<SoakState> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    return await new MixedSoak(plan, `${directory}/store`).run();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: "MixedSoak keeps within its bounds, through kills and openings",
  ignore,
  fn: async () => {
    for (const seed of seeds("mixed soak", 1)) {
      const state = await soak({ shape: shortShape, seed, lives: 2 });
      assertEquals(state.violations, []);
      assertEquals(state.counts.lives, 3);
      assert(state.counts.batches > 0 && state.counts.quiets > 0 && state.counts.reads > 0);
      assert(state.counts.branches > 0 && state.counts.followed > 0, JSON.stringify(state.counts));
      assert(tableOf(state).length > 10);
      assert(lineOf(state, 0, 0).includes("3 lives"));
    }
  },
});

Deno.test({
  name: "MixedSoak notices a snapshot that is never given up",
  ignore,
  fn: async () => {
    const shape = { ...shortShape, lifeBatches: [1000] };
    const { violations } = await soak({ shape, seed: 1, lives: 0, leak: true });
    assert(violations.some((violation) => violation.startsWith("disk, quiet: ")), `${violations}`);
  },
});

Deno.test({
  name: "MixedSoak notices a store that is not as planned",
  ignore,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_test_" }), path = `${directory}/store`;
    try {
      const plan = { shape: { ...shortShape, lifeBatches: [50] }, seed: 1, lives: 0 };
      assertEquals((await new MixedSoak(plan, path).run()).violations, []);
      // Whoever knows of another seed finds other values.
      const { violations } = await new MixedSoak({ ...plan, seed: 2 }, path).run();
      assert(violations.length > 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("Known refuses an end before what is durable, and beyond what was issued", () => {
  const known = new Known();
  known.take("issued", 10);
  known.take("durable", 4);
  assertThrows(() => known.settle("main", 3), Error, "4 were durable");
  assertThrows(() => known.settle("main", 11), Error, "10 were issued");
  assertThrows(() => known.take("durable", 11), Error, "10 were issued");
  known.settle("main", 7);
  assertThrows(() => known.settle("main", 8), Error, "7 were issued");
});

Deno.test("Bounds keep the most of what was allowed, and count what was more", () => {
  const bounds = new Bounds();
  for (const [value, limit] of [[5, 10], [8, 20], [0, 5], [6, 10]]) bounds.look("a", value, limit);
  assertEquals(bounds.seen, [{ name: "a", unit: "", value: 6, limit: 10, looks: 4, misses: 0 }]);
  assertEquals(bounds.violations, []);
  bounds.look("a", 11, 10);
  bounds.look("a", 10, 10);
  bounds.look("b", 0, 0);
  bounds.look("b", 1, 0);
  assertEquals(bounds.seen.map(({ value, misses }) => [value, misses]), [[11, 1], [1, 1]]);
  assertEquals(bounds.violations.length, 2);
});

Deno.test("depthOf() counts layers over one key, and columns of it once", () => {
  const layer = (level: number | undefined, first: number, last: number) => ({
    kind: "delta" as const,
    level,
    path: "",
    firstLsn: 1,
    lastLsn: 2,
    firstKey: Uint8Array.of(first),
    lastKey: Uint8Array.of(last),
    versions: 1,
    tombstones: 0,
    keys: 1,
    byteLength: 1,
  });
  const layers = [
    layer(undefined, 0, 9),
    layer(0, 0, 5),
    layer(0, 4, 9),
    layer(7, 0, 3),
    layer(7, 4, 4),
    layer(6, 4, 9),
    layer(8, 4, 4),
    layer(8, 4, 4),
  ];
  assertEquals(depthOf(layers), { level0: 2, sorted: 3, depth: 5 });
  assertEquals(depthOf([]), { level0: 0, sorted: 0, depth: 0 });
});

Deno.test("parseOptions() of the mixed soak reads what is asked for, and refuses anything else", () => {
  assertEquals(parseOptions([], 7), { minutes: 60, seed: 7, rate: 250, json: undefined, leak: false });
  const given = ["--minutes", "0.5", "--seed=0", "--rate", "9", "--json", "a", "--leak"];
  assertEquals(parseOptions(given, 7), { minutes: 0.5, seed: 0, rate: 9, json: "a", leak: true });
  for (const wrong of ["--other", "main", "--minutes=0", "--seed=-1", "--seed=4294967296", "--rate=x"]) {
    assertThrows(() => parseOptions([wrong], 7), TypeError);
  }
});
