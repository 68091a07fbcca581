/** Reads while a writer on the same timeline writes as fast as it can. */

import { createHistogram } from "node:perf_hooks";
import { beginAccount, percentilesOf, watchLoop } from "./account.ts";
import { randomOf, valuesOf } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import { fillDataset, writeBatches } from "./ingest.ts";
import { readGets, readVectors } from "./read.ts";
import type { Variant } from "./request.ts";
import { openStore } from "./store.ts";
import { type MixedWork, payloadOf } from "../work.ts";

/** Measures reads from a new store that is being written to. */
export async function measureMixed(
  work: MixedWork,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  await using store = await openStore(directory, variant, { upkeep: "worker" });
  const timeline = store.timeline();
  const { dataset } = work;
  await fillDataset(timeline, dataset);
  await timeline.freeze();
  const histogram = createHistogram();
  const overwritten = randomOf(5);
  const random = randomOf(3);
  const next = () => random(dataset.records);
  let written = 0;
  let reading = true;
  const writer = writeBatches(timeline, {
    place: () => overwritten(dataset.records),
    value: valuesOf(dataset.valueBytes),
    count: Infinity,
    batchRecords: work.batchRecords,
    onBatch(count) {
      written = count;
      return reading;
    },
  });
  const loop = watchLoop();
  const account = beginAccount();
  const operations = work.keys === 1
    ? await readGets(timeline, work.reads, next, histogram)
    : await readVectors(timeline, work.reads, work.keys, next, histogram);
  const used = account.end();
  const writtenMeanwhile = written;
  const loopDelay = loop.stop();
  reading = false;
  await writer;
  return {
    operations,
    payloadBytes: payloadOf(operations, dataset.valueBytes),
    ...used,
    latency: percentilesOf(histogram, 1000),
    loopDelay,
    writtenMeanwhile,
  };
}
