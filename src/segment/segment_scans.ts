/**
 * Scans of segments that are read again and again, since another process writes them: each goes on where it ended.
 *
 * @module
 */

import type { StoredObject } from "../objects/mod.ts";
import type { BatchIndex, ExpectedSegment } from "./scan.ts";
import { SegmentScan } from "./segment_scan.ts";

/** The scans of a history's segments. */
export class SegmentScans<Index extends BatchIndex> {
  /** By the id of the file. */
  readonly #scans = new Map<number, SegmentScan<Index>>();
  readonly #indexOf: (expected: ExpectedSegment) => Index;

  /**
   * Scans nothing yet.
   *
   * @param indexOf Makes the index of a segment.
   */
  constructor(indexOf: (expected: ExpectedSegment) => Index) {
    this.#indexOf = indexOf;
  }

  /** The scan of a segment: the one from before, if the same is expected of it. */
  of(object: StoredObject, expected: ExpectedSegment): SegmentScan<Index> {
    const { header: { fileId }, previousLsn, end } = expected, known = this.#scans.get(fileId);
    if (known?.expected.previousLsn === previousLsn && known.expected.end === end) return known;
    const scan = new SegmentScan(object, expected, this.#indexOf(expected));
    this.#scans.set(fileId, scan);
    return scan;
  }

  /** Forgets those of other files. */
  keep(fileIds: Iterable<number>): void {
    const kept = new Set(fileIds);
    for (const fileId of this.#scans.keys()) if (!kept.has(fileId)) this.#scans.delete(fileId);
  }
}
