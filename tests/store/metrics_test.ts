import { assert, assertEquals } from "@std/assert";
import { patterned } from "./bytes.ts";
import { test } from "./matrix.ts";

test("Store.metrics() counts what was written and read", async (place) => {
  const store = await place.open();
  const timeline = store.timeline(), side = await store.createTimeline("side");
  for (let i = 0; i < 3; i++) await timeline.append([{ key: `k${i}`, value: patterned(5000, i) }]);
  await timeline.freeze();
  await side.append([{ key: "a", value: "1" }, { key: "b", delete: true }], { sync: true });
  const written = store.metrics();
  assertEquals([written.batches, written.changes, written.seals], [4, 5, 1]);
  assertEquals([written.storedLayers, written.frozenLayers], [1, 0]);
  assert(written.bytes > 15_000 && written.syncs >= 1 && written.indexBytes > 0);
  assertEquals([written.keysRead, written.valueReads], [0, 0]);
  await timeline.getMany(["k0", "k1", "absent"]);
  await side.get("a");
  const read = store.metrics();
  assertEquals(read.keysRead, 4);
  assert(read.valueReads >= 1 && read.valueReadBytes >= 10_000 && read.pageReads >= 1);
  assert(read.openFiles >= 1 && read.cacheBytes > 0 && read.cacheMisses > 0);
});

test("Store.metrics() tells how many views are held, and for how long", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  const held = () => [store.metrics().views, store.metrics().oldestViewMilliseconds > 0];
  assertEquals(held(), [0, false]);
  const snapshot = timeline.snapshot(), unread = timeline.scan();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const later = (await store.createTimeline("side")).snapshot();
  assertEquals(held(), [3, true]);
  assert(store.metrics().oldestViewMilliseconds >= 15);
  snapshot[Symbol.dispose]();
  await unread.cancel();
  assertEquals(held()[0], 1);
  assert(store.metrics().oldestViewMilliseconds < 15);
  later[Symbol.dispose]();
  assertEquals(held(), [0, false]);
});
