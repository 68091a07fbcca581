/** Each operation of three scripts fails, and what is left is whole. */

import { assert, assertEquals } from "@std/assert";
import { failEach } from "./fail_nth.ts";

Deno.test("Store keeps what it acknowledged, and says why it refuses, when any operation fails", async () => {
  const { failures, failNth } = await failEach({}, { share: { index: 5, count: 20 } });
  assertEquals(failures, []);
  assert(failNth > 50, `${failNth} runs`);
});
