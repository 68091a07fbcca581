/** Leases that a reader takes and gives up. */

import { assertEquals } from "@std/assert";
import { directory, ObjectsFixture } from "./objects_fixture.ts";

Deno.test("Leases.take() tells of a lease that it took, also while another one is given up", async () => {
  const directories = ["0000000000000001", "0000000000000002"].map((name) => `${directory}/${name}`);
  const t = new ObjectsFixture({}, directories), { objects: { leases }, engine } = t;
  assertEquals(await leases.take([1]), true);
  assertEquals(await leases.take([1]), false);
  const lease = engine.lease.bind(engine);
  engine.lease = async (path, kind) => {
    await leases.giveUp(1);
    return await lease(path, kind);
  };
  // What was read before of what exists must be read anew, since something may have been removed of timeline 2 (K4).
  assertEquals(await leases.take([2]), true);
  await t.close();
});
