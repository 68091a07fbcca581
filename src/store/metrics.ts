/**
 * What a store did, in numbers.
 *
 * @module
 */

import type { Latency, Lsn } from "../base/mod.ts";
import type { BackPressure, ThrottleCounts, UpkeepStatus } from "../timeline/mod.ts";
import { type Counted, countsOf } from "./ended_counts.ts";
import type { OpenStore, OpenTimeline } from "./open_store.ts";

/** What upkeep of one timeline does, and what its appends waited for it. */
export interface UpkeepMetrics extends UpkeepStatus, ThrottleCounts {
  /** Why an append would wait now. */
  readonly backPressure: BackPressure;
}

/** The memory of a store by its parts, in bytes, each beside what bounds it. */
export interface MemoryMetrics {
  /** The bytes of buffers of writers, taken or free to be used again. */
  readonly writeBufferBytes: number;
  /** Those of them that are taken: what waits to be written, and what is being written. */
  readonly writeBufferTakenBytes: number;
  /** The bytes of buffers of reads, taken or free to be used again. */
  readonly readBufferBytes: number;
  /** Those of them that are taken. */
  readonly readBufferTakenBytes: number;
  /** What buffers of reads may hold, in bytes: beyond it reads wait. */
  readonly readBufferBudgetBytes: number;
  /** The bytes of pages of indexes and filters in the cache. */
  readonly cachePageBytes: number;
  /** The bytes of records in the cache, with what finds them. */
  readonly cacheRecordBytes: number;
  /** What the cache may hold, in bytes, with what finds it: `cacheBytes`. */
  readonly cacheBudgetBytes: number;
  /** Indexes of the open layers. */
  readonly openIndexBytes: number;
  /** Indexes of frozen layers, until they are sealed. */
  readonly frozenIndexBytes: number;
  /** Memory of indexes that were sealed, which waits for the next ones, of all stores of this thread. */
  readonly spareIndexBytes: number;
  /**
   * What merging holds: a window of records, and leaves that wait for the end of their layer; in a Worker its buffers and
   * pages too, which `memoryBytes` does not bound: 33 MiB of them at the most.
   */
  readonly upkeepBytes: number;
  /** What `memoryBytes` bounds: buffers of writers that are taken, those of merges too, and indexes. */
  readonly writeBytes: number;
  /** What that may be: `memoryBytes` for each timeline. */
  readonly writeBudgetBytes: number;
  /** What is held of all that: buffers, free ones too, indexes, memory that waits for them, upkeep and the cache. */
  readonly totalBytes: number;
}

/** How long operations took lately, by what they are. */
export interface LatencyMetrics {
  /**
   * Appends without `sync`: encoding, and waiting for room. Of those that need not wait one of 16 is timed and counts for
   * all.
   */
  readonly append: Latency;
  /** Syncs, and appends with `sync`, that had something to make durable: from the call until all of it is. */
  readonly sync: Latency;
  /** Gets that were not answered from memory in the turn of their call. */
  readonly get: Latency;
  /** Batches of reads of pages and of records: from handing them to the system until the last has come. */
  readonly diskRead: Latency;
}

/** A read that has not ended, or a snapshot. */
export interface ViewMetrics {
  /** The name of its timeline. Of a branch, it holds layers of the timelines that this one goes on from too. */
  readonly timeline: string;
  /** The LSN that it reads as of. */
  readonly lsn: Lsn;
  /** For how long it has been open. */
  readonly milliseconds: number;
}

/** How many views are told one by one. */
const mostViews = 16;

/**
 * What a store did since it was opened, and what it holds now. Counts only grow: a rate is the difference of two of them by
 * the time between.
 */
export interface StoreMetrics {
  /** Batches that were appended. */
  readonly batches: number;
  /** Changes in them. */
  readonly changes: number;
  /** Bytes of their records. */
  readonly bytes: number;
  /** Syncs that were carried out; concurrent ones share one. */
  readonly syncs: number;
  /** Appends that were refused since a key had moved on. */
  readonly conflicts: number;
  /** Segments that were sealed. */
  readonly seals: number;
  /** Layers that a Worker sealed, and merges that it did. */
  readonly workerJobs: number;
  /** Workers that did not start, or ended before they were told to: what they did is done again. */
  readonly workerFailures: number;
  /** Keys that reads asked for. */
  readonly keysRead: number;
  /** Transfers that were issued for values. */
  readonly valueReads: number;
  /** Bytes that they transferred. */
  readonly valueReadBytes: number;
  /** Transfers that were issued for pages of indexes and bloom filters. */
  readonly pageReads: number;
  /** Pages that were found in the cache. */
  readonly cacheHits: number;
  /** Pages that were not. */
  readonly cacheMisses: number;
  /** Records that gets found in the cache. */
  readonly cacheValueHits: number;
  /** Records that they had to read from files. */
  readonly cacheValueMisses: number;
  /** Bytes of pages and of records in the cache. */
  readonly cacheBytes: number;
  /** Those of records, with what finds them. */
  readonly cacheValueBytes: number;
  /** Bytes of the indexes of open and frozen layers. */
  readonly indexBytes: number;
  /** Bytes that wait in buffers to be written. */
  readonly waitingBytes: number;
  /** Bytes of IO buffers. */
  readonly bufferBytes: number;
  /** Files that are open for reading. */
  readonly openFiles: number;
  /** Frozen layers that wait to be sealed. */
  readonly frozenLayers: number;
  /** Layers on disk. */
  readonly storedLayers: number;
  /** Reads that have not ended, and snapshots. */
  readonly views: number;
  /** The age of the oldest of them in milliseconds; 0 if there is none. What it may need is not removed meanwhile. */
  readonly oldestViewMilliseconds: number;
  /** The oldest of them, those first that began first, 16 at the most. */
  readonly oldestViews: readonly ViewMetrics[];
  /** Memory by its parts. */
  readonly memory: MemoryMetrics;
  /** How long operations took within the last minute. */
  readonly latencies: LatencyMetrics;
  /** Upkeep by timelines: what it does, what there is to do, and how appends were held back by that. */
  readonly upkeep: Readonly<Record<string, UpkeepMetrics>>;
}

/** Counts what a store did and holds. */
export function metricsOf(store: OpenStore): StoreMetrics {
  const { objects, runner, timelines } = store;
  const all = [...timelines.values()], memory = memoryOf(store);
  const sum = (count: (timeline: OpenTimeline) => number) =>
    all.reduce((total, timeline) => total + count(timeline), 0);
  const counted = all.map(countsOf), { counts } = store.ended;
  const total = (name: Counted) => counted.reduce((total, each) => total + each[name], counts[name]);
  return {
    ...objects.metrics(),
    ...runner.counters,
    batches: total("batches"),
    changes: total("changes"),
    bytes: total("bytes"),
    syncs: total("syncs"),
    conflicts: store.meters.conflicts,
    seals: total("seals"),
    keysRead: total("keysRead"),
    indexBytes: memory.openIndexBytes + memory.frozenIndexBytes,
    waitingBytes: sum(({ writer }) => writer.layers.waitingBytes),
    frozenLayers: sum(({ writer }) => writer.layers.frozenCount),
    storedLayers: sum(({ writer }) => writer.layers.map.storedCount),
    views: sum(({ views }) => views.count),
    oldestViewMilliseconds: Math.max(0, ...all.map(({ views }) => views.oldestMilliseconds)),
    oldestViews: oldestOf(all),
    memory,
    latencies: latenciesOf(store),
    upkeep: Object.fromEntries(all.map(({ state, writer }) => {
      const { slowedAppends, slowedMilliseconds, heldAppends, heldMilliseconds } = writer.counters;
      const waits = { slowedAppends, slowedMilliseconds, heldAppends, heldMilliseconds };
      const { backPressure, compactor: { status } } = writer;
      return [state.name, { ...status, ...waits, backPressure }];
    })),
  };
}

function oldestOf(timelines: readonly OpenTimeline[]): ViewMetrics[] {
  const open = timelines.flatMap(({ state: { name }, views }) =>
    views.own.map((view) => ({ timeline: name, lsn: view.lsn, milliseconds: views.ageOf(view) }))
  );
  return open.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, mostViews);
}

function memoryOf({ objects, timelines, meters, options: { settings } }: OpenStore): MemoryMetrics {
  const memory = objects.memory();
  let openIndexBytes = 0, frozenIndexBytes = 0;
  for (const { writer: { layers } } of timelines.values()) {
    openIndexBytes += layers.openIndexBytes;
    frozenIndexBytes += layers.frozenIndexBytes;
  }
  const { writeBufferBytes, readBufferBytes, cachePageBytes, cacheRecordBytes } = memory;
  const spareIndexBytes = objects.host.workers?.spareBytes ?? 0;
  const indexBytes = openIndexBytes + frozenIndexBytes, upkeepBytes = meters.upkeep.byteLength;
  const bufferBytes = writeBufferBytes + readBufferBytes, cacheBytes = cachePageBytes + cacheRecordBytes;
  return {
    ...memory,
    openIndexBytes,
    frozenIndexBytes,
    spareIndexBytes,
    upkeepBytes,
    writeBytes: memory.writeBufferTakenBytes + indexBytes,
    writeBudgetBytes: settings.waitingBytes * timelines.size,
    totalBytes: bufferBytes + indexBytes + spareIndexBytes + upkeepBytes + cacheBytes,
  };
}

function latenciesOf({ objects, meters: { append, sync, get } }: OpenStore): LatencyMetrics {
  const now = objects.host.clock.monotonic();
  const [appends, syncs, gets] = [append, sync, get].map((window) => window.latency(now));
  return { append: appends, sync: syncs, get: gets, diskRead: objects.readLatency() };
}
