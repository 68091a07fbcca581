/** Reads of a size that hurts: long histories, many keys at once, tombstones, many layers. */

import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { Batch, type Timeline } from "../../mod.ts";
import { PageSet } from "../../src/objects/mod.ts";
import { threadMilliseconds } from "../cpu_time.ts";
import { type Place, test } from "../store/matrix.ts";

const MiB = 1024 * 1024;

/** How often the event loop turns during work, and the longest work between two turns, in which nobody else counts. */
async function turnsOf(work: () => Promise<unknown>): Promise<{ turns: number; stall: number }> {
  let turns = 0, stall = 0, isDone = false, last = threadMilliseconds();
  const look = () => {
    const now = threadMilliseconds();
    stall = Math.max(stall, now - last);
    last = now;
    if (isDone) return;
    turns++;
    setTimeout(look, 0);
  };
  setTimeout(look, 0);
  await work();
  isDone = true;
  look();
  return { turns, stall };
}

async function drain(stream: ReadableStream<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of stream) count++;
  return count;
}

async function appendVersions(timeline: Timeline, count: number): Promise<void> {
  const batch = new Batch().put("k", "v");
  for (let i = 0; i < count; i++) {
    const appended = timeline.append(batch);
    if (i % 1000 === 0) await appended;
  }
}

test("Timeline.history() reads 200,000 versions of one key", async (place) => {
  const timeline = (await place.open()).timeline();
  await appendVersions(timeline, 200_000);
  assertEquals(await drain(timeline.history("k")), 200_000);
  await timeline.freeze();
  assertEquals(await drain(timeline.history("k")), 200_000);
  assertEquals(await drain(timeline.history("k", { reverse: true })), 200_000);
});

async function storeOfPages(place: Place): Promise<void> {
  const store = await place.open();
  const batch = new Batch();
  for (let i = 0; i < 40_000; i++) batch.put(`key/${i}`, "");
  await store.timeline().append(batch);
  await store.timeline().freeze();
  await place.close(store);
}

for (const apart of [false, true]) {
  const count = apart ? 4_000 : 20_000;
  test(`Timeline.get() reads each page once when ${count} ask at once (${apart ? "apart" : "gathered"})`, async (place) => {
    await storeOfPages(place);
    const store = await place.open();
    const timeline = store.timeline();
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, store.metrics().bufferBytes), 1);
    const keys = Array.from({ length: count }, (_, i) => `key/${i * 7919 % 40_000}`);
    const read = (key: string) =>
      timeline.get(key, { signal: apart ? new AbortController().signal : undefined });
    const values = await Promise.all(keys.map(read));
    clearInterval(watch);
    assert(values.every((value) => value?.length === 0));
    const { pageReads, cacheMisses, cacheBytes, bufferBytes } = store.metrics();
    const pages = store.timeline().layers()[0].byteLength / 8192;
    assert(
      pageReads <= pages && cacheMisses <= pages,
      `${pageReads} reads, ${cacheMisses} misses of ${pages} pages`,
    );
    assert(cacheBytes <= 64 * MiB && Math.max(most, bufferBytes) <= 32 * MiB, `${cacheBytes}, ${most}`);
  });
}

test("Timeline.scan() gives the event loop its turns among 200,000 tombstones", async (place) => {
  const timeline = (await place.open()).timeline();
  for (let i = 0; i < 200_000;) {
    const batch = new Batch();
    for (const end = i + 1000; i < end; i++) batch.delete(`key/${i * 7919 % 200_000}`);
    await timeline.append(batch);
  }
  const scan = async () => assertEquals(await drain(timeline.scan()), 0);
  const inMemory = await turnsOf(scan);
  await timeline.freeze();
  const sealed = await turnsOf(scan);
  const backwards = await turnsOf(async () => assertEquals(await drain(timeline.scan({ reverse: true })), 0));
  for (const { turns, stall } of [inMemory, sealed, backwards]) {
    assert(turns > 3 && stall < 100, `${turns} turns, the longest after ${stall} ms`);
  }
});

test("Timeline.get() as of an old LSN costs little however many newer versions there are", async (place) => {
  const timeline = (await place.open()).timeline();
  await appendVersions(timeline, 300_000);
  const get = async (newest: number) => {
    const { user } = process.cpuUsage();
    const lsns = Array.from({ length: 1000 }, (_, i) => newest - i);
    const values = await Promise.all(lsns.map((lsn) => timeline.get("k", { lsn })));
    assert(values.every((value) => value?.length === 1));
    return (process.cpuUsage().user - user) / 1000;
  };
  await get(300_000);
  for (const state of ["in memory", "sealed"]) {
    const recent = await get(300_000);
    let old = Infinity;
    const { stall } = await turnsOf(async () => old = await get(1000));
    const costs = `${state}: ${old} ms, as of recent LSNs ${recent} ms, the longest stall ${stall} ms`;
    assert(stall < 100 && old < recent * 2 + 200, costs);
    await timeline.freeze();
  }
});

test("Timeline.getVectored() keeps few pages however many layers there are", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const layers = 80;
  for (let i = 0; i < layers; i++) {
    const batch = new Batch();
    for (let k = 0; k < 6000; k++) batch.put(`${k * 2654435761 % 2 ** 32}/${i}`, "");
    await timeline.append(batch);
    await timeline.freeze();
  }
  await place.close(store);
  const again = await place.open({ cacheBytes: 64 * 1024 });
  let most = 0;
  const { fetch } = PageSet.prototype;
  PageSet.prototype.fetch = async function () {
    most = Math.max(most, this.count);
    await fetch.call(this);
    most = Math.max(most, this.count);
  };
  try {
    const keys = Array.from({ length: 4096 }, (_, i) => `${i % 6000 * 2654435761 % 2 ** 32}/${i % layers}`);
    const values = await again.timeline().getMany(keys);
    assert(values.every((value) => value?.length === 0));
  } finally {
    PageSet.prototype.fetch = fetch;
  }
  assert(most > 0 && most <= 1100, `${most} pages are held`);
});
