/** Reads from a dataset: single keys, random keys at once, adjacent keys, everything. */

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Entry, Timeline } from "../../../mod.ts";
import { beginAccount, percentilesOf, recordSince } from "./account.ts";
import { dropCaches } from "../machine/cache.ts";
import { keyOf, randomOf } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import type { Variant } from "./request.ts";
import { openStore } from "./store.ts";
import {
  type AdjacentWork,
  type GetWork,
  payloadOf,
  readsToFill,
  type ScanWork,
  type VectorWork,
} from "../work.ts";

/** Works that read from a dataset. */
export type ReadWork = GetWork | VectorWork | AdjacentWork | ScanWork;

const MiB = 2 ** 20;
const warmKeys = 1000;
// A page of an index holds a few hundred entries: reading one key in 128 touches them all.
const touchStride = 128;
const touchBatch = 1024;

/** Measures reads from the store that lies in `directory`. */
export async function measureRead(
  work: ReadWork,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  const { cacheBytes } = cacheOf(work);
  await using store = await openStore(directory, variant, { cacheBytes });
  const timeline = store.timeline();
  const histogram = createHistogram();
  await warm(timeline, work, directory);
  const account = beginAccount();
  const operations = await read(timeline, work, histogram);
  return {
    operations,
    payloadBytes: payloadOf(operations, work.dataset.valueBytes),
    ...account.end(),
    latency: histogram.count > 0 ? percentilesOf(histogram, 1000) : undefined,
  };
}

/** The cache that is asked for; what a store has by itself is 64 MiB. */
function cacheOf(work: ReadWork): { cacheBytes: number } {
  return { cacheBytes: ("cacheBytes" in work ? work.cacheBytes : undefined) ?? 64 * MiB };
}

/** Fills the cache with what reads at random leave in it. */
export async function fillCache(timeline: Timeline, records: number, cacheBytes: number): Promise<void> {
  const random = randomOf(11);
  const reads = readsToFill(cacheBytes, records);
  for (let i = 0; i < reads; i += touchBatch) {
    await timeline.getMany(Array.from({ length: touchBatch }, () => keyOf(random(records))));
  }
}

/**
 * Brings the index into its cache, or 1,000 records into whatever cache there is. That of an old store need not fit:
 * its cache holds what reads before left in it.
 */
async function warm(timeline: Timeline, work: ReadWork, directory: string): Promise<void> {
  if (work.kind === "scan") return;
  if (work.kind === "get" && work.cache === "warm") {
    for (let i = 0; i < warmKeys; i++) await timeline.get(keyOf(i));
    return;
  }
  const { records, age } = work.dataset;
  if (age === "old") return await fillCache(timeline, records, cacheOf(work).cacheBytes);
  for (let i = 0; i < records;) {
    const keys: Uint8Array[] = [];
    for (; i < records && keys.length < touchBatch; i += touchStride) keys.push(keyOf(i));
    await timeline.getMany(keys);
  }
  // The values that came along must be cold again where they came through the page cache.
  await dropCaches(directory);
}

async function read(timeline: Timeline, work: ReadWork, histogram: RecordableHistogram): Promise<number> {
  const random = randomOf(3);
  const { records } = work.dataset;
  switch (work.kind) {
    case "get":
      return await readGets(
        timeline,
        work.reads,
        () => random(work.cache === "warm" ? warmKeys : records),
        histogram,
      );
    case "vector":
      return await readVectors(timeline, work.batches, work.keys, () => random(records), histogram);
    case "adjacent":
      return await readAdjacent(timeline, work, random, histogram);
    case "scan":
      return await countEntries(timeline.scan(), records);
  }
}

/** Reads single keys one after the other, for no longer than `mostSeconds`; returns how many it read. */
export async function readGets(
  timeline: Timeline,
  reads: number,
  next: () => number,
  histogram: RecordableHistogram,
  mostSeconds: number = Infinity,
): Promise<number> {
  const end = performance.now() + mostSeconds * 1000;
  for (let i = 0; i < reads; i++) {
    const key = keyOf(next());
    const begin = performance.now();
    if (begin > end) return i;
    const value = await timeline.get(key);
    recordSince(histogram, begin);
    if (value === undefined) throw new Error("Cannot find a key that was written");
  }
  return reads;
}

/** Reads batches of keys one after the other. */
export async function readVectors(
  timeline: Timeline,
  batches: number,
  size: number,
  next: () => number,
  histogram: RecordableHistogram,
): Promise<number> {
  for (let i = 0; i < batches; i++) {
    const keys = Array.from({ length: size }, () => keyOf(next()));
    const begin = performance.now();
    await countEntries(timeline.getVectored(keys), size);
    recordSince(histogram, begin);
  }
  return batches * size;
}

async function readAdjacent(
  timeline: Timeline,
  work: AdjacentWork,
  random: (below: number) => number,
  histogram: RecordableHistogram,
): Promise<number> {
  for (let run = 0; run < work.runs; run++) {
    const start = random(work.dataset.records - work.keys);
    const begin = performance.now();
    if (work.by === "vector") {
      await countEntries(timeline.getVectored([{ base: keyOf(start), count: work.keys }]), work.keys);
    } else {
      for (let i = 0; i < work.keys; i++) await timeline.get(keyOf(start + i));
    }
    recordSince(histogram, begin);
  }
  return work.runs * work.keys;
}

/** Takes all entries, and throws unless `expected` of them have a value. */
async function countEntries(entries: ReadableStream<Entry>, expected: number): Promise<number> {
  let count = 0;
  for await (const entry of entries) if (entry.value !== undefined) count++;
  if (count !== expected) {
    throw new Error(`Cannot trust a read: it gave ${count} records, expected ${expected}`);
  }
  return count;
}
