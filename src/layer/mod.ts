/**
 * Floor 3: records, and the two kinds of index over them.
 *
 * Everything here is synchronous and pure but for {@linkcode appendIndex}, which waits for room in its sink.
 *
 * @module
 */

export { bloomMayContain } from "./bloom_filter.ts";
export * from "./file_format.ts";
export { appendIndex, type SealedValues, type TailSink } from "./index_writer.ts";
export { hashKey } from "./key_hash.ts";
export { MemoryIndex, type MemoryIndexHint } from "./memory_index.ts";
export { CachedPages, PageCache, type PageCacheMetrics } from "./page_cache.ts";
export {
  entryKey,
  entryKeyEquals,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  pageCount,
  pageLevel,
  searchPage,
  terminalFlag,
  tombstoneFlag,
} from "./page_format.ts";
export * from "./record_format.ts";
export { SealedFile, type SealedFileDescription } from "./sealed_file.ts";
