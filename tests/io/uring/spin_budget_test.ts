import { assertEquals } from "@std/assert";
import { SpinBudget } from "../../../src/io/uring/spin_budget.ts";

function looks(budget: SpinBudget, times: number): number {
  return Array.from({ length: times }, () => budget.mayLook()).filter(Boolean).length;
}

Deno.test("SpinBudget gives the event loop a turn after sixteen flushes, or a millisecond", () => {
  const budget = new SpinBudget();
  assertEquals(looks(budget, 20), 16);
  budget.turned();
  assertEquals(looks(budget, 3), 3);
  budget.spent(0.6, false);
  assertEquals(looks(budget, 3), 3);
  budget.spent(0.6, false);
  assertEquals(looks(budget, 3), 0);
  budget.turned();
  assertEquals(looks(budget, 3), 3);
});

Deno.test("SpinBudget gives looking up for longer each time that it was too late, until it is not", () => {
  const budget = new SpinBudget();
  for (const pause of [1, 2, 4, 8, 16, 16]) {
    budget.spent(0.3, true);
    assertEquals(budget.isPaused, true);
    for (let i = 0; i < pause; i++) assertEquals(budget.pauses(), true);
    assertEquals([budget.isPaused, budget.pauses()], [false, false]);
  }
  budget.spent(0.1, false);
  budget.spent(0.3, true);
  assertEquals([budget.pauses(), budget.pauses()], [true, false]);
});
