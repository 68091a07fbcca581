/** Some writers of logs that are killed; `deno task reliability:real log-kill 60` does the same for an hour. */

import { assert, assertEquals } from "@std/assert";
import { killLogs } from "./log_kill.ts";

Deno.test("Log loses nothing that was durable or shown when its writers are killed at any moment", async () => {
  const { failures, kills, recoveries } = await killLogs({ milliseconds: Infinity, most: 2 });
  assertEquals(failures, []);
  assert(kills === 8 && recoveries > 0, `${kills} kills, ${recoveries} recoveries`);
});
