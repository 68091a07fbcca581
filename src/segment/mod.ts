/**
 * Floor 4: the log. Batches are encoded and appended, segments are synced, sealed and read back.
 *
 * @module
 */

export { Batch, type Change, RecordBuffer, recordsOf } from "./batch.ts";
export { type ExpectedSegment, type ScannedSegment, scanSegment } from "./recover.ts";
export { type Patience, type ResumePoint, SegmentWriter } from "./segment_writer.ts";
