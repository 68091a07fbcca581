/**
 * The batches of several files as one history.
 *
 * Segments of a timeline follow each other in LSN, so that mostly one of them is open; files that overlap, which only
 * damage or a stranger's hand makes, are merged, and of batches at one LSN that of the file made last counts.
 *
 * @module
 */

import type { Objects } from "../../objects/mod.ts";
import { type ReadBatch, readBatches, type SalvageWatch } from "./batch_reader.ts";
import { isSorted, type SalvageSource } from "./sources.ts";
import { readSortedBatches } from "./sorted_batches.ts";
import type { TimelineTally } from "./tally.ts";

interface Open {
  readonly batches: AsyncGenerator<ReadBatch, void>;
  head: ReadBatch;
}

/**
 * Merges the batches of sources.
 *
 * @param objects Where they lie.
 * @param sources The sources, by first LSN.
 * @param tally Who is told what is lost.
 * @param watch Who is told of the bytes.
 * @yields Batches at increasing LSNs.
 */
export async function* mergeBatches(
  objects: Objects,
  sources: readonly SalvageSource[],
  tally: TimelineTally,
  watch: SalvageWatch,
): AsyncGenerator<ReadBatch, void> {
  const open: Open[] = [],
    sorted = sources.filter(isSorted),
    segments = sources.filter((one) => !isSorted(one));
  let next = 0, lastLsn = 0;
  const begin = async (batches: AsyncGenerator<ReadBatch, void>) => {
    const first = await batches.next();
    if (!first.done) open.push({ batches, head: first.value });
  };
  try {
    // Segments come behind them, and count where both have a batch: what was merged lacks no record in them.
    if (sorted.length > 0) await begin(readSortedBatches(objects, sorted, tally, watch));
    for (;;) {
      const least = open.reduce((lsn, { head }) => Math.min(lsn, head.lsn), Infinity);
      if (next < segments.length && segments[next].firstLsn <= least) {
        await begin(readBatches(objects, segments[next++], tally, watch));
        continue;
      }
      const at = open.findLastIndex(({ head }) => head.lsn === least);
      if (at < 0) return;
      const { batches, head } = open[at], following = await batches.next();
      if (following.done) open.splice(at, 1);
      else open[at].head = following.value;
      if (head.lsn > lastLsn) yield head;
      else tally.repeated++;
      lastLsn = Math.max(lastLsn, head.lsn);
    }
  } finally {
    for (const { batches } of open) await batches.return();
  }
}
