/**
 * Opening a timeline: its unsealed segments are read back, and history ends where it is whole.
 *
 * ```
 *   segments:  1 ████████┃   2 █████░░░   3 ██┃        ░ = torn
 *                            └ end of history: 3 is dropped, unless a pad in it says that 2 was durable: corruption
 * ```
 *
 * A segment that was torn is never written below its end again, nor shortened: a durable edit says where it ends, and
 * it is sealed. Only a last segment that was closed cleanly goes on.
 *
 * T1  What is recovered is a prefix of history without a hole, at or beyond the last acknowledged sync.
 * T2  Opening again, after a crash at any moment of this, finds the same or fails the same.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../../base/mod.ts";
import { MemoryIndex } from "../../layer/mod.ts";
import type { Edit, SegmentDescription } from "../../manifest/mod.ts";
import {
  endsToSettle,
  type HistoryEnd,
  readBack,
  type ReadSegment,
  SegmentScans,
} from "../../segment/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";
import { findOrphans } from "./orphans.ts";

/** An unsealed segment that is part of history. */
export type RecoveredSegment = ReadSegment<SegmentDescription, MemoryIndex>;

/** Scans of a timeline's segments that may go on. */
export type TimelineScans = SegmentScans<MemoryIndex>;

/** The unsealed end of a timeline's history. */
export interface Recovery {
  /** Segments that are part of history, oldest first. */
  readonly segments: readonly RecoveredSegment[];
  /** Segments that the manifest names and that hold nothing of history. */
  readonly dropped: readonly SegmentDescription[];
  /** The LSN of the last batch; 0 if there is none. */
  readonly lastLsn: Lsn;
  /** The LSN up to which something says that history was durable. */
  readonly durableLsn: Lsn;
  /** What goes on where the segments end, if another process writes them. */
  readonly scans: TimelineScans;
}

/** Scans of a timeline's segments that begin. */
export function newScans(): TimelineScans {
  return new SegmentScans(() => new MemoryIndex());
}

/**
 * Reads the unsealed segments of a timeline back. Nothing is changed.
 *
 * @param context The timeline.
 * @param scans Those that go on. If it throws they may not go on any more.
 * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
 */
export async function recoverSegments(
  context: TimelineContext,
  scans: TimelineScans = newScans(),
): Promise<Recovery> {
  const { segments: named, layers, horizon, id, ancestor } = timelineState(context);
  const { objects, objects: { directory }, readOnly, storeId } = context;
  // Up to where a branch goes on its ancestor was durable when it was made.
  let lastLsn = ancestor?.lsn ?? 0;
  for (const layer of layers) lastLsn = Math.max(lastLsn, layer.lastLsn);
  const { segments, dropped, durableLsn, end } = await readBack(
    {
      objects,
      owner: { kind: "L0", storeId, timelineId: id },
      readOnly,
      objectOf: (segment) => objects.object(objectOf(context, segment)),
      scans,
    },
    named,
    lastLsn,
  );
  checkReach(directory, horizon, "history below it was given up", end);
  for (const branch of context.manifest.state.timelines) {
    if (branch.ancestor?.id !== id) continue;
    checkReach(directory, branch.ancestor.lsn, `timeline "${branch.name}" goes on from there`, end);
  }
  return { segments, dropped, lastLsn: end.lastLsn, durableLsn, scans };
}

/** Checks that history goes as far as it was durable, by what the manifest says: its horizon, and where branches begin. */
function checkReach(path: string, lsn: Lsn, why: string, { lastLsn, place }: HistoryEnd): void {
  if (lsn <= lastLsn) return;
  throw new CorruptionError({
    path,
    offset: 0,
    ...place,
    expected: `records up to LSN ${lsn}: the manifest says that ${why}`,
    found: `bytes that do not check behind LSN ${lastLsn}`,
  });
}

/**
 * Writes down what was recovered, so that it is found again whatever happens to bytes behind the ends of segments
 * (T2), and removes what is not part of history.
 *
 * @throws {CorruptionError} If there is data that a lost manifest must have named; nothing was changed then.
 */
export async function settleRecovery(context: TimelineContext, recovery: Recovery): Promise<void> {
  const { objects, manifest } = context;
  const orphans = await findOrphans(context);
  const edits = recoveryEdits(context.id, recovery);
  if (edits.length > 0) await manifest.commit(edits);
  const dropped = recovery.dropped.map((segment) => objectOf(context, segment));
  for (const object of dropped) await objects.remove(object);
  if (orphans.length === 0) return;
  // Those that were merged may still be read by other processes: they stay until the next opening then.
  await objects.leases.whileNone(context.id, async () => {
    for (const object of orphans) await objects.remove(object);
  });
}

/** What the manifest must say before anything is written. */
function recoveryEdits(id: number, { segments, dropped }: Recovery): Edit[] {
  const edits = endsToSettle(segments).map((settled): Edit => ({ type: "witness", id, ...settled }));
  const sequences = dropped.map(({ sequence }) => sequence);
  if (sequences.length > 0) edits.push({ type: "dropSegments", id, sequences });
  return edits;
}
