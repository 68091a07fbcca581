/**
 * What reading objects did and what it holds.
 *
 * @module
 */

/** Counts of what reads did so far. */
export interface ReadCounters {
  /** Transfers that were issued for ranges, which is where values lie. */
  valueReads: number;
  /** Bytes that they transferred. */
  valueReadBytes: number;
  /** Transfers that were issued for pages and footers. */
  pageReads: number;
}

/** The memory of buffers and of the cache. */
export interface ObjectsMemory {
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
}

/** What reads did so far, and what is held now. */
export interface ObjectsMetrics extends Readonly<ReadCounters> {
  /** Pages that were found in the cache. */
  readonly cacheHits: number;
  /** Pages that had to be read. */
  readonly cacheMisses: number;
  /** Records that were found in the cache. */
  readonly cacheValueHits: number;
  /** Records that had to be read from files, of those that the cache was asked for. */
  readonly cacheValueMisses: number;
  /** The bytes of pages and of records in the cache. */
  readonly cacheBytes: number;
  /** Those of records, with what finds them. */
  readonly cacheValueBytes: number;
  /** The bytes of buffers, of reads and of writers, taken or free. */
  readonly bufferBytes: number;
  /** Files that are open for reading. */
  readonly openFiles: number;
}
