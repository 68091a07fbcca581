/** Some writers that are killed; `deno task reliability:real kill 60` does the same for an hour. */

import { assert, assertEquals } from "@std/assert";
import { killLoop } from "./kill_loop.ts";

Deno.test("Store loses nothing that was durable when its writers are killed at any moment", async () => {
  const { failures, kills, recoveries } = await killLoop({ milliseconds: Infinity, most: 6 });
  assertEquals(failures, []);
  assert(kills === 36 && recoveries > 0, `${kills} kills, ${recoveries} recoveries`);
});
