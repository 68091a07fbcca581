/**
 * What a store did, in numbers.
 *
 * @module
 */

import type { OpenStore, OpenTimeline } from "./open_store.ts";

/** What a store did since it was opened, and what it holds now. */
export interface StoreMetrics {
  /** Batches that were appended. */
  readonly batches: number;
  /** Changes in them. */
  readonly changes: number;
  /** Bytes of their records. */
  readonly bytes: number;
  /** Syncs that were carried out; concurrent ones share one. */
  readonly syncs: number;
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
}

/** Counts what a store did and holds. */
export function metricsOf({ objects, runner, timelines }: OpenStore): StoreMetrics {
  const all = [...timelines.values()];
  const sum = (count: (timeline: OpenTimeline) => number) =>
    all.reduce((total, timeline) => total + count(timeline), 0);
  return {
    ...objects.metrics(),
    ...runner.counters,
    batches: sum(({ writer }) => writer.counters.batches),
    changes: sum(({ writer }) => writer.counters.changes),
    bytes: sum(({ writer }) => writer.counters.bytes),
    syncs: sum(({ writer }) => writer.counters.syncs),
    seals: sum(({ writer }) => writer.counters.seals),
    keysRead: sum(({ views }) => views.keysRead),
    indexBytes: sum(({ writer }) => writer.indexBytes),
    waitingBytes: sum(({ writer }) => writer.waitingBytes),
    frozenLayers: sum(({ writer }) => writer.frozenCount),
    storedLayers: sum(({ writer }) => writer.map.storedCount),
    views: sum(({ views }) => views.count),
    oldestViewMilliseconds: Math.max(0, ...all.map(({ views }) => views.oldestMilliseconds)),
  };
}
