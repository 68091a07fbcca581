import { assertEquals } from "@std/assert";
import { Levels } from "../../../../src/timeline/upkeep/plan/levels.ts";
import type { PlannedLayer } from "../../../../src/timeline/upkeep/plan/planned_layer.ts";
import { agedOf, countStale } from "../../../../src/timeline/upkeep/plan/stale.ts";
import { layer } from "./plan_fixture.ts";

// As of horizon 20: a layer of 40 versions, what of it lies below: versions and keys.
const aged: [string, Partial<PlannedLayer>, [versions: number, keys: number]][] = [
  ["7 a-d 21..30 400", {}, [0, 0]],
  ["7 a-d 1..20 400", { keys: 10 }, [40, 10]],
  ["0 a-d 11..30 400", { keys: 10 }, [20, 5]],
  ["7 a-d 1..40 400", { keys: 20, horizon: 20 }, [20, 20]],
  ["7 a-d 1..30 400", { keys: 20, horizon: 10 }, [30, 20]],
  ["7 a-d 1..20 400", { keys: 20, horizon: 10 }, [40, 20]],
  // What was left below one horizon is needed as of it, and no later one frees any of it alone.
  ["7 a-d 1..15 400", { keys: 20, horizon: 15 }, [20, 20]],
];

Deno.test("agedOf() is what lies below a horizon, by LSNs and by the horizon of the last merge", () => {
  for (const [line, change, [versions, keys]] of aged) {
    assertEquals(agedOf(layer(line, change), 20), { versions, keys }, `${line} ${JSON.stringify(change)}`);
  }
});

// As of horizon 20: layers, whether level 0 counts; stale versions, those of them at the bottom, and needed ones.
const counted: [string[], boolean, [stale: number, staleAtBottom: number, needed: number]][] = [
  [[], true, [0, 0, 0]],
  [["7 a-d 1..20 400", "7 e-h 1..20 400"], true, [0, 0, 80]],
  [["6 a-h 11..20 100", "7 a-d 1..10 400", "7 e-h 1..10 400"], true, [10, 0, 80]],
  // A run that has more keys than the lowest one: those are there once at least.
  [["6 a-h 11..20 900", "7 a-d 1..10 400"], true, [40, 0, 90]],
  [["0 a-h 11..20 100", "0 a-h 15..20 100", "7 a-h 1..10 400"], true, [20, 0, 40]],
  [["0 a-h 11..20 100", "0 a-h 15..20 100", "7 a-h 1..10 400"], false, [0, 0, 40]],
  // What lies above the horizon is needed.
  [["6 a-h 21..30 100", "7 a-h 1..10 400"], true, [0, 0, 50]],
  [["6 a-h 11..30 100", "7 a-h 1..10 400"], true, [5, 0, 45]],
];

Deno.test("countStale() is what is below a horizon beyond one version of each key of the largest run", () => {
  for (const [lines, withL0s, [stale, staleAtBottom, needed]] of counted) {
    const levels = Levels.empty.edit([], lines.map((line) => layer(line)));
    const found = countStale(levels, 20, withL0s ? levels.l0s : [], new Set());
    assertEquals(found, { stale, staleAtBottom, needed }, lines.join(", "));
  }
  const twice = Levels.empty.edit([], [layer("7 a-d 1..20 400", { keys: 20, horizon: 10 })]);
  const busy = new Set<number>();
  assertEquals(countStale(twice, 20, [], busy), { stale: 20, staleAtBottom: 20, needed: 20 });
  // What no job may take in stays as it is.
  for (const { sequence } of twice.sorted[7].layers) busy.add(sequence);
  assertEquals(countStale(twice, 20, [], busy), { stale: 0, staleAtBottom: 0, needed: 40 });
});
