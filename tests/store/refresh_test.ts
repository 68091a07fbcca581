/** A store that is only read follows the one that writes it, and shows nothing that may be lost. */

import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Store, Timeline } from "../../mod.ts";
import { SeededChoices, SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { systemHost } from "../../src/io/mod.ts";
import { openStoreOn } from "../../src/store/mod.ts";
import { Random, seeds } from "../random.ts";
import { HookedSim } from "../timeline/hooked_sim.ts";
import { BranchModel } from "./branches/branch_model.ts";
import { collect } from "./bytes.ts";
import { assertBatches, Follower } from "./feeds.ts";
import { test, testEach } from "./matrix.ts";
import { Model, type ModelChange, modelRedo, toChange } from "./model.ts";

const KiB = 1024, encoder = new TextEncoder();

/** Appends a batch of some keys, to a model too. */
async function append(timeline: Timeline, model: Model, random: Random): Promise<void> {
  const changes = Array.from({ length: random.from(1, 30) }, (): ModelChange => {
    const key = encoder.encode(`k${random.below(60)}`), bytes = random.bytes(random.below(300));
    if (random.once(4)) return { key, value: undefined, patch: bytes.subarray(0, 40) };
    return { key, value: random.once(5) ? undefined : bytes };
  });
  const lsn = timeline.lastLsn + 1;
  model.append(lsn, changes);
  await timeline.append(changes.map(toChange));
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; !condition(); i++) {
    assert(i < 1000, what);
    await delay(10);
  }
}

testEach(
  "Store.refresh() moves reads on, through seals, merges and a horizon, and no snapshot",
  async (place) => {
    const store = await place.open(),
      timeline = store.timeline(),
      model = new Model(),
      random = new Random(5);
    await append(timeline, model, random);
    await timeline.sync();
    const reader = await place.open({ readOnly: true }), read = reader.timeline();
    using first = read.snapshot();
    const before = await collect(first.scan());
    for (let round = 1; round <= 8; round++) {
      for (let i = 0; i < 20; i++) await append(timeline, model, random);
      if (round === 3) await timeline.freeze();
      if (round === 4) await timeline.compact();
      if (round === 6) await timeline.gc({ history: { lsns: 50 } });
      if (round === 7) await timeline.compact();
      await timeline.sync();
      const { lastLsn } = model;
      assert(read.lastLsn < lastLsn);
      await Promise.all([reader.refresh(), reader.refresh()]);
      assertEquals([read.lastLsn, read.durableLsn], [lastLsn, lastLsn]);
      const { horizon } = reader.timelines()[0];
      assertEquals(horizon, store.timelines()[0].horizon);
      assertEquals(await collect(read.scan()), await collect(timeline.scan()));
      const asked = { from: Math.max(1, horizon), to: lastLsn };
      assertBatches(await collect(read.changes()), model, asked, "what was refreshed");
    }
    assertEquals(await collect(first.scan()), before);
    await store.createTimeline("other");
    await reader.refresh();
    assertEquals(reader.timeline("other").lastLsn, 0);
    await store.refresh();
    await place.close(reader);
    await assertRejects(() => reader.refresh(), Deno.errors.BadResource);
  },
  { segmentBytes: 64 * KiB, redo: modelRedo },
);

testEach("changes() follow the writer of another process, also what nobody syncs, soon", async (place) => {
  const store = await place.open({ upkeep: "slices" }), timeline = store.timeline(), model = new Model();
  const random = new Random(7);
  await timeline.sync();
  const reader = await place.open({ readOnly: true }), follower = new Follower(1, random);
  follower.follow(reader.timeline(), () => reader.timelines()[0].horizon);
  for (let i = 0; i < 120; i++) {
    await append(timeline, model, random);
    if (i % 40 === 9) await timeline.sync();
    if (i % 50 === 30) await timeline.freeze();
    if (i === 90) await timeline.compact();
    if (i % 10 === 0) await delay(15);
  }
  // Nobody syncs the last ones.
  await until(() => follower.position > model.lastLsn, `told up to ${follower.position}`);
  await place.close(reader);
  assert(await follower.ended() instanceof Deno.errors.BadResource);
  assertBatches(follower.told, model, { from: 1, to: model.lastLsn }, "what was followed");
}, { segmentBytes: 64 * KiB });

test("Store.refresh() opens branches that were made, moves them on, and ends those that were deleted", async (place) => {
  const store = await place.open({ flushMilliseconds: 2 }),
    main = store.timeline(),
    model = new BranchModel();
  const fill = async (timeline: Timeline, of: BranchModel) => {
    for (let i = 0; i < 5; i++) {
      const changes = [{ key: encoder.encode(`k${i}`), value: encoder.encode(timeline.name) }];
      of.append(await timeline.append(changes, { sync: true }), changes);
    }
  };
  await fill(main, model);
  const reader = await place.open({ readOnly: true });
  const a = await store.createTimeline("a", { ancestor: "main", lsn: 3 }), aModel = new BranchModel(model, 3);
  await fill(a, aModel);
  const b = await store.createTimeline("b", { ancestor: "a", lsn: 6 }), bModel = new BranchModel(aModel, 6);
  await reader.refresh();
  const read = reader.timeline("b"), feed = read.changes({ from: 2, follow: true }).getReader();
  for (const lsn of [2, 3, 4, 5, 6]) assertEquals((await feed.read()).value?.lsn, lsn);
  const next = feed.read();
  await fill(b, bModel);
  await fill(main, model);
  await main.freeze();
  await main.compact();
  assertEquals((await next).value?.lsn, 7);
  await reader.refresh();
  for (const [name, of] of [["main", model], ["a", aModel], ["b", bModel]] as const) {
    const timeline = reader.timeline(name), { lastLsn } = of;
    assertEquals([timeline.lastLsn, timeline.durableLsn], [lastLsn, lastLsn]);
    assertBatches(await collect(timeline.changes()), of, { from: 1, to: lastLsn }, name);
  }
  // Another one of the same name is not what it was, and what was left is no longer held.
  using snapshot = read.snapshot();
  await store.deleteTimeline("b");
  const again = await store.createTimeline("b");
  await again.append([{ key: "again", value: "" }], { sync: true });
  for (let lsn = 8; lsn <= 11; lsn++) assertEquals((await feed.read()).value?.lsn, lsn);
  const waiting = assertRejects(() => feed.read(), Deno.errors.BadResource, "it was deleted");
  // It finds out by itself.
  await waiting;
  await assertRejects(() => snapshot.get("k1"), Deno.errors.BadResource);
  await assertRejects(() => read.get("k1"), Deno.errors.BadResource, "it was deleted");
  await reader.refresh();
  assertEquals((await collect(reader.timeline("b").changes())).map(({ lsn }) => lsn), [1]);
  const folders = () => [...Deno.readDirSync(place.path)].filter(({ isDirectory }) => isDirectory).length;
  assertEquals(folders(), 4);
  await place.close(store);
  for (let left = 100; folders() > 3 && left > 0; left--) await place.close(await place.open());
  assertEquals(folders(), 3);
});

test("changes() that follow another process end with their signal and with the store", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  const reader = await place.open({ readOnly: true }), controller = new AbortController();
  const feeds = [{ signal: controller.signal }, {}].map((options) =>
    reader.timeline().changes({ follow: true, ...options }).getReader()
  );
  for (const feed of feeds) assertEquals((await feed.read()).value?.lsn, 1);
  const ends = feeds.map((feed) => feed.read().catch((error: unknown) => error));
  await delay(30);
  controller.abort(new Error("enough"));
  assertEquals(`${await ends[0]}`, "Error: enough");
  await place.close(reader);
  assert(await ends[1] instanceof Deno.errors.BadResource);
});

Deno.test("Store.refresh() reads on where it ended, and not all that is not sealed", async () => {
  const engine = new HookedSim(new SimDisk(["/"])), host = systemHost(engine);
  const options = { segmentBytes: 26 * KiB * KiB, flushMilliseconds: 60_000 };
  const store = await openStoreOn(host, "/store", options), timeline = store.timeline();
  const reader = await openStoreOn(host, "/store", { readOnly: true });
  let reads = 0;
  engine.hook = (operation) => void (reads += operation === "read" ? 1 : 0);
  const refresh = async (): Promise<number> => {
    await timeline.sync();
    reads = 0;
    await reader.refresh();
    assertEquals(reader.timeline().lastLsn, timeline.lastLsn);
    return reads;
  };
  for (let i = 0; i < 24; i++) {
    await timeline.append([{ key: `k${i}`, value: new Uint8Array(KiB * KiB).fill(i) }]);
  }
  const all = await refresh();
  assert(all >= 24, `${all} reads`);
  for (let i = 0; i < 5; i++) {
    await timeline.append([{ key: "small", value: `${i}` }]);
    const more = await refresh();
    assert(more <= 8, `${more} reads, ${all} for all of it`);
    assertEquals(new TextDecoder().decode(await reader.timeline().get("small")), `${i}`);
  }
  using snapshot = reader.timeline().snapshot();
  await timeline.append([{ key: "small", delete: true }]);
  await refresh();
  // The index grows under a snapshot that does not.
  assertEquals([await snapshot.count(), await reader.timeline().count()], [25, 24]);
  assertEquals((await collect(reader.timeline().changes())).map(({ lsn }) => lsn).at(-1), 30);
  await reader.close();
  await store.close();
});

Deno.test("Store.refresh() shows nothing that is lost when the power fails then", async () => {
  for (const seed of seeds("refreshed and lost", 12)) {
    const random = new Random(seed), disk = new SimDisk(["/"]);
    const open = (on: SimDisk, readOnly = false): Promise<Store> =>
      openStoreOn(systemHost(new SimEngine({ disk: on })), "/store", {
        readOnly,
        segmentBytes: 64 * KiB,
        flushMilliseconds: 2,
        upkeep: "manual",
        redo: modelRedo,
      });
    const store = await open(disk), timeline = store.timeline(), model = new Model();
    await append(timeline, model, random);
    await timeline.sync();
    const reader = await open(disk, true);
    for (let i = 0; i < 25; i++) {
      for (let n = random.from(1, 12); n > 0; n--) await append(timeline, model, random);
      if (random.once(5)) await timeline.sync();
      if (random.once(9)) await timeline.freeze();
      await delay(random.below(6));
      await reader.refresh();
      const shown = reader.timeline().lastLsn, left = await open(disk.crash(new SeededChoices(seed + i)));
      assert(left.timeline().lastLsn >= shown, `${shown} was shown, ${left.timeline().lastLsn} is left`);
      const told = await collect(left.timeline().changes({ to: shown }));
      assertBatches(told, model, { from: 1, to: shown }, "what is left");
      await left.close();
    }
    assert(reader.timeline().lastLsn > 1);
    await reader.close();
    await store.close();
  }
});
