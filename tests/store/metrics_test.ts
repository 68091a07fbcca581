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
  const side = await store.createTimeline("side"), start = performance.now();
  const later = side.snapshot();
  assertEquals(held(), [3, true]);
  assert(store.metrics().oldestViewMilliseconds >= 15);
  snapshot[Symbol.dispose]();
  await unread.cancel();
  assertEquals(held()[0], 1);
  assert(
    store.metrics().oldestViewMilliseconds <= performance.now() - start,
    "it is no older than the second",
  );
  later[Symbol.dispose]();
  assertEquals(held(), [0, false]);
});

const MiB = 1024 * 1024;

test("Store.metrics() accounts for memory by its parts, each beside what bounds it", async (place) => {
  const store = await place.open({ memoryBytes: 32 * MiB, cacheBytes: MiB });
  const timeline = store.timeline();
  await store.createTimeline("side");
  for (let i = 0; i < 3; i++) await timeline.append([{ key: `k${i}`, value: patterned(1000, i) }]);
  const open = store.metrics().memory;
  assert(open.openIndexBytes > 0 && open.frozenIndexBytes === 0 && open.writeBufferTakenBytes > 0);
  assertEquals(open.writeBytes, open.writeBufferTakenBytes + open.openIndexBytes);
  assertEquals([open.writeBudgetBytes, open.cacheBudgetBytes], [64 * MiB, MiB]);
  assertEquals([open.readBufferBytes, open.cachePageBytes, open.cacheRecordBytes], [0, 0, 0]);
  const freezing = timeline.freeze();
  const frozen = store.metrics().memory;
  assertEquals([frozen.openIndexBytes, frozen.frozenIndexBytes], [0, open.openIndexBytes]);
  assertEquals(frozen.writeBytes, frozen.writeBufferTakenBytes + frozen.frozenIndexBytes);
  await freezing;
  await timeline.getMany(["k0", "k1"]);
  const metrics = store.metrics(), read = metrics.memory;
  assertEquals([read.openIndexBytes, read.frozenIndexBytes, read.readBufferTakenBytes], [0, 0, 0]);
  assert(read.readBufferBytes > 0 && read.readBufferBytes <= read.readBufferBudgetBytes);
  assert(read.cachePageBytes >= 2 * 8192 && read.cacheRecordBytes > 0);
  assertEquals(metrics.cacheBytes, read.cachePageBytes + read.cacheRecordBytes);
  assertEquals(metrics.bufferBytes, read.readBufferBytes + read.writeBufferBytes);
  const { spareIndexBytes } = read;
  assert(frozen.spareIndexBytes >= 0 && spareIndexBytes >= 0);
  assertEquals(
    read.totalBytes,
    metrics.bufferBytes + metrics.indexBytes + spareIndexBytes + metrics.cacheBytes,
  );
});

test("Store.metrics() tells what merging holds while it runs", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  for (let layer = 0; layer < 2; layer++) {
    await timeline.append([{ key: "a", value: patterned(100_000, layer) }, { key: "b", value: "" }]);
    await timeline.freeze();
  }
  assertEquals(store.metrics().memory.upkeepBytes, 0);
  let most = 0;
  await timeline.compact({
    progress: () => {
      const { upkeepBytes, totalBytes } = store.metrics().memory;
      assert(totalBytes >= upkeepBytes);
      most = Math.max(most, upkeepBytes);
    },
  });
  assert(most > 200_000, `${most}`);
  assertEquals(store.metrics().memory.upkeepBytes, 0);
});

test("Store.metrics() tells how long operations take", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  const counts = () => {
    const { append, sync, get, diskRead } = store.metrics().latencies;
    return [append, sync, get, diskRead].map(({ count }) => count);
  };
  assertEquals(counts(), [0, 0, 0, 0]);
  for (let i = 0; i < 17; i++) await timeline.append([{ key: "a", value: `${i}` }]);
  assertEquals(counts()[0], 17);
  await timeline.sync();
  // Nothing is left to be made durable.
  await timeline.sync();
  await timeline.append([{ key: "b", value: "" }], { sync: true });
  assertEquals(counts(), [17, 2, 0, 0]);
  await timeline.freeze();
  await timeline.get("a");
  const read = counts();
  assertEquals([read[2], read[3] >= 2], [1, true]);
  // The second time memory answers.
  await timeline.get("a");
  assertEquals(counts(), read);
  using snapshot = timeline.snapshot();
  await snapshot.getEntry("b", { signal: new AbortController().signal });
  assertEquals(counts()[2], 2);
  const writer = timeline.writable().getWriter();
  for (let i = 0; i < 16; i++) await writer.write({ key: "c", value: "" });
  await writer.close();
  assertEquals(counts().slice(0, 2), [33, 3]);
  const { get, sync } = store.metrics().latencies;
  assert(get.p50Milliseconds > 0 && get.mostMilliseconds >= get.p999Milliseconds);
  assert(sync.p50Milliseconds <= sync.p99Milliseconds);
});
