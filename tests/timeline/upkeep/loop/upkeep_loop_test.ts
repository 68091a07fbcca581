/** What a loop of upkeep does when planning itself goes wrong. */

import { assertEquals } from "@std/assert";
import { Health, type Lsn } from "../../../../src/base/mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { LevelledLayers } from "../../../../src/timeline/upkeep/levelled_layers.ts";
import { UpkeepLoop } from "../../../../src/timeline/upkeep/loop/upkeep_loop.ts";
import { Planner } from "../../../../src/timeline/upkeep/planner.ts";
import { closeContext, openContext } from "../../write/writer_fixture.ts";

for (const nth of [1, 2, 3]) {
  Deno.test(`UpkeepLoop.wake() ends it, and poisons writing, by a fault of our own in plan ${nth}`, async () => {
    const context = await openContext(new SimEngine(), { upkeep: "slices" }), health = new Health("timeline");
    const levelled = new LevelledLayers("/store", []), fault = new Error("a fault of our own");
    let plans = 0;
    const horizon = (): Lsn => {
      if (++plans >= nth) throw fault;
      return 0;
    };
    // A layer to forget that is never gone: without a fault there would be no end.
    levelled.spent = () => [undefined!];
    const planner = new Planner(1024, { levelled, unsealed: [] }, horizon);
    const loop = new UpkeepLoop(context, health, planner, {
      work: () => Promise.resolve(planner.changed()),
      changed: () => {},
      closing: new AbortController().signal,
    });
    loop.wake();
    await loop.idle();
    assertEquals([loop.state, health.state, health.cause, plans], ["ended", "poisoned", fault, nth]);
    loop.wake();
    assertEquals([loop.state, plans], ["ended", nth]);
    await closeContext(context);
  });
}
