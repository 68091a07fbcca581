/** Random programs on machines whose every answer is chosen. */

import { assert, assertEquals } from "@std/assert";
import { seeds } from "../../random.ts";
import { noCounts } from "./counts.ts";
import { planOf } from "./programs/plan.ts";
import { runProgram } from "./programs/program.ts";
import { shrink } from "./programs/shrink.ts";
import { runPrograms } from "./random_programs.ts";

Deno.test("Store keeps what it acknowledged, and tells the truth, in any program on a simulated machine", async () => {
  for (const seed of seeds("simulated programs", 5)) {
    const { failures } = await runPrograms({ runs: 1 }, { seed, replayOneIn: 1 });
    assertEquals(failures, []);
  }
});

Deno.test("runProgram() does the same again for the same seed, and something else for another", async () => {
  const [a, b, c] = [await hashOf(1), await hashOf(1), await hashOf(2)];
  assertEquals(a, b);
  assert(a !== c);
});

function hashOf(seed: number): Promise<number> {
  return runProgram(planOf(seed), noCounts());
}

Deno.test("shrink() leaves as little of a program as still fails", async () => {
  const plan = planOf(3);
  const isFailing = (step: { do: string }) => step.do === "append";
  const least = await shrink(
    plan,
    (simpler) => Promise.resolve(simpler.some(({ steps }) => steps.some(isFailing))),
    60_000,
  );
  assertEquals(least.map(({ steps }) => steps.map((step) => step.do)), [["append"]]);
  assertEquals(least.map(({ damages, seed, inOrder }) => [damages, seed, inOrder]), [[[], 0, true]]);
});
