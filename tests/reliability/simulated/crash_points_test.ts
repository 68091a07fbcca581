/** Crashes at every moment of scripts and of openings, each left state opened and checked. */

import { assert, assertEquals } from "@std/assert";
import { crashOpenings, crashScripts } from "./crash_points.ts";
import { ForgetsData, ForgetsDurableWrites, ForgetsFiles, ForgetsNames } from "./lying_engines.ts";

Deno.test("Store.open() finds what was durable, and a prefix, after a crash at any moment of two scripts", async () => {
  const { failures, boundaries, recoveries } = await crashScripts({ runs: 4 }, { limit: 12 });
  assertEquals(failures, []);
  assert(boundaries > 300, `${boundaries} boundaries`);
  assert(recoveries > 150, `${recoveries} recoveries`);
});

Deno.test("Store.open() finds the same when it is cut short at any moment, and then again", async () => {
  const { failures, recoveries } = await crashOpenings({}, {
    limit: 2,
    nested: 1,
    share: { index: 3, count: 16 },
  });
  assertEquals(failures, []);
  assert(recoveries > 100, `${recoveries} recoveries`);
});

for (const Engine of [ForgetsData, ForgetsFiles, ForgetsNames, ForgetsDurableWrites]) {
  Deno.test(`crashScripts() notices an engine that ${wordsOf(Engine.name)}`, async () => {
    const { failures } = await crashScripts({ runs: 2 }, {
      limit: 12,
      makeEngine: (disk, faults) => new Engine({ disk, faults }),
    });
    assert(failures.length > 0);
  });
}

/** `ForgetsData` as `forgets data`. */
function wordsOf(name: string): string {
  return name.replaceAll(/(?!^)([A-Z])/g, " $1").toLowerCase();
}
