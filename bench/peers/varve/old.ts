/** Fills an old store, reads from one that is busy, and looks what space overwriting takes. */

import { createHistogram } from "node:perf_hooks";
import type { Store, StoreOptions } from "../../../mod.ts";
import { bytesBelow, copyDirectory } from "../machine/files.ts";
import { orderOf, randomOf, valuesOf } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import { type BusyWork, type FillWork, type OverwriteWork, payloadOf } from "../work.ts";
import { beginAccount, percentilesOf, watchLoop } from "./account.ts";
import { fillDataset, writeBatches } from "./ingest.ts";
import { fillCache, readGets } from "./read.ts";
import type { Variant } from "./request.ts";
import { openStore } from "./store.ts";
import { settle } from "./upkeep.ts";

const MiB = 2 ** 20;
const batchRecords = 256;
/** As they come, said aloud because memory is held against them. */
const memory = { memoryBytes: 256 * MiB, cacheBytes: 64 * MiB } as const;

/** Measures an ingest into a new store until no debt is left. */
export async function measureFill(work: FillWork, directory: string, variant: Variant): Promise<Measurement> {
  await using store = await openStore(directory, variant, { ...memory, upkeep: "worker" });
  const timeline = store.timeline();
  const { dataset, keys } = work;
  const { records, valueBytes } = dataset;
  const loop = watchLoop();
  const account = beginAccount();
  if (keys === "once") await fillDataset(timeline, dataset);
  else {
    const place = orderOf("random", records);
    await writeBatches(timeline, { place, value: valuesOf(valueBytes), count: records, batchRecords });
  }
  await timeline.sync();
  await settle(store);
  const used = account.end();
  const loopDelay = loop.stop();
  const settingsBytes = memory.memoryBytes + memory.cacheBytes;
  const payloadBytes = payloadOf(records, valueBytes);
  return { operations: records, payloadBytes, ...used, loopDelay, settingsBytes };
}

/** Measures gets from a copy of the store in `dataset`: idle, then beside a writer and upkeep. */
export async function measureBusy(
  work: BusyWork,
  dataset: string,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  await copyDirectory(dataset, directory);
  await using store = await openStore(directory, variant, { cacheBytes: work.cacheBytes, upkeep: "worker" });
  const timeline = store.timeline();
  const { records, valueBytes } = work.dataset;
  const random = randomOf(3), next = () => random(records);
  await fillCache(timeline, records, work.cacheBytes);
  const idle = createHistogram(), busy = createHistogram();
  await readGets(timeline, work.reads, next, idle);

  const overwritten = randomOf(5);
  let written = 0, reading = true;
  const writer = writeBatches(timeline, {
    place: () => overwritten(records),
    value: valuesOf(valueBytes),
    count: Infinity,
    batchRecords,
    onBatch(count) {
      written = count;
      return reading;
    },
  });
  const loop = watchLoop();
  const account = beginAccount();
  const operations = await readGets(timeline, work.reads, next, busy, work.mostSeconds);
  const used = account.end();
  const writtenMeanwhile = written;
  const loopDelay = loop.stop();
  reading = false;
  await writer;
  return {
    operations,
    payloadBytes: payloadOf(operations, valueBytes),
    ...used,
    latency: percentilesOf(busy, 1000),
    idle: percentilesOf(idle, 1000),
    loopDelay,
    writtenMeanwhile,
  };
}

/**
 * Measures a data set that is overwritten at random, and the space it takes when upkeep has done what it can.
 *
 * @returns The measurement, or why this Varve cannot give up history.
 */
export async function measureOverwrite(
  work: OverwriteWork,
  directory: string,
  variant: Variant,
): Promise<Measurement | { unable: string }> {
  const store = await openWithHistory(work, directory, variant);
  if ("unable" in store) return store;
  const { dataset, records } = work;
  const { valueBytes } = dataset;
  const timeline = store.timeline();
  let account = beginAccount(), keptRecords = dataset.records;
  try {
    await fillDataset(timeline, dataset);
    await timeline.sync();
    account = beginAccount();
    const place = orderOf("random", dataset.records);
    await writeBatches(timeline, { place, value: valuesOf(valueBytes), count: records, batchRecords });
    await timeline.sync();
    await settle(store);
    // What is above the horizon stays, and beside it the version of each key as of it.
    keptRecords += (timeline.lastLsn - store.timelines()[0].horizon) * batchRecords;
  } finally {
    await store.close();
  }
  const used = account.end();
  const payloadBytes = payloadOf(records, valueBytes);
  const bytes = await bytesBelow(directory);
  const space = bytes / payloadOf(dataset.records, valueBytes);
  const spaceOfKept = bytes / payloadOf(keptRecords, valueBytes);
  return { operations: records, payloadBytes, ...used, space, spaceOfKept };
}

async function openWithHistory(
  { historyLsns }: OverwriteWork,
  directory: string,
  variant: Variant,
): Promise<Store | { unable: string }> {
  // The type of the options is that of this checkout, which may not have this one.
  const options = { ...memory, upkeep: "worker", history: { lsns: historyLsns } } as StoreOptions;
  try {
    return await openStore(directory, variant, options);
  } catch (error) {
    if (!(error instanceof TypeError && error.message.includes("history"))) throw error;
    return { unable: `this Varve keeps all history, it has no option for less: ${error.message}` };
  }
}
