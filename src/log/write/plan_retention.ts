/**
 * Which segments of a log are given up: whole ones, the oldest first, and never the one that is appended to.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";

/** A segment that ended. */
export interface EndedSegment {
  /** The LSN of its last record. */
  readonly lastLsn: Lsn;
  /** The bytes that it takes. */
  readonly byteLength: number;
  /** By when its last record was appended, in milliseconds since the epoch; `undefined` if nobody knows. */
  readonly endedBy: number | undefined;
}

/** What is kept. */
export interface Kept {
  /** The bytes of segments that ended. */
  readonly bytes: number;
  /** When what is older is given up, in milliseconds since the epoch. */
  readonly since: number;
  /** The last LSN that was given up by whoever truncates. */
  readonly horizon: Lsn;
}

/** How many segments are given up, from the oldest on. */
export function planRetention(segments: readonly EndedSegment[], { bytes, since, horizon }: Kept): number {
  let count = 0, left = segments.reduce((sum, { byteLength }) => sum + byteLength, 0);
  for (const { lastLsn, byteLength, endedBy } of segments) {
    const isOver = left > bytes || lastLsn <= horizon || endedBy !== undefined && endedBy < since;
    if (!isOver) break;
    count++;
    left -= byteLength;
  }
  return count;
}
