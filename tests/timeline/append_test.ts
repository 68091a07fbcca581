/** Appending: how much may wait, what is shared, and what a stream of changes becomes. */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Batch, type Change, IoError, LimitError, type Timeline } from "../../mod.ts";
import { errno, Gate, HookedEngine } from "../store/hooked_engine.ts";
import { collect, patterned } from "../store/bytes.ts";
import { Place, test, testEach } from "../store/matrix.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

async function lsnsOf(timeline: Timeline, key: string): Promise<number[]> {
  return (await collect(timeline.history(key))).map(({ lsn }) => lsn);
}

testEach("Timeline.append() bounds what waits when it is awaited", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  let waiting = 0, frozen = 0;
  for (let i = 0; i < 300; i++) {
    await timeline.append([{ key: `k${i}`, value: patterned(50 * KiB, i) }]);
    waiting = Math.max(waiting, store.metrics().waitingBytes);
    frozen = Math.max(frozen, store.metrics().frozenLayers);
  }
  assert(frozen <= 4, `${frozen} frozen layers`);
  assert(waiting <= 10 * MiB, `${waiting} bytes waited`);
  await timeline.sync();
  assertEquals(timeline.durableLsn, 300);
}, { segmentBytes: 64 * KiB });

test("Timeline.append() waits for sealing when each append is synced", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered", segmentBytes: 64 * KiB });
  const store = await place.open();
  const timeline = store.timeline();
  const gate = new Gate();
  engine.hook = (operation, path) => operation === "sync" && path.endsWith(".seg") ? gate.wait() : undefined;
  const append = (i: number) =>
    timeline.append([{ key: `k${i}`, value: patterned(70 * KiB, i) }], { sync: true });
  for (let i = 0; i < 3; i++) await append(i);
  let isHeld = true;
  const held = append(3).then(() => isHeld = false);
  assertEquals(await timeline.sync(), 4);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assertEquals([isHeld, store.metrics().frozenLayers], [true, 3]);
  gate.open();
  await held;
});

test("Timeline.sync() is refused when the file of a new segment finds a full disk", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered" });
  const timeline = (await place.open()).timeline();
  engine.hook = (operation, path) => {
    if (operation === "open") throw errno("ENOSPC", operation, path);
  };
  const appended = timeline.append([{ key: "a", value: "1" }]);
  await assertRejects(() => timeline.sync(), IoError, "ENOSPC");
  assertEquals([await appended, timeline.durableLsn], [1, 0]);
  engine.hook = () => {};
  assertEquals(await timeline.sync(), 1);
});

test("Timeline.append() refuses with a LimitError when it is never awaited", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const value = patterned(MiB, 1);
  const appended: Promise<number>[] = [];
  let refusal: unknown;
  for (let i = 0; i < 400 && refusal === undefined; i++) {
    const promise = timeline.append([{ key: `k${i}`, value }]);
    // What was refused was refused at once: its LSN was not taken.
    if (timeline.lastLsn > i) appended.push(promise);
    else refusal = await promise.catch((error: unknown) => error);
  }
  assert(refusal instanceof LimitError);
  assert(store.metrics().waitingBytes <= 18 * MiB);
  assertEquals(await Promise.all(appended), appended.map((_, i) => i + 1));
  const lsn = await timeline.append([{ key: "after", value: "1" }], { sync: true });
  assertEquals([lsn, timeline.durableLsn], [appended.length + 1, appended.length + 1]);
  assertEquals(await timeline.getMany([`k${lsn - 1}`, `k${lsn - 2}`]), [undefined, value]);
}, { memoryBytes: 16 * MiB });

test("Timeline.sync() is shared when it is called many times at once", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  const before = store.metrics().syncs;
  assertEquals(await Promise.all(Array.from({ length: 50 }, () => timeline.sync())), Array(50).fill(1));
  assertEquals(store.metrics().syncs, before + 1);
  assertEquals(await timeline.sync(), 1);
  assertEquals(store.metrics().syncs, before + 1);
});

test("Timeline.sync() covers what was appended while another sync was under way", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered" });
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }], { sync: true });
  const gate = new Gate();
  engine.hook = (operation, path) => operation === "write" && path.endsWith(".seg") ? gate.wait() : undefined;
  await timeline.append([{ key: "a", value: "2" }]);
  const first = timeline.sync();
  await gate.reached;
  const others = Array.from({ length: 5 }, () => timeline.append([{ key: "a", value: "3" }], { sync: true }));
  gate.open();
  assert(await first >= 2);
  await Promise.all(others);
  assertEquals(timeline.durableLsn, 7);
  assertEquals(store.metrics().syncs, 3);
});

test("Timeline.append() keeps what changes yield when they append themselves", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.append([{ key: "first", value: "0" }]);
  const inner: Promise<number>[] = [];
  function* changes(): Generator<Change> {
    yield { key: "a", value: "1" };
    inner.push(timeline.append([{ key: "inner", value: "2" }]));
    yield { key: "b", value: "3" };
  }
  assertEquals([await timeline.append(changes()), await inner[0]], [3, 2]);
  assertEquals(await Promise.all(["a", "inner", "b"].map((key) => lsnsOf(timeline, key))), [[3], [2], [3]]);
});

test("Timeline.append() applies nothing of a batch when one of its changes is wrong", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const wrong = { key: "", value: "" };
  await assertRejects(() => timeline.append([{ key: "a", value: "1" }, wrong]), LimitError);
  function* failing(): Generator<Change> {
    yield { key: "a", value: "1" };
    throw new Error("no more");
  }
  await assertRejects(() => timeline.append(failing()), Error, "no more");
  assertEquals([timeline.lastLsn, await timeline.get("a"), store.metrics().batches], [0, undefined, 0]);
  assertEquals(await timeline.append([{ key: "b", value: "1" }]), 1);
  assertEquals(await timeline.get("a"), undefined);
});

test("Timeline.append() takes an LSN for a batch without changes, which stays when the store is reopened", async (place) => {
  const store = await place.open();
  assertEquals(await store.timeline().append([]), 1);
  assertEquals(await store.timeline().append(new Batch(), { lsn: 7 }), 7);
  assertEquals([store.metrics().batches, store.metrics().changes], [2, 0]);
  await place.close(store);
  const timeline = (await place.open()).timeline();
  assertEquals([timeline.lastLsn, timeline.durableLsn], [7, 7]);
  await timeline.freeze();
  assertEquals(await collect(timeline.scan()), []);
  assertEquals(timeline.layers().map(({ lastLsn, versions }) => [lastLsn, versions]), [[7, 0]]);
});

test("Timeline.writable() makes one batch of each change, array and batch", async (place) => {
  const timeline = (await place.open()).timeline();
  const chunks: (Change | Change[] | Batch)[] = [
    { key: "a", value: "1" },
    [{ key: "a", value: "2" }, { key: "b", value: "2" }],
    new Batch().put("b", "3").delete("a"),
    [],
  ];
  await ReadableStream.from(chunks).pipeTo(timeline.writable());
  assertEquals([timeline.lastLsn, timeline.durableLsn], [4, 4]);
  assertEquals(await lsnsOf(timeline, "a"), [1, 2, 3]);
  assertEquals(await lsnsOf(timeline, "b"), [2, 3]);
});

test("Timeline.writable() makes each chunk durable before the next when it was asked to", async (place) => {
  const timeline = (await place.open()).timeline();
  const writer = timeline.writable({ sync: true }).getWriter();
  for (let i = 1; i <= 5; i++) {
    await writer.write({ key: "a", value: `${i}` });
    assertEquals(timeline.durableLsn, i);
  }
  await writer.close();
});

test("Timeline.writable() leaves what was written when it is aborted", async (place) => {
  const timeline = (await place.open()).timeline();
  const writer = timeline.writable().getWriter();
  await writer.write({ key: "a", value: "1" });
  await writer.abort(new Error("enough"));
  assertEquals([timeline.lastLsn, await lsnsOf(timeline, "a")], [1, [1]]);
  assertEquals(await timeline.append([{ key: "a", value: "2" }]), 2);
});

test("Timeline.writable() fails and applies nothing of a chunk when the chunk is wrong", async (place) => {
  const timeline = (await place.open()).timeline();
  const writer = timeline.writable().getWriter();
  await writer.write({ key: "a", value: "1" });
  await assertRejects(() => writer.write([{ key: "b", value: "2" }, { key: "", value: "" }]), LimitError);
  await assertRejects(() => writer.closed, LimitError);
  assertEquals([timeline.lastLsn, await timeline.get("b")], [1, undefined]);
});

test("Timeline.writable() holds its source back when the disk is slow", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered" });
  const store = await place.open();
  const gate = new Gate();
  engine.hook = (operation, path) => operation === "write" && path.endsWith(".seg") ? gate.wait() : undefined;
  let produced = 0;
  const source = new ReadableStream<Change>({
    pull: (controller) => {
      if (produced === 200) return controller.close();
      controller.enqueue({ key: `k${produced}`, value: patterned(256 * KiB, produced++) });
    },
  });
  const piped = source.pipeTo(store.timeline().writable());
  await gate.reached;
  // Five buffers of 1 MiB, and a queue of 64 chunks that were not written.
  for (let i = 0; i < 1000; i++) await Promise.resolve();
  assert(produced < 120, `${produced} chunks were produced`);
  assert(store.metrics().waitingBytes <= 8 * MiB);
  gate.open();
  await piped;
  assertEquals(store.timeline().durableLsn, 200);
});
