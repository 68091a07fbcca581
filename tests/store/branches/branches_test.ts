/** Branches: what makes one, what is refused, what it holds, and what is left when it is deleted. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { LsnError, ReadOnlyError, type Store, type Timeline, VarveError } from "../../../mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";

const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

/** Puts a key at LSNs `from` to `to`, each with its LSN as the value. */
async function write(timeline: Timeline, key: string, from: number, to: number): Promise<void> {
  for (let lsn = from; lsn <= to; lsn++) await timeline.append([{ key, value: `${lsn}` }], { lsn });
}

async function branched(place: Place): Promise<{ store: Store; main: Timeline; side: Timeline }> {
  const store = await place.open(), main = store.timeline();
  await write(main, "a", 1, 20);
  return { store, main, side: await store.createTimeline("side", { ancestor: "main", lsn: 10 }) };
}

function horizonOf(store: Store, name: string): number {
  return store.timelines().find((info) => info.name === name)!.horizon;
}

test("Store.createTimeline() makes a branch by one edit, and copies nothing", async (place) => {
  const { store, main, side } = await branched(place);
  await main.freeze();
  const before = place.files().map((path) => [path, Deno.statSync(path).size]);
  const other = await store.createTimeline("other", { ancestor: "main" });
  assertEquals([other.lastLsn, other.durableLsn], [20, 20]);
  const grown = place.files().filter((path, i) => path !== before[i]?.[0]);
  assertEquals(grown, [], "no file is made");
  assertEquals([side.lastLsn, await side.append([{ key: "b", value: "1" }])], [10, 11]);
  assertEquals([text(await side.get("a")), text(await main.get("a")), text(await other.get("a"))], [
    "10",
    "20",
    "20",
  ]);
  assertEquals(store.timelines().map(({ name, ancestor }) => [name, ancestor]), [
    ["main", undefined],
    ["side", { name: "main", lsn: 10 }],
    ["other", { name: "main", lsn: 20 }],
  ]);
  await assertRejects(() => side.append([], { lsn: 10 }), LsnError, "the last LSN is 11");
});

test("A get that memory answers looks at each timeline as of its LSN", async (place) => {
  const { store, main, side } = await branched(place);
  const deep = await store.createTimeline("deep", { ancestor: "side" });
  await side.append([{ key: "b", value: "side" }]);
  await deep.append([{ key: "c", value: "deep" }, { key: "d", delete: true }], { lsn: 30 });
  await main.append([{ key: "d", value: "main" }], { lsn: 30 });
  const before = store.metrics();
  const values = await Promise.all(["a", "b", "c", "d"].map((key) => deep.get(key)));
  assertEquals(values.map(text), ["10", undefined, "deep", undefined]);
  assertEquals([text(await deep.get("a", { lsn: 10 })), text(await deep.get("a", { lsn: 4 }))], ["10", "4"]);
  assertEquals((await deep.getEntry("a")).lsn, 10);
  const { keysRead, latencies } = store.metrics();
  assertEquals([keysRead - before.keysRead, latencies.get.count], [7, 0], "none of them has waited");
});

test("Store.createTimeline() makes what a branch goes on from durable before the branch", async (place) => {
  const store = await place.open({ flushMilliseconds: 60_000 }), main = store.timeline();
  await main.append([{ key: "a", value: "1" }]);
  assertEquals(main.durableLsn, 0);
  const side = await store.createTimeline("side", { ancestor: "main" });
  assertEquals([main.durableLsn, side.durableLsn], [1, 1]);
  await using crashed = await place.copy();
  const left = await crashed.open();
  assertEquals(text(await left.timeline("side").get("a")), "1");
});

test("Store.createTimeline() refuses what cannot be, and applies nothing", async (place) => {
  const { store, main } = await branched(place);
  await store.createTimeline("deep", { ancestor: "side", lsn: 4 });
  const before = store.timelines();
  // deno-lint-ignore no-explicit-any
  const make = (options: any, name = "new") => () => store.createTimeline(name, options);
  await assertRejects(make({ ancestor: "main", lsn: 21 }), LsnError, "the last LSN is 20");
  await assertRejects(make({ ancestor: "none" }), Deno.errors.NotFound, 'timeline "none"');
  await assertRejects(make({ ancestor: "new" }), Deno.errors.NotFound);
  await assertRejects(make({ ancestor: "main" }, "side"), Deno.errors.AlreadyExists);
  await assertRejects(make({ lsn: 3 }), TypeError, '"lsn" is that of an "ancestor"');
  await assertRejects(make({ ancestor: main }), TypeError);
  await assertRejects(make({ ancestor: "main", lsn: "3" }), TypeError);
  await assertRejects(make({ ancestor: "main", lsn: -1 }), RangeError);
  await assertRejects(make({ ancestor: "main", lsn: 1.5 }), RangeError);
  await assertRejects(make({ parent: "main" }), TypeError);
  await store.deleteTimeline("deep");
  await main.gc({ history: { lsns: 13 } });
  const below = await assertRejects(make({ ancestor: "main", lsn: 6 }), LsnError, "it is below the horizon");
  assertEquals([below.lsn, below.horizon], [6, 7]);
  await assertRejects(make({ ancestor: "side", lsn: 6 }), LsnError, "it is below the horizon");
  assertEquals(store.timelines().map(({ name }) => name), ["main", "side"]);
  assertEquals(before.length, 3);
  await place.close(store);
  const reader = await place.open({ readOnly: true });
  await assertRejects(() => reader.createTimeline("x", { ancestor: "main" }), ReadOnlyError);
  await assertRejects(() => reader.deleteTimeline("side"), ReadOnlyError);
  assertEquals(text(await reader.timeline("side").get("a")), "10");
});

test("The horizon stays where a branch goes on, and moves on when that is deleted", async (place) => {
  const { store, main, side } = await branched(place);
  await store.createTimeline("low", { ancestor: "side", lsn: 5 });
  await side.append([{ key: "a", value: "side" }]);
  const report = await main.gc({ history: { lsns: 0 } });
  assertEquals(report.horizonAfter, 5);
  assertEquals(report.stays.filter(({ reason }) => reason === "branch"), [
    { reason: "branch", timeline: "low", lsn: 5 },
  ]);
  await store.deleteTimeline("low");
  assertEquals((await main.gc({ history: { lsns: 0 } })).horizonAfter, 10);
  assertEquals(text(await side.get("a", { lsn: 10 })), "10");
  assertEquals(horizonOf(store, "side"), 10);
  assertThrows(() => side.snapshot(9), LsnError, "it is below the horizon, which is at LSN 10");
  assertEquals((await collect(side.history("a"))).map(({ lsn }) => lsn), [10, 11]);
  await store.deleteTimeline("side");
  const last = await main.gc({ history: { lsns: 0 } });
  assertEquals([last.horizonAfter, last.stays], [20, []]);
});

test("A branch that is being made holds the horizon from the call on", async (place) => {
  const store = await place.open(), main = store.timeline();
  await write(main, "a", 1, 20);
  const making = store.createTimeline("side", { ancestor: "main", lsn: 10 });
  const collected = main.gc({ history: { lsns: 1 } });
  assertEquals([(await making).lastLsn, (await collected).horizonAfter], [10, 10]);
  // One that was asked for after the horizon had begun to move is made above it, or not at all.
  const moved = main.gc({ history: { lsns: 1 } });
  await store.deleteTimeline("side");
  const again = main.gc({ history: { lsns: 1 } });
  const late = await store.createTimeline("late", { ancestor: "main", lsn: 15 }).catch((error) => error);
  await Promise.all([moved, again]);
  if (late instanceof Error) assertInstanceOf(late, LsnError);
  else assertEquals(text(await late.get("a")), "15");
});

test("A branch keeps the deletions of what it goes on from, however it is merged", async (place) => {
  const store = await place.open(), main = store.timeline();
  await main.append([{ key: "a", value: "1" }, { key: "m", value: "1" }, { key: "z", value: "1" }]);
  const side = await store.createTimeline("side", { ancestor: "main" });
  await side.append([{ key: "a", delete: true }, { key: "z", value: "2" }]);
  for (let i = 0; i < 20; i++) await side.append([{ key: "z", value: `${i}` }, { key: "b", value: "" }]);
  await side.freeze();
  await side.gc({ history: { lsns: 0 } });
  await side.compact();
  assertEquals(side.layers().map(({ kind, tombstones }) => [kind, tombstones]), [["delta", 1]]);
  assertEquals([await side.get("a"), text(await side.get("m"))], [undefined, "1"]);
  assertEquals((await collect(side.scan({}))).map(({ key }) => text(key)), ["b", "m", "z"]);
  assertEquals(await side.count(), 3);
  // Timelines that are no branches give them up.
  await main.append([{ key: "a", delete: true }]);
  await main.append([{ key: "m", value: "2" }]);
  await store.deleteTimeline("side");
  await main.gc({ history: { lsns: 0 } });
  assertEquals(main.layers().map(({ kind, tombstones }) => [kind, tombstones]), [["image", 0]]);
});

test("A view of a branch holds the layers of all that it goes on from", async (place) => {
  const { store, main, side } = await branched(place);
  const deep = await store.createTimeline("deep", { ancestor: "side" });
  await main.freeze();
  await write(main, "b", 21, 25);
  await main.freeze();
  const before = place.files(/\.seg$/);
  const snapshot = deep.snapshot();
  await main.compact();
  assertEquals(place.files(/\.seg$/), before, "the layers from before are there");
  const { views, oldestViews } = store.metrics();
  assertEquals([views, oldestViews.map(({ timeline, lsn }) => [timeline, lsn])], [1, [["deep", 10]]]);
  assertEquals(text(await snapshot.get("a")), "10");
  assertEquals((await collect(snapshot.history("a"))).length, 10);
  snapshot[Symbol.dispose]();
  for (let left = 500; place.files(/\.seg$/).length > 0 && left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(place.files(/\.seg$/).length, 0);
  assertEquals(store.metrics().oldestViews, []);
  assertEquals([text(await deep.get("a")), side.lastLsn], ["10", 10]);
});

test("Store.deleteTimeline() ends reads and writes, and leaves nothing of the timeline", async (place) => {
  const { store, main, side } = await branched(place);
  await write(side, "b", 11, 40);
  await side.freeze();
  await write(side, "b", 41, 50);
  const snapshot = side.snapshot(), stream = side.history("b").getReader();
  await stream.read();
  const folders = () => new Set(place.files(/\.(seg|delta)$/).map((path) => path.split("/").at(-2)));
  assertEquals(folders().size, 2);
  const pending = side.append([{ key: "c", value: "1" }], { sync: true }).catch((error) => error);
  await store.deleteTimeline("side");
  const late = await pending;
  assert(typeof late === "number" || late instanceof Error);
  const gone = 'Cannot use timeline "side": it was deleted';
  await assertRejects(() => side.append([{ key: "b", value: "" }]), Deno.errors.BadResource, gone);
  await assertRejects(() => side.get("a"), Deno.errors.BadResource, gone);
  await assertRejects(() => side.sync(), Deno.errors.BadResource, gone);
  await assertRejects(() => snapshot.get("a"), Deno.errors.BadResource);
  await assertRejects(() => stream.read(), Deno.errors.BadResource, gone);
  assertThrows(() => side.layers(), Deno.errors.BadResource, gone);
  assertThrows(() => store.timeline("side"), Deno.errors.NotFound);
  await assertRejects(() => store.deleteTimeline("side"), Deno.errors.NotFound);
  assertEquals(folders().size, 1);
  assertEquals([...Deno.readDirSync(place.path)].filter(({ isDirectory }) => isDirectory).length, 1);
  assertEquals(text(await main.get("a")), "20");
  assertEquals(await collect(ReadableStream.from(store.verify())), []);
  // The name is free again, and nothing of the old one comes with it.
  const again = await store.createTimeline("side");
  assertEquals([again.lastLsn, await again.get("b")], [0, undefined]);
  await place.close(store);
  const reopened = await place.open();
  assertEquals(reopened.timelines().map(({ name }) => name), ["main", "side"]);
});

test("Store.deleteTimeline() refuses what others go on from, main, and what is not there", async (place) => {
  const { store } = await branched(place);
  await store.createTimeline("one", { ancestor: "side" });
  const making = store.createTimeline("two", { ancestor: "side" });
  const refused = await assertRejects(() => store.deleteTimeline("side"), VarveError);
  assertEquals(
    refused.message,
    'Cannot delete timeline "side": timelines go on from it: "one", "two"',
  );
  await making;
  await assertRejects(() => store.deleteTimeline("main"), RangeError, "it always exists");
  await assertRejects(() => store.deleteTimeline("none"), Deno.errors.NotFound);
  await assertRejects(() => store.deleteTimeline(""), RangeError);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => store.deleteTimeline(7 as any), TypeError);
  assertEquals(store.timelines().length, 4);
  await Promise.all([store.deleteTimeline("one"), store.deleteTimeline("two")]);
  const deleting = store.deleteTimeline("side");
  await assertRejects(() => store.createTimeline("side"), Deno.errors.AlreadyExists, "it is being deleted");
  await assertRejects(() => store.createTimeline("x", { ancestor: "side" }), Deno.errors.NotFound);
  await Promise.all([deleting, store.deleteTimeline("side")]);
  assertEquals(store.timelines().map(({ name }) => name), ["main"]);
});

test("Store.deleteTimeline() leaves files to a reader in another process, and the next opening removes them", async (place) => {
  const { store, side } = await branched(place);
  await side.append([{ key: "b", value: "1" }], { sync: true });
  const reader = await place.open({ readOnly: true });
  const before = place.files(/\.seg$/).length;
  await store.deleteTimeline("side");
  assertEquals(place.files(/\.seg$/).length, before);
  assertEquals(text(await reader.timeline("side").get("b")), "1");
  assertEquals(await collect(ReadableStream.from(store.verify())), [], "what is left is no stranger");
  const other = await place.open({ readOnly: true });
  assertEquals(other.timelines().map(({ name }) => name), ["main"]);
  await place.close(store);
  await place.close(reader);
  await place.close(other);
  const again = await place.open();
  assertEquals(place.files(/\.seg$/).length, before - 1);
  assertEquals([...Deno.readDirSync(place.path)].filter(({ isDirectory }) => isDirectory).length, 1);
  assertEquals(again.timelines().length, 1);
});

test("Dates of a branch below its branch LSN are those of what it goes on from", async (place) => {
  const { main, side } = await branched(place);
  assertEquals(side.dateOf(10), main.dateOf(10));
  assertEquals([side.lsnAt(main.dateOf(10)), side.lsnAt(0)], [10, 0]);
  assertEquals(side.lsnAt(Date.now() + 1000), 10);
  await side.append([{ key: "b", value: "1" }]);
  assertEquals(side.lsnAt(Date.now() + 5000), 11);
  assert(side.dateOf(11) >= side.dateOf(10));
  assertThrows(() => side.dateOf(12), LsnError);
});

test("Timeline.explain() counts the layers of all levels", async (place) => {
  const { main, side } = await branched(place);
  await main.freeze();
  await side.append([{ key: "b", value: "1" }]);
  const { keys: [a, b], memoryLayers, storedLayers } = await side.explain(["a", "b"]);
  assertEquals([memoryLayers, storedLayers], [1, 1]);
  assertEquals(a.visits.map(({ kind, outcome }) => [kind, outcome]), [["open", "absent"], ["L0", "found"]]);
  assertEquals([a.found?.lsn, b.found?.lsn], [10, 11]);
  assertEquals([a.excusedByRange, a.excusedByLsn, a.excusedByAge], [0, 0, 0]);
  assertEquals(b.excusedByRange + b.excusedByLsn + b.excusedByAge, 1);
});
