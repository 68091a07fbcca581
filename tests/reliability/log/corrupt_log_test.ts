/** The short form of what `corrupt()` does to logs: some damage of every kind. */

import { assert, assertEquals } from "@std/assert";
import { seeds } from "../../random.ts";
import { corrupt, type CorruptBudget } from "../corrupt/corrupt.ts";
import { damageKinds } from "../corrupt/damages.ts";
import { makeGoldenLog, tails } from "./golden_log.ts";
import { damagedLogs } from "./log_verdict.ts";

const few = Object.fromEntries(damageKinds.map((kind) => [kind, 60])) as CorruptBudget["mostOfKind"];

Deno.test("Log tells the truth, or which file is damaged, whatever becomes of any file", async () => {
  for (const seed of seeds("corrupt log", 1)) {
    const budget = { mostOfKind: { ...few, flips: 300 }, isExhaustive: false };
    const counts = await corrupt(budget, { seed, subjects: damagedLogs });
    assertEquals(counts.failures, []);
    for (const kind of damageKinds) assert(counts[kind] >= 20, `${counts[kind]} ${kind}`);
    for (const verdict of ["harmless", "detected"] as const) assert(counts[verdict] > 50, verdict);
    const done = damageKinds.reduce((sum, kind) => sum + counts[kind], 0);
    assertEquals(counts.harmless + counts.detected + counts.lost, done);
  }
});

Deno.test("makeGoldenLog() makes the same log of the same seed, with segments of every kind", async () => {
  for (const tail of tails) {
    const [{ killed, closed }, again] = [await makeGoldenLog(5, tail), await makeGoldenLog(5, tail)];
    assertEquals([killed.disk.hash(), closed.disk.hash()], [
      again.killed.disk.hash(),
      again.closed.disk.hash(),
    ]);
    for (const { records, places, first, settled, sealed } of [killed, closed]) {
      assert(
        first > 0 && settled > first && settled < records.length,
        `${first}, ${settled} of ${records.length}`,
      );
      // A segment keeps records that were given up for as long as it has others.
      assertEquals([...places.keys()], [...records.keys()]);
      assert(sealed.size >= 2);
    }
    assert(killed.witnesses.length > 3);
  }
});
