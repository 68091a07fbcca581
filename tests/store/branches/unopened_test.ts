/** A branch that was made, and that could not be opened then. */

import { assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { openStoreOn } from "../../../src/store/mod.ts";
import { HookedSim } from "../../timeline/hooked_sim.ts";
import { Gate } from "../hooked_engine.ts";

/** Has the next timeline that is opened fail. */
function failToList(engine: HookedSim): void {
  engine.hook = (operation, path) => {
    if (operation !== "list" || path === "/store") return;
    engine.hook = () => {};
    throw new IoError({ code: "EIO", operation: "list", path });
  };
}

Deno.test("A branch that could not be opened when it was made is opened later, or deleted", async () => {
  const engine = new HookedSim(), store = await openStoreOn(systemHost(engine), "/store");
  const main = store.timeline();
  await main.append([{ key: "a", value: "1" }]);
  failToList(engine);
  await assertRejects(() => store.createTimeline("side", { ancestor: "main" }), IoError, "EIO");
  assertEquals(store.timelines().length, 1);
  const side = await store.createTimeline("side", { ancestor: "main", lsn: 1 });
  assertEquals(await side.get("a"), new TextEncoder().encode("1"));
  failToList(engine);
  await assertRejects(() => store.createTimeline("deep", { ancestor: "side" }), IoError, "EIO");
  await side.append([{ key: "a", value: "2" }]);
  const again = () => store.createTimeline("deep", { ancestor: "side" });
  await assertRejects(again, Deno.errors.AlreadyExists, "of another history");
  await assertRejects(() => store.deleteTimeline("side"), Error, 'go on from it: "deep"');
  await store.deleteTimeline("deep");
  await assertRejects(() => store.deleteTimeline("deep"), Deno.errors.NotFound);
  assertEquals((await again()).lastLsn, 2);
  await store.close();
  const reopened = await openStoreOn(systemHost(engine), "/store");
  assertEquals(reopened.timelines().map(({ name }) => name), ["main", "side", "deep"]);
  await reopened.close();
});

Deno.test("Store.deleteTimeline() ends also if the disk is full while it waits for a seal", async () => {
  const engine = new HookedSim(), gate = new Gate();
  const store = await openStoreOn(systemHost(engine), "/store", { upkeep: "manual" });
  const side = await store.createTimeline("side");
  // The edit that names the segment finds no room once the timeline is being given up.
  engine.hook = async (operation, path) => {
    if (operation !== "write" || !path.includes("/manifest-")) return;
    await gate.wait();
    throw new IoError({ code: "ENOSPC", operation, path });
  };
  const appended = side.append([{ key: "a", value: "1" }]);
  const frozen = assertRejects(() => side.freeze(), Deno.errors.BadResource);
  await gate.reached;
  // The seal has come to where all is to be in the file.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const deleted = assertRejects(() => store.deleteTimeline("side"), IoError, "ENOSPC");
  await frozen;
  gate.open();
  await deleted;
  await appended;
  engine.hook = () => {};
  await store.deleteTimeline("side");
  assertEquals(store.timelines().map(({ name }) => name), ["main"]);
  await store.close();
});

Deno.test("Store.createTimeline() does not open what could not be opened and is being deleted", async () => {
  const engine = new HookedSim(), gate = new Gate();
  const store = await openStoreOn(systemHost(engine), "/store", { upkeep: "manual" });
  failToList(engine);
  await assertRejects(() => store.createTimeline("side"), IoError, "EIO");
  engine.hook = (operation, path) =>
    operation === "write" && path.includes("/manifest-") ? gate.wait() : undefined;
  const deleted = store.deleteTimeline("side");
  await gate.reached;
  const again = assertRejects(() => store.createTimeline("side"), Deno.errors.AlreadyExists, "being deleted");
  gate.open();
  await Promise.all([deleted, again]);
  const side = await store.createTimeline("side");
  await side.append([{ key: "a", value: "1" }], { sync: true });
  await store.close();
});
