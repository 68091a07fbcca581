/**
 * What timelines did that are no more: what a store counts since it was opened never goes back.
 *
 * @module
 */

import type { TimelineWriter, Views } from "../timeline/mod.ts";

/** What is counted of each timeline. */
export type Counted = "batches" | "changes" | "bytes" | "syncs" | "seals" | "keysRead";

/** What counts for a timeline. */
export interface Counting {
  /** Its writes. */
  readonly writer: Pick<TimelineWriter, "counters">;
  /** Its reads. */
  readonly views: Pick<Views, "keysRead">;
}

/** What a timeline did until now. */
export function countsOf({ writer, views }: Counting): Record<Counted, number> {
  const { batches, changes, bytes, syncs, seals } = writer.counters;
  return { batches, changes, bytes, syncs, seals, keysRead: views.keysRead };
}

/** The counts of timelines that were deleted, as of when their reads and writes ended. */
export class EndedCounts {
  /** The sums. */
  readonly counts: Record<Counted, number> = {
    batches: 0,
    changes: 0,
    bytes: 0,
    syncs: 0,
    seals: 0,
    keysRead: 0,
  };

  /** Adds those of a timeline that ends. */
  add(timeline: Counting): void {
    for (const [name, count] of Object.entries(countsOf(timeline))) this.counts[name as Counted] += count;
  }
}
