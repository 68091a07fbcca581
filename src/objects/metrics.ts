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
