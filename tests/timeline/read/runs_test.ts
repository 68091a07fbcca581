/** Reads of layers that were merged, in which records are found in runs. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { CorruptionError, type Store, type Timeline } from "../../../mod.ts";
import { decodeFooter } from "../../../src/layer/mod.ts";
import { collect, patterned } from "../../store/bytes.ts";
import { type Place, test } from "../../store/matrix.ts";

const count = 3000;
const decoder = new TextDecoder();

function keyOf(i: number): string {
  return `key/${String(i * 2).padStart(6, "0")}`;
}

function valueOf(i: number, lsn = 1): Uint8Array {
  // Some are alone, and larger than what is cached.
  return patterned(i % 500 === 7 ? 9000 : 100, i * 31 + lsn);
}

/** A store of one merged layer: a version of every key, five of the hundredth, and one that was deleted. */
async function merged(place: Place): Promise<{ store: Store; timeline: Timeline }> {
  const store = await place.open(), timeline = store.timeline();
  await timeline.append(Array.from({ length: count }, (_, i) => ({ key: keyOf(i), value: valueOf(i) })));
  await timeline.freeze();
  for (let lsn = 2; lsn < 6; lsn++) await timeline.append([{ key: keyOf(100), value: valueOf(100, lsn) }]);
  await timeline.append([{ key: keyOf(50), delete: true }]);
  await timeline.compact();
  assertEquals(timeline.layers().map(({ kind }) => kind), ["delta"]);
  await place.close(store);
  const again = await place.open();
  return { store: again, timeline: again.timeline() };
}

test("Timeline.get() of a merged layer reads one run, and its neighbours are answered from that", async (place) => {
  const { store, timeline } = await merged(place);
  assertEquals(await timeline.get(keyOf(1000)), valueOf(1000));
  const before = store.metrics();
  assertEquals(await timeline.get(keyOf(2000)), valueOf(2000));
  const cold = store.metrics();
  assertEquals([cold.valueReads - before.valueReads, cold.pageReads - before.pageReads], [1, 0]);
  assert(cold.valueReadBytes - before.valueReadBytes <= 8192);
  let isAnswered = false;
  const neighbour = timeline.get(keyOf(2001)).then((value) => (isAnswered = true, value));
  await undefined;
  await undefined;
  assert(isAnswered, "it is answered in the turn of its call");
  assertEquals(await neighbour, valueOf(2001));
  assertEquals(await timeline.get(`${keyOf(2000)}?`), undefined);
  assertEquals(store.metrics().valueReads, cold.valueReads);
  assertEquals(await timeline.get(keyOf(507)), valueOf(507), "one that is alone");
  assertEquals(store.metrics().valueReads, cold.valueReads + 1);
});

test("reads of a merged layer and of one above it find what was appended", async (place) => {
  const { timeline } = await merged(place);
  await timeline.append([{ key: keyOf(7), value: "new" }, { key: keyOf(8), delete: true }]);
  await timeline.freeze();
  await timeline.append([{ key: keyOf(9), value: "newest" }]);
  const now = (i: number) => {
    if (i === 8 || i === 50) return undefined;
    if (i === 7 || i === 9) return new TextEncoder().encode(i === 7 ? "new" : "newest");
    return i === 100 ? valueOf(100, 5) : valueOf(i);
  };
  const keys = Array.from({ length: 40 }, (_, i) => i * 3 % 110);
  const found = await timeline.getMany(keys.map(keyOf));
  assertEquals(found, keys.map(now));
  const all = Array.from({ length: count }, (_, i) => i).filter((i) => now(i) !== undefined);
  for (const reverse of [false, true]) {
    const entries = await collect(timeline.scan({ reverse }));
    assertEquals(
      entries.map(({ key }) => decoder.decode(key)),
      (reverse ? all.toReversed() : all).map(keyOf),
    );
    assert(entries.every(({ value }, at) => {
      const expected = now((reverse ? all.toReversed() : all)[at]);
      return expected !== undefined && value.toHex() === expected.toHex();
    }));
  }
  assertEquals(await timeline.count(), all.length);
  const range = { start: keyOf(98), end: keyOf(103), reverse: true };
  const some = await collect(timeline.scan({ ...range, keysOnly: true }));
  assertEquals(some.map(({ key }) => decoder.decode(key)), [102, 101, 100, 99, 98].map(keyOf));
});

test("Timeline.history() of a merged layer shows all versions, both ways", async (place) => {
  const { timeline } = await merged(place);
  const lsns = [1, 2, 3, 4, 5];
  for (const reverse of [false, true]) {
    const versions = await collect(timeline.history(keyOf(100), { reverse }));
    assertEquals(versions.map(({ lsn }) => lsn), reverse ? lsns.toReversed() : lsns);
    for (const { lsn, value } of versions) assertEquals(value, valueOf(100, lsn));
  }
  assertEquals(await timeline.get(keyOf(100), { lsn: 3 }), valueOf(100, 3));
  assertEquals((await collect(timeline.history(keyOf(50)))).map(({ value }) => value), [
    valueOf(50),
    undefined,
  ]);
});

test("a value that is damaged in a run fails its own key in every read", async (place) => {
  const { store } = await merged(place);
  await place.close(store);
  const [path] = place.files(/\.delta$/), bytes = Deno.readFileSync(path);
  const key = new TextEncoder().encode(keyOf(1500));
  const at = bytes.findIndex((_, at) => key.every((byte, i) => bytes[at + i] === byte));
  assert(at > 0 && at < (decodeFooter(bytes.slice(-4096))?.valuesEnd ?? 0));
  bytes[at + 50] ^= 1;
  Deno.writeFileSync(path, bytes);
  const again = await place.open(), timeline = again.timeline(), damage = "report" as const;
  const near = [1498, 1499, 1500, 1501, 1502];
  for (
    const read of [
      () => collect(timeline.getVectored(near.map(keyOf), { damage })),
      () => collect(timeline.scan({ start: keyOf(1498), end: keyOf(1503) }, { damage })),
    ]
  ) {
    for (const [i, entry] of (await read()).entries()) {
      if ("error" in entry) assertInstanceOf(entry.error, CorruptionError);
      assertEquals("error" in entry, near[i] === 1500);
      if (!("error" in entry)) assertEquals(entry.value, valueOf(near[i]));
    }
  }
  const found = [];
  for await (const finding of again.verify()) found.push(finding);
  assertEquals(found.length, 1);
  assertEquals(found[0].keys && decoder.decode(found[0].keys.first), keyOf(1500));
  assertEquals(found[0].keys?.versions, 1);
});

test("entries of a merged layer lie side by side, and are the caller's each for itself", async (place) => {
  const { timeline } = await merged(place);
  const everyKey = Array.from({ length: count }, (_, i) => keyOf(i));
  const reads = [
    () => collect(timeline.scan()),
    () => collect(timeline.scan({ reverse: true })),
    () => collect(timeline.getVectored(everyKey)),
  ];
  for (const read of reads) {
    const entries = await read(), expected = structuredClone(entries);
    const shared = new Set<ArrayBufferLike>();
    for (const [i, { key, value, lsn }] of entries.entries()) {
      // Those behind it are as they were, whatever is done with those in front.
      assertEquals({ key, value, lsn }, expected[i]);
      const memory = value?.buffer ?? key.buffer;
      assert(memory.byteLength <= Math.max(4096, value?.length ?? 0));
      shared.add(memory);
      key.fill(0xee);
      value?.fill(0xee);
    }
    assert(shared.size < count / 4, `${shared.size} blocks of ${count} entries`);
  }
});

test("a scan goes on when the memory of its entries is transferred away", async (place) => {
  const { timeline } = await merged(place);
  let i = 0;
  const reader = timeline.scan().getReader();
  for (; i < 1200; i++) {
    const { value: entry } = await reader.read();
    // It may have gone with a neighbour's.
    if (entry?.value.buffer.detached === false) structuredClone(entry, { transfer: [entry.value.buffer] });
  }
  await reader.cancel();
  const keys = (await collect(timeline.scan())).map(({ key }) => decoder.decode(key));
  assertEquals(keys, Array.from({ length: count }, (_, i) => keyOf(i)).filter((key) => key !== keyOf(50)));
});

test("Timeline.get() gives each caller memory of its own, also when gets are read together", async (place) => {
  const { timeline } = await merged(place);
  for (let round = 0; round < 2; round++) {
    const values = await Promise.all(Array.from({ length: 20 }, (_, i) => timeline.get(keyOf(60 + i))));
    assertEquals(values.map((value) => value?.buffer.byteLength), values.map(() => 100));
  }
});

/** Transfers the memory of each entry away as it comes; those that did not lie in it are right, and the stream goes on. */
async function transferAll(
  stream: ReadableStream<{ key?: Uint8Array<ArrayBuffer>; value?: Uint8Array<ArrayBuffer> | undefined }>,
  expected: readonly Uint8Array[],
): Promise<void> {
  let seen = 0, whole = 0;
  for await (const { key, value } of stream) {
    const isGone = value === undefined || value.buffer.detached;
    if (!isGone) assertEquals(value, expected[seen], `entry ${seen}`);
    if (!isGone) whole++;
    seen++;
    for (const bytes of [key, value]) {
      if (bytes?.buffer.detached === false) structuredClone(bytes, { transfer: [bytes.buffer] });
    }
  }
  assertEquals(seen, expected.length);
  assert(whole > 1, "what comes later has memory of its own");
}

test("Timeline.getVectored() gives records that it read early whole, whatever was transferred away", async (place) => {
  const store = await place.open({ upkeep: "manual" }), numbers = Array.from({ length: 40_000 }, (_, i) => i);
  const value = (i: number) => `value ${i} `.repeat(8), key = (i: number) => `k${100_000 + i}`;
  await store.timeline().append(numbers.map((i) => ({ key: key(i), value: value(i) })));
  await store.timeline().freeze();
  await store.timeline().append(
    numbers.filter((i) => i % 100 === 0).map((i) => ({ key: key(i), value: value(i) })),
  );
  await store.timeline().freeze();
  await place.close(store);
  const again = await place.open({ upkeep: "manual" });
  const asked = [
    ...numbers.slice(0, 1500).map((i) => i * 7 + 1),
    ...numbers.slice(0, 400).map((i) => i * 100),
  ];
  const expected = asked.map((i) => new TextEncoder().encode(value(i)));
  await transferAll(again.timeline().getVectored(asked.map(key)), expected);
});

test("reads give what comes later whole, whatever was transferred away before", async (place) => {
  const store = await place.open({ history: { lsns: 0 } }), timeline = store.timeline();
  const numbers = Array.from({ length: 3000 }, (_, i) => i);
  for (const length of [100, 300, 3000]) {
    // Half of the long ones are compressed in images.
    const valueOf = (i: number) =>
      length > 1000 && i % 2 === 0 ? new Uint8Array(length).fill(i) : patterned(length, i);
    await timeline.append(numbers.map((i) => ({ key: keyOf(i), value: valueOf(i) })));
    const expected = numbers.map(valueOf);
    const readAll = async () => {
      await transferAll(timeline.getVectored(numbers.map(keyOf)), expected);
      await transferAll(timeline.scan(), expected);
      await transferAll(timeline.scan({ reverse: true }), expected.toReversed());
    };
    await readAll();
    await timeline.freeze();
    await readAll();
    await timeline.compact();
    await readAll();
  }
  const versions = numbers.slice(0, 1500).map((i) => patterned(100, i));
  const { horizon } = store.timelines()[0];
  for (const value of versions) await timeline.append([{ key: "versions", value }]);
  assert(horizon >= 0);
  await transferAll(timeline.history("versions"), versions);
});

test("Timeline.getVectored() goes on when the memory of its entries is transferred away", async (place) => {
  const { timeline } = await merged(place);
  await timeline.append(Array.from({ length: 400 }, (_, i) => ({ key: keyOf(i), value: valueOf(i) })));
  await timeline.freeze();
  const keys = Array.from({ length: 5000 }, (_, i) => keyOf(i % count));
  const asked = keys.map((key) => new TextEncoder().encode(key));
  let seen = 0;
  for await (const { key, value } of timeline.getVectored(asked)) {
    // It may have gone with a neighbour's.
    if (key.length > 0) assertEquals(decoder.decode(key), keys[seen]);
    seen++;
    if (value !== undefined && !value.buffer.detached) structuredClone(value, { transfer: [value.buffer] });
    if (!key.buffer.detached) structuredClone(key, { transfer: [key.buffer] });
  }
  assertEquals(seen, keys.length);
});
