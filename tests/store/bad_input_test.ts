/** What bad input gets: its own class of error, and nothing is changed by it. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Batch,
  type Change,
  type Key,
  type KeyVec,
  LimitError,
  LsnError,
  type ScanRange,
  Store,
  type StoreOptions,
} from "../../mod.ts";
import { collect, patterned } from "./bytes.ts";
import { test, testEach } from "./matrix.ts";

/** What a caller without types may pass. */
function wrong<T>(value: unknown): T {
  return value as T;
}

test("Timeline.append() refuses keys and values over their limits and applies nothing", async (place) => {
  const timeline = (await place.open()).timeline();
  const good = { key: "good", value: "1" };
  const tooLong = new Uint8Array(64 * 2 ** 20 + 1);
  const refused: Change[] = [
    { key: "", value: "" },
    { key: new Uint8Array(0), value: "" },
    { key: new Uint8Array(513), value: "" },
    { key: "é".repeat(257), value: "" },
    { key: "", delete: true },
    { key: "a", value: tooLong },
  ];
  for (const change of refused) await assertRejects(() => timeline.append([good, change]), LimitError);
  for (const key of ["", new Uint8Array(513), "é".repeat(257)]) {
    assertThrows(() => new Batch().put(key, ""), LimitError);
    await assertRejects(() => timeline.get(key), LimitError);
    await assertRejects(() => timeline.getMany([key]), LimitError);
    await assertRejects(() => collect(timeline.getVectored([key])), LimitError);
    assertThrows(() => timeline.history(key), LimitError);
  }
  assertThrows(() => new Batch().put("a", tooLong), LimitError);
  assertEquals([timeline.lastLsn, await timeline.get("good")], [0, undefined]);
  assertEquals(await timeline.append([{ key: new Uint8Array(512), value: tooLong.subarray(1) }]), 1);
  assertEquals((await timeline.get(new Uint8Array(512)))?.length, 64 * 2 ** 20);
});

test("Timeline.append() refuses LSNs that do not increase or are none", async (place) => {
  const timeline = (await place.open()).timeline();
  const append = (lsn: unknown) => timeline.append([{ key: "a", value: "1" }], { lsn: wrong<number>(lsn) });
  await append(10);
  for (const lsn of [10, 9, 1]) await assertRejects(() => append(lsn), LsnError);
  for (const lsn of [0, -1, 10.5, NaN, Infinity, 2 ** 53]) await assertRejects(() => append(lsn), RangeError);
  for (const lsn of ["11", 11n, null]) await assertRejects(() => append(lsn), TypeError);
  assertEquals(timeline.lastLsn, 10);
  assertEquals(await append(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  await assertRejects(() => append(undefined), LsnError);
  assertEquals(await timeline.get("a", { lsn: 2 ** 53 - 2 }), new Uint8Array([0x31]));
});

test("Timeline refuses to read as of LSNs that are beyond the last or none", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  const calls: ((lsn: number) => unknown)[] = [
    (lsn) => timeline.get("a", { lsn }),
    (lsn) => timeline.getMany(["a"], { lsn }),
    (lsn) => timeline.getVectored(["a"], { lsn }),
    (lsn) => timeline.scan({}, { lsn }),
    (lsn) => timeline.history("a", { to: lsn }),
    (lsn) => timeline.snapshot(lsn),
  ];
  for (const call of calls) {
    const reading = async (lsn: unknown) => await call(wrong<number>(lsn));
    await assertRejects(() => reading(2), LsnError);
    for (const lsn of [-1, 0.5, 2 ** 53]) await assertRejects(() => reading(lsn), RangeError);
    await assertRejects(() => reading("1"), TypeError);
  }
  assertThrows(() => timeline.history("a", { from: -1 }), RangeError);
  assertEquals(await timeline.get("a", { lsn: 0 }), undefined);
});

test("Timeline refuses arguments of wrong types", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  for (
    const changes of [undefined, null, 5, "text", {}, [null], [5], [{}], [{ key: "a" }], [{
      key: 5,
      value: "",
    }]]
  ) {
    await assertRejects(() => timeline.append(wrong<Change[]>(changes)), TypeError);
  }
  for (
    const change of [{ key: "a", value: 5 }, { key: "a", value: "", delete: true }, {
      key: "a",
      delete: false,
    }]
  ) {
    await assertRejects(() => timeline.append(wrong<Change[]>([change])), TypeError);
  }
  assertThrows(() => new Batch().put(wrong<Key>(undefined), ""), TypeError);
  assertThrows(() => new Batch().delete(wrong<Key>([null])), TypeError);
  for (const key of [undefined, null, 5, {}, new ArrayBuffer(4), { base: "a" }]) {
    await assertRejects(() => timeline.get(wrong<Key>(key)), TypeError);
    await assertRejects(() => collect(timeline.getVectored(wrong<Key[]>([key]))), TypeError);
    await assertRejects(async () => await collect(timeline.history(wrong<Key>(key))), TypeError);
  }
  for (const count of [0, -1, 1.5, NaN, 300, "3"]) {
    const vec = wrong<KeyVec>({ base: new Uint8Array([0]), count });
    await assertRejects(() => collect(timeline.getVectored([vec])), RangeError);
  }
  for (const range of [{ start: 5 }, { end: {} }, { prefix: [{}] }, { limit: "5" }]) {
    assertThrows(() => timeline.scan(wrong<ScanRange>(range)), TypeError);
  }
  for (const limit of [-1, 0.5, NaN]) assertThrows(() => timeline.scan({ limit }), RangeError);
  await assertRejects(() => store.createTimeline(wrong<string>(5)), TypeError);
  await assertRejects(() => store.createTimeline(""), RangeError);
  await assertRejects(() => store.createTimeline("x".repeat(129)), RangeError);
  await assertRejects(() => store.createTimeline("a\ud800"), RangeError, "lone surrogate");
  await assertRejects(() => store.createTimeline("main"), Deno.errors.AlreadyExists);
  assertThrows(() => store.timeline("side"), Deno.errors.NotFound);
  assertEquals([timeline.lastLsn, store.metrics().views], [0, 0]);
});

test("Store.open() refuses options that are wrong before it touches anything", async (place) => {
  const types: unknown[] = [
    5,
    { create: 1 },
    { readOnly: "yes" },
    { segmentBytes: "1" },
    { cacheBytes: null },
    {
      ioMode: 5,
    },
    { ioEngine: 5 },
    { strict: 1 },
    null,
  ];
  for (const options of types) {
    await assertRejects(
      () => Store.open(place.path, wrong<StoreOptions>(options)),
      TypeError,
      undefined,
      `${options}`,
    );
  }
  const ranges: unknown[] = [{ segmentBytes: 1 }, { segmentBytes: 2 ** 31 }, { memoryBytes: 1 }, {
    cacheBytes: 0.5,
  }, {
    ioMode: "indirect",
  }, { ioEngine: "magic" }];
  for (const options of ranges) {
    await assertRejects(() => Store.open(place.path, wrong<StoreOptions>(options)), RangeError);
  }
  for (const path of [5, null, undefined, ""]) {
    await assertRejects(() => Store.open(wrong<string>(path)), TypeError);
  }
  await assertRejects(() => Store.open(new URL("https://example.com/store")), TypeError);
  assertEquals(place.files(/manifest|seg/), []);
});

testEach("Store refuses every use with BadResource when it is closed", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "1" }]);
  const snapshot = timeline.snapshot();
  const writer = timeline.writable().getWriter();
  const unread = timeline.scan();
  await place.close(store);
  const calls: (() => unknown)[] = [
    () => store.timeline(),
    () => store.timelines(),
    () => store.createTimeline("side"),
    () => timeline.append([{ key: "a", value: "1" }]),
    () => timeline.sync(),
    () => timeline.freeze(),
    () => timeline.get("a"),
    () => timeline.getMany(["a"]),
    () => timeline.getVectored(["a"]),
    () => timeline.scan(),
    () => timeline.history("a"),
    () => timeline.snapshot(),
    () => timeline.layers(),
    () => timeline.writable(),
    () => snapshot.get("a"),
    () => snapshot.getMany(["a"]),
    () => snapshot.getVectored(["a"]),
    () => snapshot.scan(),
    () => collect(unread),
    () => writer.write({ key: "a", value: "1" }),
    () => writer.closed,
  ];
  for (const call of calls) await assertRejects(async () => await call(), Deno.errors.BadResource);
  await store.close();
  assertEquals(timeline.lastLsn, 1);
});

test("Snapshot refuses to read when it was disposed of", async (place) => {
  const timeline = (await place.open()).timeline();
  const snapshot = timeline.snapshot();
  snapshot[Symbol.dispose]();
  await assertRejects(() => snapshot.get("a"), Deno.errors.BadResource);
  assertThrows(() => snapshot.scan(), Deno.errors.BadResource);
});

test("Store.close() is one close when it is called again and used by many", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const appended = Array.from(
    { length: 5 },
    (_, i) => timeline.append([{ key: `k${i}`, value: patterned(10, i) }]),
  );
  await Promise.all([place.close(store), store.close(), store[Symbol.asyncDispose]()]);
  assertEquals(await Promise.all(appended), [1, 2, 3, 4, 5]);
  assertEquals((await place.open()).timeline().lastLsn, 5);
});
