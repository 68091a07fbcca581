import { assertEquals } from "@std/assert";
import { repeat } from "./repeat.ts";

/** The slices that are done within a budget, of which each counts one. */
async function slicesOf(budget: { slice?: number; enough?: { slices: number } }): Promise<number[]> {
  const done: number[] = [];
  await repeat({ milliseconds: 60_000, seed: 1, ...budget }, (_milliseconds, nth) => {
    done.push(nth);
    return Promise.resolve({ counts: { slices: 1 }, skipped: [], failures: [] });
  });
  return done;
}

Deno.test("repeat() does slice after slice until it is enough, or one alone", async () => {
  assertEquals(await slicesOf({ enough: { slices: 3 } }), [0, 1, 2]);
  assertEquals(await slicesOf({ slice: 7 }), [7]);
});
