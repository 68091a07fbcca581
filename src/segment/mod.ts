/**
 * Floor 5: the log. Batches are encoded and appended, segments are synced and read back.
 *
 * @module
 */

export { Batch, recordsOf } from "./batch.ts";
export { type CheckedSegment, checkSegment, type SegmentReach } from "./check_segment.ts";
export { CountedClock } from "./tail/counted_clock.ts";
export { Durability, type SegmentHolder, type UnsealedSegments } from "./tail/durability.ts";
export { type Change, EncodedBatch } from "./encoded_batch.ts";
export { joinPatches } from "./join_patches.ts";
export type { Proof } from "./proof.ts";
export * from "./read_back.ts";
export type { BatchIndex, ExpectedSegment, ScannedSegment, SegmentIdentity } from "./scan.ts";
export { scanSegment, SegmentScan } from "./segment_scan.ts";
export { SegmentScans } from "./segment_scans.ts";
export { SegmentTimes } from "./segment_times.ts";
export { type SegmentTail, SegmentWriter } from "./segment_writer.ts";
export { Upkeep } from "./tail/upkeep.ts";
export { TimedFlusher } from "./tail/timed_flusher.ts";
export { findUnnamed, hasData, isLater, type Unnamed } from "./unnamed.ts";
export { Waiters } from "./tail/waiters.ts";
