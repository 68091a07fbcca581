/**
 * Floor 6: a log of records without keys, a product of its own on segments; it stands beside `timeline` and knows nothing
 * of it.
 *
 * @module
 */

export { Log, openLogWith } from "./log.ts";
export { OffsetError, type OffsetErrorContext } from "./offset_error.ts";
export type { LogAppendOptions, LogOptions, LogRetention } from "./options.ts";
export type { LogEntry } from "./read/payload_walk.ts";
export type { LogReadOptions } from "./read/plan_read.ts";
export type { SegmentInfo } from "./segment_info.ts";
