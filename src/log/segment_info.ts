/** What is told of the segments of a log. */

import type { LogSegment } from "./log_segment.ts";

/** One segment of a log. */
export interface SegmentInfo {
  /** Its file. */
  path: string;
  /** The offset of its first record. */
  firstOffset: number;
  /** The offset behind its last record. */
  nextOffset: number;
  /** The bytes that its records take, with what stands between them. */
  byteLength: number;
  /**
   * Whether it is appended to here, is done with: `"sealed"`, or neither, as one that waits for its index, and the last one
   * of a log that is only read: `"frozen"`.
   */
  state: "open" | "frozen" | "sealed";
}

/** Tells of a segment. */
export function infoOf({ object, firstLsn, lastLsn, valuesEnd, writer, live }: LogSegment): SegmentInfo {
  const state = writer !== undefined ? "open" : live !== undefined ? "frozen" : "sealed";
  return { path: object.path, firstOffset: firstLsn - 1, nextOffset: lastLsn, byteLength: valuesEnd, state };
}
