/** A hundred races for stores; `deno task reliability:real races 60` has them race for an hour. */

import { assert, assertEquals } from "@std/assert";
import { raceForStores } from "./race.ts";

Deno.test("Store is open in one process at a time when two open it in the same moment", async () => {
  const { failures, races } = await raceForStores({ milliseconds: 60_000, most: 5 });
  assertEquals(failures, []);
  assert(races >= 100, `${races} races`);
});
