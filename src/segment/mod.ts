/**
 * Floor 5: the log. Batches are encoded and appended, segments are synced and read back.
 *
 * @module
 */

export { Batch, recordsOf } from "./batch.ts";
export { type CheckedSegment, checkSegment, type SegmentReach } from "./check_segment.ts";
export { type Change, EncodedBatch } from "./encoded_batch.ts";
export { joinPatches } from "./join_patches.ts";
export type { Proof } from "./proof.ts";
export type { ExpectedSegment, ScannedSegment, SegmentIdentity } from "./scan.ts";
export { scanSegment, SegmentScan } from "./segment_scan.ts";
export { SegmentTimes } from "./segment_times.ts";
export { SegmentWriter } from "./segment_writer.ts";
