/**
 * Floor 3: immutable objects, known by their ids. Where they lie, and in which file, is known here alone: above it
 * nobody sees a path, a file or a transfer.
 *
 * ```
 *   create ─► append … sync … finish ─► object(id, layout) ─► read by pages (PageSet) or by ranges (RangeRead) ─► remove
 *                └─ readable from its first byte on, memory and file as one
 * ```
 *
 * @module
 */

export {
  type ObjectId,
  objectId,
  type ObjectKind,
  type ObjectName,
  parseObjectId,
  parseTimelineName,
  timelineName,
} from "./object_id.ts";
export { ObjectBuffers, type ObjectsOptions } from "./context.ts";
export { Objects } from "./objects.ts";
export type { CreateOptions, WriterOptions } from "./write/object_file.ts";
export type { ObjectWriter } from "./write/object_writer.ts";
export type { ObjectsMemory, ObjectsMetrics, ReadCounters } from "./metrics.ts";
export { MemoryRead } from "./read/memory_read.ts";
export type { PinnedObject } from "./read/pinned_object.ts";
export type { PageObserver } from "./read/page_fetch.ts";
export { PageSet, type PageSetOptions } from "./read/page_set.ts";
export { type RangeObserver, RangeRead, type RangeSink, type RangeWants } from "./read/range_read.ts";
export { LentRange } from "./read/summed_range.ts";
export { isAsideName, type RootFiles } from "./root_files.ts";
export type { ObjectExtent, PageLayout, StoredObject } from "./stored_object.ts";
