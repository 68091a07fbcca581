/** Feeds of branches: what they tell of what they go on from, and how they end. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type ChangeBatch, type ChangesOptions, LsnError, type Store, type Timeline } from "../../../mod.ts";
import { collect } from "../bytes.ts";
import { type Place, test, testEach } from "../matrix.ts";

const decoder = new TextDecoder();
/** First and last LSNs, on either side of where branches go on. */
const stretches = [[1, 1], [10, 11], [9, 20], [15, 24], [20, 21], [25, 26], [26, 30], [5, 28]];

/** Batches in words: `3 a=main b-`. */
function words(batches: readonly ChangeBatch[]): string[] {
  return batches.map(({ lsn, changes }) => {
    const told = changes.map((change) =>
      decoder.decode(change.key) + ("value" in change ? `=${decoder.decode(change.value)}` : "-")
    );
    return [lsn, ...told].join(" ");
  });
}

async function told(timeline: Timeline, options?: ChangesOptions): Promise<string[]> {
  return words(await collect(timeline.changes(options)));
}

/** Puts a key at LSNs `from` to `to`, each with the timeline's name as the value. */
async function write(timeline: Timeline, key: string, from: number, to: number): Promise<void> {
  for (let lsn = from; lsn <= to; lsn++) await timeline.append([{ key, value: timeline.name }], { lsn });
}

/** What {@linkcode write} did. */
function written(name: string, key: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i} ${key}=${name}`);
}

/** Four timelines: main to LSN 30, and from 10 on a, from 20 of that on b, from 25 of that on c, each to 30 and more. */
class Family {
  readonly store: Store;
  readonly all: Timeline[] = [];
  static readonly histories: Record<string, readonly string[]> = {
    main: written("main", "k", 1, 30),
    a: [...written("main", "k", 1, 10), ...written("a", "k", 11, 40)],
    b: [...written("main", "k", 1, 10), ...written("a", "k", 11, 20), ...written("b", "k", 21, 50)],
    c: [
      ...written("main", "k", 1, 10),
      ...written("a", "k", 11, 20),
      ...written("b", "k", 21, 25),
      ...written("c", "k", 26, 60),
    ],
  };

  constructor(store: Store) {
    this.store = store;
  }

  static async make(place: Place): Promise<Family> {
    const family = new Family(await place.open());
    await family.#add(family.store.timeline(), 1, 30);
    for (const [name, ancestor, lsn] of [["a", "main", 10], ["b", "a", 20], ["c", "b", 25]] as const) {
      const branch = await family.store.createTimeline(name, { ancestor, lsn });
      await family.#add(branch, lsn + 1, lsn + (lsn === 25 ? 35 : 30));
    }
    return family;
  }

  async #add(timeline: Timeline, from: number, to: number): Promise<void> {
    this.all.push(timeline);
    await write(timeline, "k", from, to);
  }

  get c(): Timeline {
    return this.all[3];
  }
}

testEach(
  "changes() of branches of branches tell each level up to where the next one goes on",
  async (place) => {
    const family = await Family.make(place);
    const check = async () => {
      for (const timeline of family.all) {
        const expected = Family.histories[timeline.name];
        assertEquals(await told(timeline, { prefix: "k" }), expected);
        for (const [from, to] of stretches) {
          const found = await told(timeline, { from, to, prefix: "k" });
          assertEquals(found, expected.slice(from - 1, to), `${from} to ${to}`);
        }
        assertEquals(await told(timeline, { prefix: "m" }), []);
      }
    };
    await check();
    // Each of them lies elsewhere: in memory, in segments, in layers that were merged.
    for (const timeline of family.all) {
      await timeline.freeze();
      await check();
      await write(timeline, "l", timeline.lastLsn + 1, timeline.lastLsn + 1);
      await timeline.freeze();
      await timeline.compact();
      const { lastLsn } = timeline;
      assertEquals(await told(timeline, { prefix: "l" }), written(timeline.name, "l", lastLsn, lastLsn));
      assertEquals(await told(timeline, { to: lastLsn - 1, prefix: "k" }), Family.histories[timeline.name]);
    }
  },
);

test("changes() that follow a branch go on with its own, and with nothing of what it goes on from", async (place) => {
  const { store, all: [main], c } = await Family.make(place);
  const feed = c.changes({ from: 8, follow: true })[Symbol.asyncIterator]();
  const next = async () => words([(await feed.next()).value])[0];
  for (const expected of Family.histories.c.slice(7)) assertEquals(await next(), expected);
  const later = next();
  await write(main, "later", 31, 80);
  await main.compact();
  await write(c, "k", 70, 70);
  assertEquals(await later, "70 k=c");
  assertEquals(store.metrics().views, 0, "between two windows no view is held");
  await feed.return?.();
});

test("changes() of a branch refuse what is below the horizon of the level that has it", async (place) => {
  const { store, all: [main, a], c } = await Family.make(place);
  assertEquals((await main.gc({ history: { lsns: 24 } })).horizonAfter, 6);
  const feed = c.changes({ from: 6, follow: true })[Symbol.asyncIterator]();
  assertEquals(words([(await feed.next()).value]), ["6 k=main"]);
  const below = assertThrows(() => c.changes({ from: 5 }), LsnError, "below the horizon");
  assertEquals([below.lsn, below.horizon], [5, 6]);
  assertEquals(await told(c), Family.histories.c.slice(5));
  // What a gave up is missing from all that goes on from it, though main has what is older.
  assertEquals((await a.gc({ history: { lsns: 24 } })).horizonAfter, 16);
  assertThrows(() => c.changes({ from: 15 }), LsnError, "below the horizon, which is at LSN 16");
  assertEquals(await told(c), Family.histories.c.slice(15));
  assertEquals((await told(main)).length, 25);
  // It was handed on up to 10, from one level: the next window is below the horizon.
  let last = 6;
  const error = await (async () => {
    for (;;) last = (await feed.next()).value.lsn;
  })().catch((error: unknown) => error);
  assertInstanceOf(error, LsnError);
  assertEquals([last, error.lsn, error.horizon], [10, 11, 16]);
  assertEquals(store.metrics().views, 0);
});

test("changes() of a branch hold views of what it goes on from while what was merged is handed on", async (place) => {
  const { store, all: [main, a], c } = await Family.make(place);
  for (const timeline of [main, a]) {
    await timeline.freeze();
    await timeline.compact();
  }
  const feed = c.changes()[Symbol.asyncIterator]();
  assertEquals(words([(await feed.next()).value]), ["1 k=main"]);
  assertEquals(store.metrics().oldestViews.map(({ timeline }) => timeline), ["c"]);
  const before = place.files(/\.(delta|image)$/);
  for (const timeline of [main, a]) {
    await write(timeline, "k", 100, 110);
    await timeline.freeze();
    await timeline.compact();
  }
  for (const path of before) assert(place.files().includes(path), `${path} is read still`);
  const rest: ChangeBatch[] = [];
  for await (const batch of { [Symbol.asyncIterator]: () => feed }) rest.push(batch);
  assertEquals(words(rest), Family.histories.c.slice(1));
  for (let left = 500; before.some((path) => place.files().includes(path)) && left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(place.files().filter((path) => before.includes(path)), []);
});

test("diff() of a branch compares what stood at any of its levels, and reads those that have changes", async (place) => {
  const { store, all, c } = await Family.make(place);
  for (const timeline of all) {
    await timeline.freeze();
    await timeline.compact();
  }
  const differs = async (timeline: Timeline, before: number, after: number, range = {}) => {
    const text = (value: Uint8Array | undefined) => value && decoder.decode(value);
    const found = await collect(timeline.diff(before, after, range));
    return found.map(({ key, before, after }) => [text(key), text(before), text(after)]);
  };
  assertEquals(await differs(c, 0, 10), [["k", undefined, "main"]]);
  assertEquals(await differs(c, 1, 10), []);
  assertEquals(await differs(c, 5, 15), [["k", "main", "a"]]);
  assertEquals(await differs(c, 10, 25), [["k", "main", "b"]]);
  assertEquals(await differs(c, 21, 60), [["k", "b", "c"]]);
  assertEquals(await differs(c, 25, 60, { prefix: "l" }), []);
  assertEquals(await differs(all[0], 10, 30), []);
  const before = store.metrics();
  assertEquals(await differs(c, 26, 60), []);
  // What it goes on from has no changes between the two: neither is walked.
  const { pageReads, valueReads } = store.metrics();
  assert(pageReads - before.pageReads + valueReads - before.valueReads <= 4);
  await all[1].gc({ history: { lsns: 24 } });
  assertThrows(() => c.diff(15, 25), LsnError, "below the horizon, which is at LSN 16");
  assertEquals(await differs(c, 16, 25), [["k", "a", "b"]]);
  assertEquals(store.metrics().views, 0);
});

test("Store.deleteTimeline() ends the feeds of the timeline, and of no other", async (place) => {
  const { store, all: [main], c } = await Family.make(place);
  const feeds = [c, c, main].map((timeline) => timeline.changes({ from: 20, follow: true }).getReader());
  for (let i = 20; i <= 60; i++) await feeds[0].read();
  // One waits for a batch, one is not asked.
  const waiting = assertRejects(() => feeds[0].read(), Deno.errors.BadResource, "it was deleted");
  await store.deleteTimeline("c");
  await waiting;
  await assertRejects(() => feeds[1].read(), Deno.errors.BadResource, "it was deleted");
  const reads = [
    () => c.changes(),
    () => c.diff(1, 2),
    () => c.scan(),
    () => c.history("k"),
    () => c.snapshot(),
    () => c.getVectored(["k"]),
  ];
  for (const read of reads) assertThrows(read, Deno.errors.BadResource, "it was deleted");
  assertEquals((await feeds[2].read()).value?.lsn, 20);
  await feeds[2].cancel();
});
