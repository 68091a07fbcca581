/** The short form of what `corrupt()` does: some damage of every kind. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seeds } from "../../random.ts";
import { chooseMember, corrupt, type CorruptBudget } from "./corrupt.ts";
import { damageKinds } from "./damages.ts";

const few = Object.fromEntries(damageKinds.map((kind) => [kind, 40])) as CorruptBudget["mostOfKind"];

Deno.test("Store tells the truth, or which file is damaged, whatever becomes of any file", async () => {
  for (const seed of seeds("corrupt", 1)) {
    const counts = await corrupt({ mostOfKind: { ...few, flips: 300 }, isExhaustive: false }, { seed });
    assertEquals(counts.failures, []);
    for (const kind of damageKinds) assert(counts[kind] >= 5, `${counts[kind]} ${kind}`);
    for (const verdict of ["harmless", "detected"] as const) assert(counts[verdict] > 50, verdict);
    const done = damageKinds.reduce((sum, kind) => sum + counts[kind], 0);
    assertEquals(counts.harmless + counts.detected + counts.lost, done);
    assertEquals(JSON.parse(JSON.stringify(counts)), counts);
  }
});

Deno.test("corrupt() does the same parts of the same damage for the same seed", async () => {
  const budget = { mostOfKind: { ...few, flips: 60 }, isExhaustive: true }, seed = 7;
  const first = await corrupt(budget, { seed, part: [0, 2] });
  const second = await corrupt(budget, { seed, part: [1, 2] });
  const whole = await corrupt(budget, { seed });
  for (const kind of damageKinds) {
    assertEquals(first[kind] + second[kind], whole[kind], kind);
    assert(first[kind] > 0, kind);
  }
});

Deno.test("chooseMember() chooses others for another seed, each from a stretch of its own, or all", () => {
  const size = 1000, count = 30, nths = Array.from({ length: count }, (_, nth) => nth);
  const chosen = (seed: number) => nths.map((nth) => chooseMember(size, count, nth, seed));
  assertEquals(chosen(1), chosen(1));
  assertNotEquals(chosen(1), chosen(2));
  for (const [nth, member] of chosen(1).entries()) {
    assertEquals(Math.floor((member + 1) * count / size - 1e-9), nth);
  }
  const reached = new Set(Array.from({ length: 1000 }, (_, seed) => chosen(seed)).flat());
  assertEquals(reached.size, size);
  assertEquals(nths.map((nth) => chooseMember(count, count, nth, 7)), nths);
});
