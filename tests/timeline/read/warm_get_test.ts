/** Gets that memory answers, in the turn of the call. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, LsnError, type Store, type Timeline } from "../../../mod.ts";
import { threadMilliseconds } from "../../cpu_time.ts";
import { patterned } from "../../store/bytes.ts";
import { type Place, test } from "../../store/matrix.ts";
import { Random, seeds } from "../../random.ts";

const decoder = new TextDecoder();

/** Whether a get is answered in the turn of its call, and what it gives. */
async function ask(get: Promise<Uint8Array | undefined>): Promise<[boolean, string | undefined]> {
  let isAnswered = false;
  get.then(() => isAnswered = true, () => {});
  // One step of the queue of microtasks, of which any await of a file takes many.
  await undefined;
  await undefined;
  const wasAnswered = isAnswered;
  const value = await get;
  return [wasAnswered, value === undefined ? undefined : decoder.decode(value)];
}

/** A store of three sealed versions of two keys, and one in memory. */
async function filled(place: Place): Promise<{ store: Store; timeline: Timeline }> {
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "a", value: "a1" }, { key: "b", value: "b1" }]);
  await timeline.freeze();
  await timeline.append([{ key: "b", delete: true }]);
  await timeline.append([{ key: "a", value: "a3" }]);
  await timeline.freeze();
  await timeline.append([{ key: "m", value: "m4" }]);
  return { store, timeline };
}

test("Timeline.get() answers at once what is in a writer's buffers, and what was read before", async (place) => {
  const { store, timeline } = await filled(place);
  assertEquals(await ask(timeline.get("m")), [true, "m4"]);
  const stored = [["a", undefined, "a3"], ["a", 1, "a1"], ["b", 1, "b1"], ["b", 2, undefined]] as const;
  for (const [key, lsn, value] of stored) {
    assertEquals((await ask(timeline.get(key, { lsn })))[1], value, `${key} at ${lsn}, read`);
  }
  const { valueReads, pageReads, cacheValueMisses } = store.metrics();
  for (const [key, lsn, value] of stored) {
    assertEquals(await ask(timeline.get(key, { lsn })), [true, value], `${key} at ${lsn}, from memory`);
  }
  assertEquals(await ask(timeline.get("absent")), [true, undefined]);
  const after = store.metrics();
  assertEquals([after.valueReads, after.pageReads], [valueReads, pageReads]);
  assertEquals([after.cacheValueHits, cacheValueMisses, after.cacheValueMisses], [3, 3, 3]);
  assert(after.cacheValueBytes > 0 && after.cacheValueBytes < after.cacheBytes);
  assertEquals([after.keysRead, after.views], [10, 0]);
});

test("Timeline.getEntry() and Snapshot.get() answer from memory as of their LSN", async (place) => {
  const { store, timeline } = await filled(place);
  for (const lsn of [1, 3]) await timeline.get("a", { lsn });
  const { valueReads } = store.metrics();
  const old = timeline.snapshot(2);
  await timeline.append([{ key: "a", value: "a5" }]);
  assertEquals(await ask(old.get("a")), [true, "a1"]);
  assertEquals((await old.getEntry("a")).lsn, 1);
  assertEquals((await old.getEntry("b")).lsn, 2);
  assertEquals(await timeline.getEntry("zzz"), {
    key: new TextEncoder().encode("zzz"),
    value: undefined,
    lsn: undefined,
  });
  assertEquals((await timeline.getEntry("a")).lsn, 5);
  assertEquals(store.metrics().valueReads, valueReads);
  old[Symbol.dispose]();
  await assertRejects(() => old.get("a"), Deno.errors.BadResource);
});

test("Timeline.get() sees what was appended, deleted and frozen in the same turn", async (place) => {
  const { timeline } = await filled(place);
  await timeline.get("a");
  const before = timeline.get("a");
  const appended = timeline.append([{ key: "a", value: "a5" }]);
  const between = timeline.get("a");
  const frozen = timeline.freeze();
  const deleted = timeline.append([{ key: "a", delete: true }]);
  const after = timeline.get("a"),
    then = timeline.get("a", { lsn: 5 }),
    first = timeline.get("a", { lsn: 1 });
  const values = await Promise.all([before, between, after, then, first]);
  assertEquals(values.map((value) => value && decoder.decode(value)), ["a3", "a5", undefined, "a5", "a1"]);
  await Promise.all([appended, frozen, deleted]);
});

test("Timeline.get() gives values that are the caller's, from memory too", async (place) => {
  const { timeline } = await filled(place);
  for (const key of ["a", "m"]) {
    for (let i = 0; i < 3; i++) {
      const value = await timeline.get(key) as Uint8Array;
      assertEquals(value.length, 2);
      value.fill(7);
    }
    assertEquals(decoder.decode(await timeline.get(key)), key === "a" ? "a3" : "m4");
  }
});

test("Timeline.get() refuses from memory what it refuses from files", async (place) => {
  const { store, timeline } = await filled(place);
  await timeline.get("a");
  await assertRejects(() => timeline.get("a", { lsn: 9 }), LsnError);
  await assertRejects(() => timeline.get(""), Error, "empty");
  await assertRejects(() => timeline.get("a", { signal: AbortSignal.abort(new Error("no")) }), Error, "no");
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => timeline.get("a", { damage: "report" } as any), TypeError);
  await place.close(store);
  for (const key of ["a", "m", "absent"]) {
    await assertRejects(() => timeline.get(key), Deno.errors.BadResource);
  }
});

test("Timeline.get() keeps no record that does not check, and keeps it once it does", async (place) => {
  const { store } = await filled(place);
  await place.close(store);
  const path = place.files(/\.seg$/).find((path) => decoder.decode(Deno.readFileSync(path)).includes("a3"))!;
  const bytes = Deno.readFileSync(path), at = decoder.decode(bytes.map((byte) => byte & 127)).indexOf("a3");
  const flip = () => {
    bytes[at] ^= 1;
    Deno.writeFileSync(path, bytes);
  };
  flip();
  const again = (await place.open()).timeline();
  for (let i = 0; i < 3; i++) await assertRejects(() => again.get("a"), CorruptionError);
  flip();
  assertEquals((await ask(again.get("a")))[1], "a3");
  flip();
  assertEquals(await ask(again.get("a")), [true, "a3"]);
});

test("Timeline.get() keeps no large record, and scans and histories keep none", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  await timeline.append([{ key: "large", value: patterned(5000, 1) }, { key: "small", value: "s" }]);
  await timeline.freeze();
  for await (const _ of timeline.scan());
  for await (const _ of timeline.history("small"));
  assertEquals(store.metrics().cacheValueBytes, 0);
  for (let i = 0; i < 3; i++) assertEquals(await timeline.get("large"), patterned(5000, 1));
  const { cacheValueBytes, cacheValueHits, cacheValueMisses } = store.metrics();
  assertEquals([cacheValueBytes, cacheValueHits, cacheValueMisses], [0, 0, 3]);
  assertEquals(
    await timeline.getMany(["small", "large", "small"]),
    await timeline.getMany(["small", "large", "small"]),
  );
  assert(store.metrics().cacheValueHits >= 2);
});

test("Timeline.get() gives the event loop its turns while memory answers", async (place) => {
  const { timeline } = await filled(place);
  await timeline.get("a");
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (const begin = threadMilliseconds(); threadMilliseconds() - begin < 200;) {
    for (let i = 0; i < 100; i++) await timeline.get("a");
  }
  clearInterval(timer);
  assert(turns >= 5, `${turns} turns`);
});

test("Timeline.get() finds what a map of versions says, whatever is in memory", async (place) => {
  for (const seed of seeds("warm gets", 2)) {
    const random = new Random(seed);
    const store = await place.open({ create: true });
    const name = `seed ${seed}`, timeline = await store.createTimeline(name);
    const model = new Map<string, [number, string | undefined][]>();
    const keyOf = () => `key ${random.below(60)}`;
    const waiting: Promise<unknown>[] = [];
    let lsn = 0, answered = 0, asked = 0;
    const expected = (key: string, at: number) => model.get(key)?.findLast(([since]) => since <= at)?.[1];
    for (let step = 0; step < 3000; step++) {
      if (random.once(8)) {
        const value = random.once(4) ? undefined : "v".repeat(random.below(300)) + step, key = keyOf();
        waiting.push(
          timeline.append([value === undefined ? { key, delete: true } : { key, value }]),
        );
        lsn++;
        model.set(key, [...model.get(key) ?? [], [lsn, value]]);
      } else if (random.once(150)) {
        // Sealing goes on beside the gets.
        waiting.push(timeline.freeze());
      } else {
        const key = keyOf(), at = random.once(2) ? lsn : random.from(0, lsn);
        const wanted = expected(key, at);
        const [isAnswered, value] = await ask(timeline.get(key, { lsn: at }));
        assertEquals(value, wanted, `${name}, step ${step}: ${key} at ${at}`);
        asked++;
        if (isAnswered) answered++;
      }
    }
    await Promise.all(waiting);
    assert(answered > asked / 4 && answered < asked, `${answered} of ${asked} were answered at once`);
    await place.close(store);
  }
}, { cacheBytes: 64 * 1024 });
