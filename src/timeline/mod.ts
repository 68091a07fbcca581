/**
 * Floor 5: one history. The write path ends in sealed layers; reads plan, await and interpret.
 *
 * @module
 */

export { type Entry, FailedEntry, type Version } from "./entry.ts";
export type { KeyVec } from "./key_vec.ts";
export type { LayerInfo } from "./layer_info.ts";
export type { ReadContext, ReadCounters } from "./read_context.ts";
export { ReadSessions } from "./read_session.ts";
export { Snapshot, type SnapshotReadOptions } from "./snapshot.ts";
export {
  type AppendOptions,
  type HistoryOptions,
  type ReadOptions,
  type ScanRange,
  Timeline,
  type WritableOptions,
} from "./timeline.ts";
export { idName, randomId, type TimelineContext, type TimelineSettings } from "./timeline_context.ts";
export { type LogCounters, TimelineLog } from "./timeline_log.ts";
