/**
 * Scans of segments that are read again and again, since another process writes them: each goes on where it ended.
 *
 * @module
 */

import type { StoredObject } from "../../objects/mod.ts";
import { type ExpectedSegment, SegmentScan } from "../../segment/mod.ts";

/** The scans of a timeline's segments. */
export class SegmentScans {
  /** By the id of the file. */
  readonly #scans = new Map<number, SegmentScan>();

  /** The scan of a segment: the one from before, if the same is expected of it. */
  of(object: StoredObject, expected: ExpectedSegment): SegmentScan {
    const { header: { fileId }, previousLsn, end } = expected, known = this.#scans.get(fileId);
    if (known?.expected.previousLsn === previousLsn && known.expected.end === end) return known;
    const scan = new SegmentScan(object, expected);
    this.#scans.set(fileId, scan);
    return scan;
  }

  /** Forgets those of other files. */
  keep(fileIds: Iterable<number>): void {
    const kept = new Set(fileIds);
    for (const fileId of this.#scans.keys()) if (!kept.has(fileId)) this.#scans.delete(fileId);
  }
}
