/** Crashes at every moment of scripts and of openings, each left state opened and checked. */

import { assert, assertEquals } from "@std/assert";
import { onlyPiece } from "./counts.ts";
import { crashOpenings, type CrashPointOptions, crashScripts } from "./crash_points.ts";
import { ForgetsData, ForgetsDurableWrites, ForgetsFiles, ForgetsNames } from "./lying_engines.ts";

Deno.test("Store.open() finds what was durable, and a prefix, after a crash at any moment of scripts", async () => {
  const { failures, boundaries, recoveries } = await crashScripts({ runs: 6 }, { limit: 12 });
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

Deno.test("crashScripts() ends behind the script with which it has done enough", async () => {
  const one = await crashScripts({ runs: 1 }, { limit: 1 }), { boundaries } = one;
  assertEquals(await crashScripts({ runs: 2, enough: { boundaries } }, { limit: 1 }), one);
  const two = await crashScripts({ runs: 2, enough: { boundaries: boundaries + 1 } }, { limit: 1 });
  assert(two.boundaries > boundaries);
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

Deno.test("crashScripts() says of a failure which command has it happen again", async () => {
  const options: CrashPointOptions = {
    limit: 12,
    seed: 9,
    makeEngine: (disk, faults) => new ForgetsData({ disk, faults }),
  };
  const { failures } = await crashScripts({ runs: 2 }, options);
  assert(failures.length > 0);
  for (const failure of failures) {
    const nth = Number(/\d+$/.exec(failure.command)?.[0]);
    assertEquals(failure.command, `deno task soak:sim crashes --seed 9 --limit 12 --nth ${nth}`);
    const again = await crashScripts({}, { ...options, share: onlyPiece(nth) });
    assertEquals(again.failures, [failure]);
  }
});
