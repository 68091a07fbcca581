/** What the trials on real files rest on: the history that is planned, what programs claim, and sums of counts. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Claims } from "./claims.ts";
import { noCounts, sumCounts } from "./counts.ts";
import { PlannedHistory } from "./planned_history.ts";
import { runTrials } from "./trials.ts";

Deno.test("PlannedHistory gives each batch a greater LSN, and knows the batch at each", () => {
  const distances = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const planned = new PlannedHistory(seed, "main");
    for (let batch = 1; batch < 200; batch++) {
      const lsn = planned.lsnAt(batch), before = planned.lsnAt(batch - 1);
      assert(lsn > before, `batch ${batch} of ${seed}`);
      assertEquals([planned.batchAt(lsn), planned.askedLsn(batch) ?? lsn], [batch, lsn]);
      distances.add(lsn - before === 1 ? "next" : lsn - before < 100 ? "near" : "far");
    }
    const versions = [...planned.versionsTo(40).values()].flat();
    const changes = Array.from({ length: 40 }, (_, i) => planned.changesAt(i + 1)).flat();
    assertEquals(versions.length, changes.length);
  }
  assertEquals([...distances].sort(), ["far", "near", "next"]);
});

/** Whether claims hold after these lines. */
function holds(...lines: string[]): boolean {
  const claims = new Claims();
  for (const line of lines) claims.take(line);
  return claims.wrong.length === 0;
}

Deno.test("Claims see what is lost, what nobody wrote, and what is called durable too early", () => {
  const written = ["opened main 0", "issued main 1", "durable main 1", "issued main 2"];
  assert(holds(...written, "opened main 1"));
  assert(holds(...written, "opened main 2", "issued main 3", "opened main 2"));
  assert(!holds(...written, "opened main 0"));
  assert(!holds(...written, "opened main 3"));
  assert(!holds(...written, "closed", "opened main 1"));
  assert(!holds(...written, "durable main 3"));
  assert(!holds(...written, "opened main 2", "opened main 1"));
  assert(!holds("opened side 0"));
  assert(holds("making side", "opened side 0"));
  const claims = new Claims();
  claims.take("wrong read: another value");
  assertThrows(() => claims.check(), Error, "another value");
});

Deno.test("runTrials() counts what throws, and goes on", async () => {
  let nth = 0;
  const counts = await runTrials("part", { milliseconds: 60_000, most: 5 }, {}, (_, counts) => {
    counts.kills++;
    return ++nth === 2 ? Promise.reject(new Error("as planned")) : Promise.resolve();
  });
  assertEquals([counts.kills, counts.failures.length], [5, 1]);
  assert(counts.failures[0].message.includes("as planned"));
  const sum = sumCounts([counts, { ...noCounts(), races: 3, skipped: ["ring"] }, counts]);
  assertEquals([sum.kills, sum.races, sum.failures.length, sum.skipped], [10, 3, 2, ["ring"]]);
});
