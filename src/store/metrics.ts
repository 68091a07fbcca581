/**
 * What a store did, in numbers.
 *
 * @module
 */

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
  /** Bytes of pages in the cache. */
  readonly cacheBytes: number;
  /** Bytes of the indexes of open and frozen layers. */
  readonly indexBytes: number;
  /** Bytes that wait in buffers to be written. */
  readonly waitingBytes: number;
  /** Bytes of IO buffers. */
  readonly bufferBytes: number;
  /** Frozen layers that wait to be sealed. */
  readonly frozenLayers: number;
  /** Sealed layers. */
  readonly sealedLayers: number;
  /** Reads that have not ended. */
  readonly activeReads: number;
}
