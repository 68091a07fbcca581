/** Stores among which keys are divided. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  Batch,
  decodeKey,
  encodeKey,
  type Key,
  ShardError,
  shardOf,
  type ShardOptions,
  Store,
  type StoreOptions,
} from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { collect } from "./bytes.ts";
import { test, testEach } from "./matrix.ts";
import { Model } from "./model.ts";

/** The first key of a shard, and one of another. */
function keysFor(options: ShardOptions): [own: Key, foreign: Key] {
  const keys: Key[] = Array.from({ length: 100 }, (_, i) => ["user", i]);
  const isOwn = (key: Key) => shardOf(key, options) === options.index;
  return [keys.find(isOwn)!, keys.find((key) => !isOwn(key))!];
}

test("Timeline.append() refuses a key of another shard, and applies nothing of its batch", async (place) => {
  const shard = { index: 1, count: 3 }, [own, foreign] = keysFor(shard);
  const timeline = (await place.open({ shard })).timeline();
  const good = { key: own, value: "1" };
  const appends = [
    () => timeline.append([good, { key: foreign, value: "" }]),
    () => timeline.append([good, { key: foreign, delete: true }]),
    () => timeline.append(new Batch().put(own, "1").put(foreign, "2").put(own, "3")),
    () =>
      timeline.append([good], { expect: [{ key: own, lsn: undefined }, { key: foreign, lsn: undefined }] }),
    () =>
      timeline.under(["user"]).append([{ key: [decodeKey(encodeKey(foreign as [])).at(-1)!], value: "" }]),
  ];
  for (const append of appends) {
    const error = await assertRejects(append, ShardError);
    assertEquals([error.index, error.count, error.owner], [1, 3, shardOf(foreign, shard)]);
    assertEquals(error.key, encodeKey(foreign as []));
    assertEquals([timeline.lastLsn, await timeline.count()], [0, 0]);
  }
  const writer = timeline.writable().getWriter();
  writer.closed.catch(() => {});
  await assertRejects(() => writer.write([good, { key: foreign, value: "" }]), ShardError);
  assertEquals(await timeline.append([]), 1);
  assertEquals(await timeline.append(new Batch().put(own, "1")), 2);
});

test("a timeline and a snapshot refuse to read what names a key of another shard", async (place) => {
  const shard = { index: 0, count: 2 }, [own, foreign] = keysFor(shard);
  const timeline = (await place.open({ shard })).timeline();
  await timeline.append([{ key: own, value: "1" }]);
  using snapshot = timeline.snapshot();
  for (const reader of [timeline, snapshot]) {
    const reads: (() => Promise<unknown>)[] = [
      () => reader.get(foreign),
      () => reader.getEntry(foreign),
      () => reader.getMany([own, foreign]),
      () => collect(reader.getVectored([own, foreign])),
      () => collect(reader.getVectored([{ base: foreign, count: 1 }])),
      () => reader.explain([foreign]),
      () => reader.under([]).get(foreign),
      () => reader.under([]).getMany([foreign]),
    ];
    for (const read of reads) await assertRejects(read, ShardError);
    assertThrows(() => reader.history(foreign), ShardError);
    assertThrows(() => reader.under([]).history(foreign), ShardError);
    assertEquals((await reader.getMany([own])).length, 1);
    assertEquals(await reader.count({ start: foreign, end: foreign }), 0);
    assertEquals((await collect(reader.scan())).length, 1);
    assertEquals((await collect(reader.history(own))).length, 1);
  }
});

test("a store takes every key where no shard is given, also what another opening refused", async (place) => {
  const shard = { index: 0, count: 2 }, [own, foreign] = keysFor(shard);
  let store = await place.open({ shard });
  await store.timeline().append([{ key: own, value: "1" }]);
  await place.close(store);
  store = await place.open();
  await store.timeline().append([{ key: foreign, value: "2" }]);
  assertEquals(await store.timeline().count(), 2);
  await place.close(store);
  const reader = await place.open({ shard: { index: 1, count: 2 }, readOnly: true });
  await assertRejects(() => reader.timeline().get(own), ShardError);
  assertEquals((await collect(reader.timeline().scan())).length, 2);
});

test("a stripe that returns no bytes, or throws, refuses the append and the read", async (place) => {
  let answer: unknown = "a";
  const stripe = () => {
    if (answer instanceof Error) throw answer;
    return answer as Uint8Array;
  };
  const timeline = (await place.open({ shard: { index: 0, count: 1, stripe } })).timeline();
  for (const wrong of ["a", undefined, [1], new Uint16Array(1)]) {
    answer = wrong;
    await assertRejects(() => timeline.append([{ key: "a", value: "" }]), TypeError, '"stripe"');
    await assertRejects(() => timeline.get("a"), TypeError, '"stripe"');
  }
  answer = new RangeError("no stripe");
  await assertRejects(() => timeline.append([{ key: "a", value: "" }]), RangeError, "no stripe");
  answer = new Uint8Array(0);
  assertEquals(await timeline.append([{ key: "a", value: "" }]), 1);
});

test("Store.open() refuses shards that cannot be before it touches anything", async (place) => {
  const open = (shard: unknown) => Store.open(place.path, { shard } as StoreOptions);
  for (const shard of [null, 5, {}, { index: 0, count: 2, stripe: 5 }, { index: "0", count: 2 }]) {
    await assertRejects(() => open(shard), TypeError, "Cannot open store", `${shard}`);
  }
  for (const [index, count] of [[2, 2], [-1, 2], [0, 0], [0, 65537]]) {
    await assertRejects(() => open({ index, count }), RangeError, "Cannot open store");
  }
  assertEquals(place.files(/./), []);
});

testEach("stores of all shards have together what one store would have", async (place) => {
  for (const seed of seeds("shards", 1)) {
    const random = new Random(seed), count = random.from(1, 4), model = new Model();
    const stripe = random.once(2) ? (key: Uint8Array) => key.subarray(0, 12) : undefined;
    const shards = Array.from({ length: count }, (_, index) => place.within(`${seed}-${index}`));
    const stores = await Promise.all(
      shards.map((own, index) => own.open({ shard: { index, count, stripe } })),
    );
    const timelines = stores.map((store) => store.timeline());
    for (let lsn = 1; lsn <= 60; lsn++) {
      const changes = Array.from({ length: random.from(1, 8) }, () => {
        return {
          key: encodeKey(["user", random.below(20), random.below(3)]),
          value: random.bytes(random.from(1, 30)),
        };
      });
      model.append(lsn, changes);
      const parts = Map.groupBy(changes, ({ key }) => shardOf(key, { count, stripe }));
      for (const [shard, own] of parts) {
        const other = timelines[(shard + 1) % count];
        if (count > 1) assertInstanceOf(await other.append(own).catch((error: unknown) => error), ShardError);
        await timelines[shard].append(own, { lsn });
      }
      if (random.once(10)) await random.pick(timelines).freeze();
    }
    const found = (await Promise.all(timelines.map((timeline) => collect(timeline.scan())))).flat();
    const expected = model.scan({}, model.lastLsn);
    assertEquals(
      found.map(({ key, value, lsn }) => [key.toHex(), value.toHex(), lsn]).sort(),
      expected.map(({ key, version }) => [key.toHex(), version.value!.toHex(), version.lsn]).sort(),
    );
    assert(
      stripe === undefined || new Set(expected.map(({ key }) => key.toHex().slice(0, 24))).size >= count,
    );
    for (const [i, own] of shards.entries()) {
      await own.close(stores[i]);
      await own[Symbol.asyncDispose]();
    }
  }
});
