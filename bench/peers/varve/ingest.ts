/** Writes records into a timeline as fast as it takes them. */

import type { Timeline } from "../../../mod.ts";
import { beginAccount, residentBytes, watchLoop } from "./account.ts";
import { Batch } from "./product.ts";
import { keyBytes, keyOf, orderOf, permutationOf, valuesOf, writeKey } from "../keys.ts";
import type { Measurement } from "../measurement.ts";
import type { Variant } from "./request.ts";
import { openStore } from "./store.ts";
import { type Dataset, type IngestWork, payloadOf } from "../work.ts";

const memorySamples = 16;

/** What is written, in which order. */
export interface Records {
  /** The number of the key at an index; called in order. */
  place(index: number): number;
  /** The value at an index. */
  value(index: number): Uint8Array;
  /** How many; `Infinity` until {@linkcode Records.onBatch} says so. */
  count: number;
  /** How many make a batch. */
  batchRecords: number;
  /** Called after each batch with how many are written; `false` ends it. */
  onBatch?(written: number): boolean | void;
}

/** Writes records in batches; a batch and its key are used again. */
export async function writeBatches(timeline: Timeline, records: Records): Promise<void> {
  const batch = new Batch();
  const key = new Uint8Array(keyBytes);
  for (let i = 0; i < records.count;) {
    const end = Math.min(records.count, i + records.batchRecords);
    batch.clear();
    for (; i < end; i++) batch.put(writeKey(key, records.place(i)), records.value(i));
    await timeline.append(batch);
    if (records.onBatch?.(i) === false) return;
  }
}

/** Writes every key of a dataset once. */
export async function fillDataset(timeline: Timeline, dataset: Dataset): Promise<void> {
  const { order, valueBytes, records } = dataset;
  await writeBatches(timeline, {
    place: order === "random" ? permutationOf(records) : (index) => index,
    value: valuesOf(valueBytes),
    count: records,
    batchRecords: valueBytes < 1024 ? 256 : 16,
  });
}

/** Measures an ingest into a new store. */
export async function measureIngest(
  work: IngestWork,
  directory: string,
  variant: Variant,
): Promise<Measurement> {
  await using store = await openStore(directory, variant, { upkeep: "worker" });
  const timeline = store.timeline();
  const memory: number[] = [];
  const records: Records = {
    place: orderOf(work.order, work.records),
    value: valuesOf(work.valueBytes),
    count: work.records,
    batchRecords: work.batchRecords,
    onBatch(written) {
      while (memory.length < Math.floor(written / work.records * memorySamples)) memory.push(residentBytes());
    },
  };
  const loop = watchLoop();
  const account = beginAccount();
  await (work.via === "batch" ? writeBatches(timeline, records) : writeStream(timeline, records));
  await timeline.sync();
  if (work.seal) await timeline.freeze();
  const used = account.end();
  const loopDelay = loop.stop();
  return {
    operations: work.records,
    payloadBytes: payloadOf(work.records, work.valueBytes),
    ...used,
    loopDelay,
    memory,
  };
}

/** Writes one change per chunk. A chunk may be taken later than it is given, so that each has a key of its own. */
async function writeStream(timeline: Timeline, records: Records): Promise<void> {
  const writer = timeline.writable().getWriter();
  for (let i = 0; i < records.count; i++) {
    await writer.ready;
    // A failed write also rejects `ready` and `close`, which are awaited.
    writer.write({ key: keyOf(records.place(i)), value: records.value(i) }).catch(() => {});
  }
  await writer.close();
}
