/** The short form of what `corrupt()` does: some damage of every kind. */

import { assert, assertEquals } from "@std/assert";
import { seeds } from "../../random.ts";
import { corrupt, type CorruptBudget } from "./corrupt.ts";
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
