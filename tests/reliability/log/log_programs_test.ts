/** Some random programs over logs, and engines that do not do what they say, which these must notice. */

import { assert, assertEquals } from "@std/assert";
import { seeds } from "../../random.ts";
import { deadline } from "../../deadline.ts";
import { ForgetsData, ForgetsDurableWrites, ForgetsFiles, ForgetsNames } from "../simulated/lying_engines.ts";
import { runLogPrograms } from "./log_programs.ts";

Deno.test("Log keeps what was acknowledged, whatever is done, crashes and fails", async () => {
  for (const seed of seeds("log programs", 1)) {
    const { failures, recoveries, failNth, deaths } = await runLogPrograms({ runs: 24 }, {
      seed: seed >>> 1,
    });
    assertEquals(failures, []);
    assert(recoveries > 60 && failNth > 0 && deaths > 50, `${recoveries}, ${failNth}, ${deaths}`);
  }
});

Deno.test("runLogPrograms() does the same for the same seed, and ends when it has done enough", async () => {
  const one = await runLogPrograms({ runs: 4 }, { seed: 6 });
  assertEquals(await runLogPrograms({ runs: 4 }, { seed: 6 }), one);
  const { seeds } = await runLogPrograms({ runs: 100, enough: { recoveries: 1 } }, { seed: 6 });
  assertEquals(seeds, 1);
});

for (const Engine of [ForgetsData, ForgetsFiles, ForgetsNames, ForgetsDurableWrites]) {
  const words = Engine.name.replaceAll(/(?!^)([A-Z])/g, " $1").toLowerCase();
  Deno.test(`runLogPrograms() notices an engine that ${words}`, async () => {
    const makeEngine: NonNullable<Parameters<typeof runLogPrograms>[1]>["makeEngine"] = (disk, faults) =>
      new Engine({ disk, faults });
    const { failures } = await deadline(runLogPrograms({ runs: 60 }, { seed: 2, makeEngine, share: even }));
    assert(failures.length > 0);
  });
}

/** Every other seed: those of programs that are crashed. */
const even = { index: 0, count: 2 };
