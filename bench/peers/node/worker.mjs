/**
 * Does one piece of work with one peer in node, and prints what it gave as one line of JSON.
 *
 * `node worker.mjs '<request>'`, where a request says which peer, where its packages are, the stage (`"probe"`,
 * whether the package loads, `"fill"` or `"measure"`), the dataset or the work, and the directory.
 */

import { createRequire } from "node:module";
import { createHistogram } from "node:perf_hooks";
import process from "node:process";
import { beginAccount, residentBytes } from "./account.mjs";
import { openStore as openClassicLevel } from "./classic_level.mjs";
import { keyBytes, keyOf, orderOf, permutationOf, randomOf, valuesOf } from "./keys.mjs";
import { openStore as openLmdb } from "./lmdb.mjs";
import { percentilesOf, watchLoop } from "./loop_delay.mjs";

const MiB = 1024 * 1024;
const warmKeys = 1000;
const memorySamples = 16;

const request = JSON.parse(process.argv[2]);
const load = createRequire(`${request.modules}/`);
const result = await answer(request);
// Written with a callback, because a process that ends at once may lose what it wrote to a pipe.
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

function answer({ stage, peer, work }) {
  if (stage === "probe") return { loads: typeof load(peer) };
  return stage === "fill" ? fill(request) : measure(work);
}

function open(directory, options) {
  return request.peer === "lmdb" ? openLmdb(load, directory) : openClassicLevel(load, directory, options);
}

/** Writes every key of a dataset once. */
async function fill({ dataset, directory, unsealed }) {
  const store = await open(directory, unsealed ? { writeBufferBytes: 1024 * MiB } : {});
  await writeDataset(store, dataset);
  // One that dies leaves its log behind; LevelDB does not flush it when it is closed either.
  if (unsealed) return {};
  await store.settle();
  await store.close();
  return {};
}

async function writeDataset(store, { order, valueBytes, records }) {
  const place = order === "random" ? permutationOf(records) : (index) => index;
  const batchRecords = valueBytes < 1024 ? 256 : 16;
  await writeRecords(store, place, valuesOf(valueBytes), records, batchRecords);
  await store.flush();
}

async function writeRecords(store, place, values, records, batchRecords, onBatch) {
  for (let i = 0; i < records;) {
    const keys = [];
    const batch = [];
    for (const end = Math.min(records, i + batchRecords); i < end; i++) {
      keys.push(keyOf(place(i)));
      batch.push(values(i));
    }
    await store.write(keys, batch);
    if (onBatch !== undefined && onBatch(i) === false) return;
  }
}

function measure(work) {
  switch (work.kind) {
    case "ingest":
      return measureIngest(work);
    case "commit":
      return measureCommit(work);
    case "mixed":
      return measureMixed(work);
    case "open":
    case "replay":
      return measureOpen(work);
    case "get":
    case "vector":
    case "adjacent":
    case "scan":
      return measureRead(work);
    default:
      throw new RangeError(`Cannot do this work: ${work.kind}`);
  }
}

async function measureIngest(work) {
  const store = await open(request.directory);
  const place = orderOf(work.order, work.records);
  const values = valuesOf(work.valueBytes);
  const memory = [];
  const onBatch = (done) => {
    while (memory.length < Math.floor(done / work.records * memorySamples)) memory.push(residentBytes());
  };
  const loop = watchLoop();
  const account = beginAccount();
  await writeRecords(store, place, values, work.records, work.batchRecords, onBatch);
  await store.flush();
  const used = account.end();
  const loopDelay = loop.stop();
  await store.close();
  return { ...gave(work.records, work.valueBytes), ...used, loopDelay, memory };
}

async function measureCommit(work) {
  const store = await open(request.directory);
  const values = valuesOf(work.valueBytes);
  const histogram = createHistogram();
  let next = 0;
  const committer = async () => {
    while (next < work.commits) {
      const index = next++;
      const begin = performance.now();
      await store.commit(keyOf(index), values(index));
      record(histogram, begin);
    }
  };
  const account = beginAccount();
  await Promise.all(Array.from({ length: work.committers }, committer));
  const used = account.end();
  await store.close();
  return { ...gave(work.commits, work.valueBytes), ...used, latency: percentilesOf(histogram, 1000) };
}

async function measureRead(work) {
  const store = await open(request.dataset, work.cache === "warm" ? { cacheBytes: 1024 * MiB } : {});
  const histogram = createHistogram();
  const random = randomOf(3);
  if (work.cache === "warm") { for (let i = 0; i < warmKeys; i++) await store.get(keyOf(i)); }
  const account = beginAccount();
  const operations = await read(store, work, random, histogram);
  const used = account.end();
  await store.close();
  const latency = histogram.count > 0 ? percentilesOf(histogram, 1000) : undefined;
  return { ...gave(operations, work.dataset.valueBytes), ...used, latency };
}

async function read(store, work, random, histogram) {
  const { records } = work.dataset;
  switch (work.kind) {
    case "get":
      return await readGets(
        store,
        work.reads,
        () => random(work.cache === "warm" ? warmKeys : records),
        histogram,
      );
    case "vector":
      return await readVectors(store, work.batches, work.keys, () => random(records), histogram);
    case "scan":
      return checked(await store.scan(), records, 1);
    case "adjacent":
      return await readAdjacent(store, work, random, histogram);
  }
}

async function readGets(store, reads, next, histogram) {
  for (let i = 0; i < reads; i++) {
    const key = keyOf(next());
    const begin = performance.now();
    const value = await store.get(key);
    record(histogram, begin);
    if (value === undefined) throw new Error("Cannot find a key that was written");
  }
  return reads;
}

async function readVectors(store, batches, size, next, histogram) {
  for (let i = 0; i < batches; i++) {
    const keys = Array.from({ length: size }, () => keyOf(next()));
    const begin = performance.now();
    const values = await store.getMany(keys);
    record(histogram, begin);
    if (values.includes(undefined)) throw new Error("Cannot find a key that was written");
  }
  return batches * size;
}

async function readAdjacent(store, work, random, histogram) {
  for (let run = 0; run < work.runs; run++) {
    const start = random(work.dataset.records - work.keys);
    const begin = performance.now();
    if (work.by === "vector") {
      checked(await store.range(keyOf(start), work.keys), work.keys, 0);
    } else {
      for (let i = 0; i < work.keys; i++) await store.get(keyOf(start + i));
    }
    record(histogram, begin);
  }
  return work.runs * work.keys;
}

async function measureMixed(work) {
  const store = await open(request.directory);
  const { dataset } = work;
  await writeDataset(store, dataset);
  const histogram = createHistogram();
  const random = randomOf(3);
  let reading = true;
  const overwritten = randomOf(5);
  const writer = writeRecords(
    store,
    () => overwritten(dataset.records),
    valuesOf(dataset.valueBytes),
    Infinity,
    work.batchRecords,
    () => reading,
  );
  const next = () => random(dataset.records);
  const account = beginAccount();
  const operations = work.keys === 1
    ? await readGets(store, work.reads, next, histogram)
    : await readVectors(store, work.reads, work.keys, next, histogram);
  const used = account.end();
  reading = false;
  await writer;
  await store.flush();
  await store.close();
  return { ...gave(operations, dataset.valueBytes), ...used, latency: percentilesOf(histogram, 1000) };
}

async function measureOpen(work) {
  const account = beginAccount();
  const store = await open(request.dataset);
  const used = account.end();
  await store.close();
  return { ...gave(work.dataset.records, work.dataset.valueBytes), ...used };
}

function gave(operations, valueBytes) {
  return { operations, payloadBytes: operations * (keyBytes + valueBytes) };
}

function record(histogram, begin) {
  histogram.record(Math.max(1, Math.round((performance.now() - begin) * 1e6)));
}

/** Throws unless `count` records came; classic-level holds one more, which its flush wrote. */
function checked(count, expected, spare) {
  if (count < expected || count > expected + spare) {
    throw new Error(`Cannot trust a read: it gave ${count} records, expected ${expected}`);
  }
  return expected;
}
