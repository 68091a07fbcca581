/** What a program may ask of a timeline and of a snapshot, and what is refused. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  CorruptionError,
  type HistoryOptions,
  type KeyEntry,
  LimitError,
  LsnError,
  type Store,
  type Timeline,
  type ValueEntry,
} from "../../mod.ts";
import { collect } from "../store/bytes.ts";
import { type Place, test, testEach } from "../store/matrix.ts";

const decoder = new TextDecoder();

/** Three keys over four LSNs, of which the first `sealed` are in sealed layers: a = 1, 3; b = 1, deleted at 2; c = 4. */
async function filled(place: Place, sealed: number): Promise<{ store: Store; timeline: Timeline }> {
  const store = await place.open();
  const timeline = store.timeline();
  const batches = [
    [{ key: "a", value: "a1" }, { key: "b", value: "b1" }],
    [{ key: "b", delete: true as const }],
    [{ key: "a", value: "a3" }],
    [{ key: "c", value: "" }],
  ];
  for (const [i, batch] of batches.entries()) {
    await timeline.append(batch);
    if (i + 1 === sealed) await timeline.freeze();
  }
  return { store, timeline };
}

function wordsOf(entries: readonly { key: Uint8Array; lsn: number | undefined }[]): string {
  return entries.map(({ key, lsn }) => `${decoder.decode(key)}@${lsn}`).join(" ");
}

for (const sealed of [0, 2, 4]) {
  testEach(
    `Timeline.getEntry() says at which LSN a key became what it is, with ${sealed} sealed`,
    async (place) => {
      const { timeline } = await filled(place, sealed);
      const entry = await timeline.getEntry("a");
      assertEquals([decoder.decode(entry.key), decoder.decode(entry.value), entry.lsn], ["a", "a3", 3]);
      // A value can be answered with as it is.
      assertEquals(await new Response(entry.value).text(), "a3");
      assertEquals((await timeline.getEntry("a", { lsn: 2 })).lsn, 1);
      const deleted = await timeline.getEntry("b");
      assertEquals([deleted.value, deleted.lsn], [undefined, 2]);
      const absent = await timeline.getEntry("d");
      assertEquals([absent.value, absent.lsn], [undefined, undefined]);
      using snapshot = timeline.snapshot(2);
      assertEquals((await snapshot.getEntry("a")).lsn, 1);
    },
  );

  testEach(`Timeline.count() and scans of keys alone read no value, with ${sealed} sealed`, async (place) => {
    const { store, timeline } = await filled(place, sealed);
    const keysOnly = true;
    const entries: KeyEntry[] = await collect(timeline.scan({ keysOnly }));
    assertEquals(wordsOf(entries), "a@3 c@4");
    assertEquals(Object.keys(entries[0]), ["key", "lsn"]);
    assertEquals(wordsOf(await collect(timeline.scan({ keysOnly, reverse: true, limit: 1 }))), "c@4");
    assertEquals(wordsOf(await collect(timeline.scan({ keysOnly }, { lsn: 1 }))), "a@1 b@1");
    using snapshot = timeline.snapshot(1);
    assertEquals(wordsOf(await collect(snapshot.scan({ keysOnly, start: "b" }))), "b@1");
    const counts = [
      await timeline.count(),
      await timeline.count({ start: "b" }),
      await timeline.count({ end: "b" }),
      await timeline.count({ prefix: "a" }, { lsn: 1 }),
      await timeline.count({}, { lsn: 0 }),
      await snapshot.count(),
    ];
    assertEquals(counts, [2, 1, 1, 1, 0, 2]);
    assertEquals(store.metrics().valueReads, 0);
  });

  testEach(
    `Timeline.scan() of keys alone finds deleted ones if asked to, with ${sealed} sealed`,
    async (place) => {
      const { store, timeline } = await filled(place, sealed);
      const range = { keysOnly: true, deleted: true } as const;
      assertEquals(wordsOf(await collect(timeline.scan(range))), "a@3 b@2 c@4");
      assertEquals(wordsOf(await collect(timeline.scan(range, { lsn: 1 }))), "a@1 b@1");
      assertEquals(wordsOf(await collect(timeline.scan({ ...range, reverse: true, limit: 2 }))), "c@4 b@2");
      using snapshot = timeline.snapshot(2);
      assertEquals(wordsOf(await collect(snapshot.scan({ ...range, prefix: "b" }))), "b@2");
      assertEquals(store.metrics().valueReads, 0);
    },
  );

  testEach(
    `Timeline.scan() gives changes that can be piped into another, with ${sealed} sealed`,
    async (place) => {
      const { store, timeline } = await filled(place, sealed);
      const copy = await store.createTimeline("copy");
      await timeline.scan().pipeTo(copy.writable());
      const entries: ValueEntry[] = await collect(copy.scan());
      assertEquals(entries.map(({ key, value }) => decoder.decode(key) + decoder.decode(value)), [
        "aa3",
        "c",
      ]);
      assertEquals([wordsOf(entries), copy.durableLsn], ["a@1 c@2", 2]);
    },
  );

  testEach(`Timeline.history() goes backwards and stops at a limit, with ${sealed} sealed`, async (place) => {
    const { timeline } = await filled(place, sealed);
    const lsns = async (key: string, options?: HistoryOptions) =>
      (await collect(timeline.history(key, options))).map(({ lsn }) => lsn);
    assertEquals(await lsns("a"), [1, 3]);
    assertEquals(await lsns("a", { reverse: true }), [3, 1]);
    assertEquals(await lsns("a", { reverse: true, limit: 1 }), [3]);
    assertEquals(await lsns("a", { limit: 1 }), [1]);
    assertEquals(await lsns("a", { limit: 0 }), []);
    assertEquals(await lsns("b", { reverse: true, to: 3 }), [2, 1]);
    assertEquals(await lsns("b", { reverse: true, from: 2 }), [2]);
    using snapshot = timeline.snapshot(2);
    const seen = await collect(snapshot.history("a"));
    assertEquals(seen.map(({ lsn }) => lsn), [1]);
    assertThrows(() => snapshot.history("a", { to: 3 }), LsnError);
  });
}

testEach("Timeline.history() pages through thousands of versions from either end", async (place) => {
  const timeline = (await place.open()).timeline();
  for (let lsn = 1; lsn <= 5000; lsn++) {
    await timeline.append([{ key: "k", value: `${lsn}` }]);
    if (lsn === 1800 || lsn === 3900) await timeline.freeze();
  }
  const last = await collect(timeline.history("k", { reverse: true, limit: 2500 }));
  assertEquals(last.map(({ lsn }) => lsn), Array.from({ length: 2500 }, (_, i) => 5000 - i));
  assert(last.every(({ lsn, value }) => decoder.decode(value) === `${lsn}`));
  const first = await collect(timeline.history("k", { limit: 2500 }));
  assertEquals(first.map(({ lsn }) => lsn), Array.from({ length: 2500 }, (_, i) => i + 1));
});

testEach("Timeline.get() reads each page once for all that one turn asks for", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const count = 5000;
  const keyOf = (i: number) => `key ${`${i}`.padStart(5, "0")}`;
  await timeline.append(Array.from({ length: count }, (_, i) => ({ key: keyOf(i), value: `${i}` })));
  await timeline.freeze();
  const values = await Promise.all(
    Array.from({ length: count }, (_, i) => timeline.get(keyOf(i * 7 % count))),
  );
  assertEquals(values.map((value) => decoder.decode(value)), values.map((_, i) => `${i * 7 % count}`));
  const { pageReads, cacheMisses, keysRead, valueReads, views } = store.metrics();
  assertEquals([keysRead, views], [count, 0]);
  assert(pageReads <= cacheMisses && cacheMisses < 60, `${cacheMisses} pages, by ${pageReads} reads`);
  assert(valueReads < 60, `${valueReads} reads of values`);
});

test("Timeline.get() gathers only what sees the same", async (place) => {
  const { store } = await filled(place, 2);
  await store.timeline().freeze();
  await place.close(store);
  // What is in memory is answered at once: nothing is, of a store that was just opened.
  const timeline = (await place.open()).timeline();
  using snapshot = timeline.snapshot(1);
  const gets = [
    timeline.get("b", { lsn: 1 }),
    timeline.get("a"),
    timeline.get("b", { lsn: 2 }),
    timeline.get("a", { lsn: 2 }),
    snapshot.get("a"),
  ];
  const appended = timeline.append([{ key: "a", value: "a5" }]);
  gets.push(timeline.get("a"), timeline.get("a", { lsn: 4 }));
  const values = (await Promise.all(gets)).map((value) => value && decoder.decode(value));
  assertEquals(values, ["b1", "a3", undefined, "a1", "a1", "a5", "a3"]);
  assertEquals(await appended, 5);
});

test("Timeline.get() fails alone when its record is damaged", async (place) => {
  const store = await place.open();
  await store.timeline().append(["a", "b", "c"].map((key) => ({ key, value: `value of ${key}` })));
  await store.timeline().freeze();
  const [{ path }] = store.timeline().layers();
  await place.close(store);
  const bytes = Deno.readFileSync(path);
  const at = decoder.decode(bytes.subarray(0, 8192).map((byte) => byte < 128 ? byte : 63)).indexOf(
    "value of b",
  );
  bytes[at] ^= 1;
  Deno.writeFileSync(path, bytes);
  const timeline = (await place.open()).timeline();
  const [a, b, c] = await Promise.allSettled(["a", "b", "c"].map((key) => timeline.get(key)));
  assertEquals([a.status, b.status, c.status], ["fulfilled", "rejected", "fulfilled"]);
  assert(b.status === "rejected");
  assertInstanceOf(b.reason, CorruptionError);
});

test("Timeline.get() rejects when the store closes before it is answered", async (place) => {
  const { store, timeline } = await filled(place, 4);
  const gets = ["a", "b", "c"].map((key) => timeline.get(key));
  const results = Promise.allSettled(gets);
  await place.close(store);
  for (const result of await results) {
    assert(result.status === "fulfilled" || result.reason instanceof Deno.errors.BadResource);
  }
  await assertRejects(() => timeline.get("a"), Deno.errors.BadResource);
});

test("Timeline refuses one key where many are expected", async (place) => {
  const { timeline } = await filled(place, 0);
  using snapshot = timeline.snapshot();
  const message = "Cannot read keys: expected an iterable of keys, found ";
  // @ts-expect-error: a string iterates over its letters
  await assertRejects(() => timeline.getMany("user/1"), TypeError, `${message}string`);
  // @ts-expect-error: a string iterates over its letters
  assertThrows(() => timeline.getVectored("ab"), TypeError, `${message}string`);
  // @ts-expect-error: bytes iterate over numbers
  assertThrows(() => timeline.getVectored(new Uint8Array(2)), TypeError, `${message}Uint8Array`);
  // @ts-expect-error: a number does not iterate
  await assertRejects(() => snapshot.getMany(7), TypeError, `${message}number`);
});

test("Timeline refuses options that it does not know", async (place) => {
  const { timeline } = await filled(place, 0);
  using snapshot = timeline.snapshot();
  // Each is a mistake that types show too, unless the options come from elsewhere.
  // deno-lint-ignore no-explicit-any
  const [t, s] = [timeline, snapshot] as any[];
  const mistakes: [name: string, call: () => unknown][] = [
    ["asOf", () => t.get("a", { asOf: 1 })],
    ["damage", () => t.get("a", { damage: "report" })],
    ["limit", () => t.getMany(["a"], { limit: 1 })],
    ["limit", () => t.getVectored(["a"], { limit: 1 })],
    ["from", () => t.scan({ from: "a" })],
    ["keysOnly", () => t.scan({}, { keysOnly: true })],
    ["limit", () => t.count({ limit: 1 })],
    ["lsn", () => t.history("a", { lsn: 1 })],
    ["lsn", () => s.get("a", { lsn: 1 })],
    ["lsn", () => s.scan({}, { lsn: 1 })],
    ["flush", () => t.append([], { flush: true })],
    ["lsn", () => t.writable({ lsn: 1 })],
  ];
  for (const [name, call] of mistakes) {
    await assertRejects(async () => await call(), TypeError, `unknown option "${name}"`);
  }
  await assertRejects(async () => await t.get("a", 1), TypeError, "expected options, found number");
  await assertRejects(async () => await t.get("a", { signal: 1 }), TypeError, '"signal"');
  assertThrows(() => t.scan({ deleted: true }), TypeError, 'expected "keysOnly" beside "deleted"');
  assertThrows(() => t.scan({ reverse: "no" }), TypeError, '"reverse"');
  await assertRejects(() => t.append([{ key: "z", value: "" }], { sync: 1 }), TypeError, '"sync"');
  assertEquals(await t.get("z"), undefined);
  assertThrows(() => t.scan({}, { damage: "ignore" }), TypeError, '"damage"');
  assertEquals(await timeline.get("a", { lsn: undefined, signal: undefined }), await timeline.get("a"));
});

test("Timeline's errors carry what they are about", async (place) => {
  const { timeline } = await filled(place, 0);
  const beyond = await assertRejects(() => timeline.get("a", { lsn: 9 }), LsnError);
  assertEquals([beyond.lsn, beyond.lastLsn], [9, 4]);
  const behind = await assertRejects(() => timeline.append([], { lsn: 2 }), LsnError);
  assertEquals([behind.lsn, behind.lastLsn], [2, 4]);
  const long = new Uint8Array(513).fill(7);
  const limit = await assertRejects(() => timeline.get(long), LimitError);
  assertEquals([limit.limit, limit.found, limit.key], [512, 513, long]);
  const large = await assertRejects(() => timeline.append([{ key: long, value: "" }]), LimitError);
  assertEquals([large.limit, large.found], [512, 513]);
});
