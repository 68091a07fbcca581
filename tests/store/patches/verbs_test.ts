/** Patches beside the other verbs: expectations, keyspaces, shards. */

import { assertEquals, assertRejects } from "@std/assert";
import { Batch, encodeKey, json, ShardError, shardOf, text } from "../../../mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";
import { expects, redo, textOf, write } from "./fixture.ts";

test("A patch is a version that can be expected, with and without what it stands on", async (place: Place) => {
  let store = await place.open({ redo, cacheBytes: 64 * 1024 }), timeline = store.timeline();
  await write(timeline, "a=1 a+2 b+3 c=4 c! c+5");
  const check = async (when: string) => {
    const found = [];
    for (
      const [key, lsn] of [["a", 2], ["a", 1], ["a", undefined], ["b", 3], ["b", undefined], ["c", 6], [
        "c",
        5,
      ]] as const
    ) {
      found.push(await expects(timeline, key, lsn));
    }
    assertEquals(found, [true, 2, 2, true, 3, true, 6], when);
  };
  await check("in memory");
  await timeline.freeze();
  await check("sealed");
  await timeline.compact();
  await place.close(store);
  // Nobody needs redo to expect something, and pages are not in the cache.
  store = await place.open();
  timeline = store.timeline();
  await check("merged");
  const lsn = await timeline.append([{ key: "a", patch: "6" }, { key: "a", patch: "7" }], {
    expect: [{ key: "a", lsn: 2 }],
  });
  assertEquals(await expects(timeline, "a", lsn), true);
  const { error } = await timeline.getEntry("a").then(() => ({ error: undefined }), (error) => ({ error }));
  assertEquals(error.lsn, lsn);
});

test("Batches that wait for their expectations apply their patches in order", async (place: Place) => {
  let store = await place.open({ redo }), timeline = store.timeline();
  await write(timeline, "a=1 b=1");
  await timeline.compact();
  await place.close(store);
  store = await place.open({ redo, cacheBytes: 64 * 1024 });
  timeline = store.timeline();
  const batch = new Batch().put("b", "2").patch("b", "3").patch("a", "4").patch("a", "5");
  const appended = timeline.append(batch, { expect: [{ key: "a", lsn: 1 }] });
  assertEquals(timeline.lastLsn, 2, "it waits for pages");
  batch.clear();
  batch.patch("z", "overwritten");
  await appended;
  assertEquals((await timeline.getMany(["a", "b"])).map(textOf), ["1+4+5", "2+3"]);
  await place.close(store);
  assertEquals((await (await place.open({ redo })).timeline().getMany(["a", "b"])).map(textOf), [
    "1+4+5",
    "2+3",
  ]);
});

test("A keyspace patches with bytes as they are, and reads what its codec makes of what came of them", async (place: Place) => {
  const store = await place.open({
    redo: (_key, base, patches) => {
      const list = base === undefined ? [] : JSON.parse(textOf(base)!);
      return new TextEncoder().encode(JSON.stringify([...list, ...patches.map(textOf)]));
    },
  });
  const timeline = store.timeline(), lists = timeline.under(["list"]).as(json<string[]>());
  await lists.append([{ key: [1], value: ["a"] }, { key: [1], patch: "b" }]);
  await lists.append([{ key: [1], patch: new TextEncoder().encode("c") }, { key: [2], patch: "d" }]);
  await timeline.append([lists.changeOf({ key: [2], patch: "e" })]);
  const check = async () => {
    assertEquals(await lists.getMany([[1], [2]]), [["a", "b", "c"], ["d", "e"]]);
    assertEquals((await collect(lists.scan())).map(({ value }) => value.length), [3, 2]);
    assertEquals((await collect(lists.history([1]))).map(({ value }) => value), [["a", "b"], [
      "a",
      "b",
      "c",
    ]]);
    assertEquals(await timeline.under(["list"]).as(text()).get([2]), '["d","e"]');
    const [first, second] = await collect(lists.changes({ to: 2 }));
    const [one, two] = [[1], [2]].map((parts) => encodeKey(parts)), bytes = new TextEncoder();
    assertEquals(first.changes, [{ key: one, value: ["a"] }, { key: one, patch: bytes.encode("b") }]);
    assertEquals(
      second.changes,
      [{ key: one, patch: bytes.encode("c") }, { key: two, patch: bytes.encode("d") }],
    );
    assertEquals((await collect(lists.diff(1, 3))).map(({ before, after }) => [before, after]), [
      [["a", "b"], ["a", "b", "c"]],
      [undefined, ["d", "e"]],
    ]);
  };
  await check();
  await timeline.compact();
  await check();
  for (
    const wrong of [{ key: [1], value: ["a"], patch: "b" }, { key: [1], patch: ["b"] }, {
      key: [1],
      patch: undefined,
    }]
  ) {
    await assertRejects(() => lists.append([wrong as never]), TypeError);
  }
  assertEquals(timeline.lastLsn, 3);
});

test("A patch of a key of another store is refused, and nothing of its batch is applied", async (place: Place) => {
  const shard = { index: 0, count: 2 }, timeline = (await place.open({ redo, shard })).timeline();
  const names = Array.from({ length: 20 }, (_, i) => `k${i}`);
  const own = names.find((name) => shardOf(encodeKey([name]), shard) === 0)!;
  const foreign = names.find((name) => shardOf(encodeKey([name]), shard) === 1)!;
  const changes = [{ key: [own], patch: "1" }, { key: [foreign], patch: "2" }];
  await assertRejects(() => timeline.append(changes), ShardError);
  const batch = new Batch();
  for (const { key, patch } of changes) batch.patch(key, patch);
  await assertRejects(() => timeline.append(batch), ShardError);
  assertEquals(timeline.lastLsn, 0);
  await timeline.append(changes.slice(0, 1));
  assertEquals(textOf(await timeline.get([own])), "-+1");
});
