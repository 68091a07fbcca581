/** What whoever still has a timeline that was deleted is told, and what the others do meanwhile. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Store, Timeline } from "../../../mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { openStoreOn } from "../../../src/store/mod.ts";
import { HookedSim } from "../../timeline/hooked_sim.ts";
import { collect } from "../bytes.ts";
import { Gate } from "../hooked_engine.ts";
import { type Place, test } from "../matrix.ts";

const gone = 'Cannot use timeline "side": it was deleted';

async function branched(place: Place): Promise<{ store: Store; main: Timeline; side: Timeline }> {
  const store = await place.open(), main = store.timeline();
  await main.append([{ key: "a", value: "1" }]);
  const side = await store.createTimeline("side", { ancestor: "main" });
  for (const value of ["1", "2", "3"]) {
    await side.append([{ key: "b", value }]);
    await side.freeze();
  }
  return { store, main, side };
}

test("A timeline that was deleted says so, whatever read is asked of it", async (place) => {
  const { store, side } = await branched(place);
  await store.deleteTimeline("side");
  const { signal } = new AbortController();
  await assertRejects(() => side.get("b"), Deno.errors.BadResource, gone);
  await assertRejects(() => side.get("b", { signal }), Deno.errors.BadResource, gone);
  await assertRejects(() => side.getEntry("b", { lsn: 2, signal }), Deno.errors.BadResource, gone);
  await assertRejects(() => side.getMany(["b"]), Deno.errors.BadResource, gone);
  await assertRejects(() => side.count(), Deno.errors.BadResource, gone);
  await assertRejects(() => side.explain(["b"]), Deno.errors.BadResource, gone);
  assertThrows(() => side.getVectored(["b"]), Deno.errors.BadResource, gone);
  assertThrows(() => side.scan(), Deno.errors.BadResource, gone);
  assertThrows(() => side.history("b"), Deno.errors.BadResource, gone);
  assertThrows(() => side.snapshot(), Deno.errors.BadResource, gone);
  await assertRejects(() => side.gc(), Deno.errors.BadResource, gone);
});

Deno.test("A gc that runs while its timeline is deleted says so", async () => {
  const engine = new HookedSim(), gate = new Gate();
  const store = await openStoreOn(systemHost(engine), "/store", { upkeep: "manual" });
  const side = await store.createTimeline("side");
  for (const value of ["1", "2", "3"]) await side.append([{ key: "b", value }]);
  await side.freeze();
  // While one edit is written, those that wait come behind it in one frame.
  let isHeld = false;
  engine.hook = (operation, path) => {
    if (isHeld || operation !== "write" || !path.includes("/manifest-")) return;
    isHeld = true;
    return gate.wait();
  };
  const making = store.createTimeline("other");
  await gate.reached;
  const collected = side.gc({ history: { lsns: 1 } }).catch((error) => error);
  const deleted = store.deleteTimeline("side");
  await new Promise((resolve) => setTimeout(resolve, 20));
  gate.open();
  const told = await collected;
  assertEquals([told.name, told.message], ["BadResource", gone]);
  await Promise.all([making, deleted]);
  await store.close();
});

test("Store.verify() takes nothing for damage that goes with a timeline", async (place) => {
  const { store, main } = await branched(place);
  await main.freeze();
  const deleting = store.deleteTimeline("side");
  assertEquals(await collect(ReadableStream.from(store.verify())), []);
  await deleting;
  await store.createTimeline("side", { ancestor: "main" });
  const verifying = collect(ReadableStream.from(store.verify({ timeline: "main" })));
  await store.deleteTimeline("side");
  assertEquals(await verifying, [], "another one is not waited for, nor does its end matter");
});

test("A reader takes nothing for damage that another process deletes", async (place) => {
  const { store, side } = await branched(place);
  await store.timeline().freeze();
  const reader = await place.open({ readOnly: true });
  await side.append([{ key: "b", value: "4" }], { sync: true });
  await side.freeze();
  await side.append([{ key: "b", value: "5" }], { sync: true });
  await store.deleteTimeline("side");
  assertEquals(await collect(ReadableStream.from(reader.verify())), []);
  assertEquals(await reader.timeline("side").get("b"), new TextEncoder().encode("3"));
});

test("What Store.metrics() counts does not go back when a timeline is deleted", async (place) => {
  const { store, side } = await branched(place);
  await side.sync();
  await side.get("b");
  const counts = () => {
    const { batches, changes, bytes, syncs, seals, keysRead } = store.metrics();
    return { batches, changes, bytes, syncs, seals, keysRead };
  };
  const before = counts(), deleting = store.deleteTimeline("side");
  assertEquals(counts(), before);
  await deleting;
  assertEquals(counts(), before);
  assertEquals([before.batches, before.seals, before.keysRead], [4, 3, 1]);
});

test("What Store.metrics() counts of a reader does not go back when another process deletes a timeline", async (place) => {
  const { store, side } = await branched(place);
  await side.sync();
  const reader = await place.open({ readOnly: true });
  await reader.timeline("side").get("b");
  assertEquals(reader.metrics().keysRead, 1);
  await store.deleteTimeline("side");
  await reader.refresh();
  assertEquals([reader.timelines().length, reader.metrics().keysRead], [1, 1]);
});

Deno.test("Store.deleteTimeline() deletes a timeline also while files of another one of its name are removed", async () => {
  const engine = new HookedSim(), gate = new Gate(), host = systemHost(engine);
  const store = await openStoreOn(host, "/store", { upkeep: "manual" });
  const side = await store.createTimeline("side");
  await side.append([{ key: "a", value: "1" }], { sync: true });
  engine.hook = (operation) => operation === "remove" ? gate.wait() : undefined;
  const deleted = store.deleteTimeline("side");
  await gate.reached;
  await store.createTimeline("side");
  const again = store.deleteTimeline("side");
  gate.open();
  await Promise.all([deleted, again]);
  await store.createTimeline("side");
  await store.deleteTimeline("side");
  await store.close();
  const reopened = await openStoreOn(host, "/store");
  assertEquals(reopened.timelines().map(({ name }) => name), ["main"]);
  await reopened.close();
});
