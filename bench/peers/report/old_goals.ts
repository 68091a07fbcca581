/** What is asked of an old store, line by line, and of two young rows that are measured beside it. */

import { besideOf, goal, type Line, varve } from "./line.ts";

const rocksdb = besideOf("rocksdb");
const lmdb = besideOf("lmdb:deno");
const fio = besideOf("fio");
const ours = besideOf("varve");

/** The lines of `deno task bench:old`. */
export const oldLines: readonly Line[] = [
  {
    work: "ingest, 100 B, each key once in random order, until no debt is left",
    ours: varve("old.ingest"),
    beside: rocksdb("old.ingest", "RocksDB, filluniquerandom, the same batches, compactions waited for"),
    goal: goal("≥", 3),
  },
  {
    work: "ingest, 100 B, keys drawn with replacement, until no debt is left",
    ours: varve("old.drawn"),
    beside: rocksdb("old.drawn", "RocksDB, fillrandom, the same batches, compactions waited for"),
    goal: goal("≥", 3),
    optional: true,
  },
  {
    work: "bytes to disk by byte of payload, until no debt is left",
    ours: varve("old.ingest.toDisk"),
    beside: rocksdb("old.ingest.toDisk", "RocksDB"),
    goal: goal("≤", 1),
  },
  {
    work: "the same, keys drawn with replacement",
    ours: varve("old.drawn.toDisk"),
    beside: rocksdb("old.drawn.toDisk", "RocksDB, which drops what was overwritten"),
    goal: goal("≤", 1),
    optional: true,
  },
  {
    work: "memory over the ingest and its upkeep, above memoryBytes + cacheBytes",
    ours: varve("old.ingest.memory"),
    beside: rocksdb("old.ingest.memory", "RocksDB, above memtables and cache"),
    goal: goal("≤", 100, "MiB"),
  },
  {
    work: "event loop delay over the ingest and its upkeep",
    ours: varve("old.ingest.delay"),
    goal: goal("≤", 10, "ms"),
  },
  {
    work: "one get, cache of 32 MiB",
    ours: varve("old.get.32MiB"),
    beside: fio("old.get.32MiB", "fio, depth 1"),
    goal: goal("≤", 2.4),
  },
  {
    work: "the same beside RocksDB",
    ours: varve("old.get.32MiB"),
    beside: rocksdb("old.get.32MiB", "RocksDB"),
  },
  {
    work: "the same, its tail",
    ours: varve("old.get.32MiB.p99"),
    beside: fio("old.get.32MiB.p99", "fio, depth 1"),
  },
  {
    work: "one get, cache of 256 MiB",
    ours: varve("old.get.256MiB"),
    beside: fio("old.get.256MiB", "fio, depth 1"),
    goal: goal("≤", 1.3),
  },
  {
    work: "the same, its tail",
    ours: varve("old.get.256MiB.p99"),
    beside: fio("old.get.256MiB.p99", "fio, depth 1"),
  },
  {
    work: "64 random keys at once, cache of 32 MiB",
    ours: varve("old.vector.32MiB"),
    beside: fio("old.vector.32MiB", "fio, batches of 64"),
    goal: goal("≥", 0.4),
  },
  {
    work: "the same beside RocksDB",
    ours: varve("old.vector.32MiB"),
    beside: rocksdb("old.vector.32MiB", "RocksDB, MultiGet of 64"),
  },
  {
    work: "64 random keys at once, cache of 256 MiB",
    ours: varve("old.vector.256MiB"),
    beside: fio("old.vector.256MiB", "fio, batches of 64"),
    goal: goal("≥", 0.8),
  },
  {
    work: "one get, warm, value in the cache",
    ours: varve("old.get.warm"),
    beside: lmdb("old.get.warm", "lmdb, in Deno"),
    goal: goal("≤", 3, "µs"),
  },
  {
    work: "10,000 adjacent keys at once",
    ours: varve("old.adjacent.vector"),
    beside: ours("old.adjacent.gets", "one by one"),
    goal: goal("≥", 20),
  },
  {
    work: "full scan",
    ours: varve("old.scan"),
    beside: lmdb("old.scan", "lmdb, in Deno"),
    goal: goal("≥", 1),
  },
  {
    work: "the same beside RocksDB",
    ours: varve("old.scan"),
    beside: rocksdb("old.scan", "RocksDB, readseq"),
    goal: goal("≥", 0.35),
  },
  {
    work: "get p99 while ingesting and compacting at full speed",
    ours: varve("old.busy"),
    beside: ours("old.busy.idle", "idle"),
    goal: goal("≤", 3),
  },
  {
    work: "event loop delay, ingesting and compacting",
    ours: varve("old.busy.delay"),
    goal: goal("≤", 10, "ms"),
  },
  {
    work: "space of a data set overwritten at random, 1,000 LSNs of history",
    ours: varve("old.space"),
    beside: rocksdb("old.space", "RocksDB, no history"),
  },
  {
    work: "the same by the data set and its history",
    ours: varve("old.space.kept"),
    goal: goal("≤", 1.3, "bytes by byte"),
  },
  {
    work: "open of the old store",
    ours: varve("old.open"),
    beside: rocksdb("old.open", "RocksDB"),
    goal: goal("≤", 50, "ms"),
  },
  {
    work: "young store: durable commits of 200 B, 1 committer",
    ours: varve("commit.1"),
    beside: rocksdb("commit.1", "RocksDB, sync=1"),
    goal: goal("≥", 0.9),
  },
  {
    work: "young store: 64 random keys at once, cold, 100 B",
    ours: varve("vector.100B"),
    beside: fio("vector.100B", "fio, batches of 64"),
    goal: goal("≥", 0.85),
  },
];
