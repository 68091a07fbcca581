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
import type { FileHeader, MemoryIndex } from "../../layer/mod.ts";
import type { Edit, SegmentDescription } from "../../manifest/mod.ts";
import type { StoredObject } from "../../objects/mod.ts";
import type { ExpectedSegment, ScannedSegment, SegmentTimes } from "../../segment/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";
import { findOrphans } from "./orphans.ts";
import { SegmentScans } from "./segment_scans.ts";

/** An unsealed segment that is part of history. */
export interface RecoveredSegment {
  /** What the manifest says of it. */
  readonly segment: SegmentDescription;
  /** Where it lies. */
  readonly object: StoredObject;
  /** What it says of itself. */
  readonly header: FileHeader;
  /** Where its records lie. */
  readonly index: MemoryIndex;
  /** When its batches were appended. */
  readonly times: SegmentTimes;
  /** Where its last batch, or the pad behind it, ends. */
  readonly end: number;
  /** The LSN of its last batch. */
  readonly lastLsn: Lsn;
  /** Whether it was closed cleanly, so that batches may be appended to it. */
  readonly isClean: boolean;
}

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
  readonly scans: SegmentScans;
}

/** How far history goes that was recovered so far. */
interface HistoryEnd {
  readonly lastLsn: Lsn;
  /** The sequence of the segment that it ends in, if that is not sealed. */
  readonly sequence?: number;
  /** Where it ends; if no segment was part of it, where the first one lies. */
  readonly place?: { readonly path: string; readonly offset: number };
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
  scans: SegmentScans = new SegmentScans(),
): Promise<Recovery> {
  const { segments: named, layers, horizon, id, ancestor } = timelineState(context);
  const segments: RecoveredSegment[] = [];
  const dropped: SegmentDescription[] = [];
  // Up to where a branch goes on its ancestor was durable when it was made.
  let lastLsn = ancestor?.lsn ?? 0;
  for (const layer of layers) lastLsn = Math.max(lastLsn, layer.lastLsn);
  let durableLsn = lastLsn;
  let end: HistoryEnd = { lastLsn };
  for (const segment of named) {
    const object = context.objects.object(objectOf(context, segment));
    const { path } = object;
    const scanned = await scan(context, scans, segment, object, end);
    checkProofs(path, segment, scanned);
    const recovered = interpret(segment, object, scanned);
    if (recovered !== undefined && follows(recovered.header, end)) {
      segments.push(recovered);
      const { lastLsn, end: offset } = recovered;
      end = { lastLsn, sequence: segment.sequence, place: { path, offset } };
    } else {
      dropped.push(segment);
      end = { place: { path, offset: 0 }, ...end };
    }
    const witnessed = segment.witness?.lsn ?? 0;
    durableLsn = Math.max(durableLsn, scanned.durableLsn, scanned.restDurableLsn, witnessed);
    checkClaim(path, durableLsn, end);
  }
  const { directory } = context.objects;
  checkReach(directory, horizon, "history below it was given up", end);
  for (const branch of context.manifest.state.timelines) {
    if (branch.ancestor?.id !== id) continue;
    checkReach(directory, branch.ancestor.lsn, `timeline "${branch.name}" goes on from there`, end);
  }
  scans.keep(segments.map(({ segment: { fileId } }) => fileId));
  return { segments, dropped, lastLsn: end.lastLsn, durableLsn, scans };
}

/**
 * Scans a segment. One that another process may be writing is scanned twice: only what was found the first time proves
 * anything, and only if the second time does not find what it says was durable.
 */
async function scan(
  context: TimelineContext,
  scans: SegmentScans,
  segment: SegmentDescription,
  object: StoredObject,
  { lastLsn: previousLsn }: HistoryEnd,
): Promise<ScannedSegment> {
  const { objects, readOnly, storeId, id: timelineId } = context;
  const { fileId, sequence, generation, firstLsn, witness } = segment;
  const expected: ExpectedSegment = {
    header: { kind: "L0", storeId, timelineId, fileId, sequence, generation, firstLsn },
    previousLsn,
    end: witness?.isEnd ? witness.offset : undefined,
  };
  // Another process may have left bytes in caches: what is trusted must be what stays.
  if (!readOnly) await objects.datasync(object);
  const scanning = scans.of(object, expected), scanned = await scanning.next(objects);
  const { proof, restDurableLsn } = scanned;
  if (!readOnly || proof === undefined && restDurableLsn <= (scanned.lastLsn ?? previousLsn)) return scanned;
  const again = await scanning.next(objects);
  const isFound = proof === undefined || !proof.isOutOfPlace && again.end >= proof.pad.durableOffset;
  return { ...again, restDurableLsn, proof: isFound ? undefined : proof };
}

function checkProofs(path: string, { witness }: SegmentDescription, scanned: ScannedSegment): void {
  const { end, proof } = scanned;
  if (proof !== undefined) {
    const { expected, found } = proof;
    throw new CorruptionError({ path, offset: end, expected, found });
  }
  if (witness === undefined || end >= witness.offset) return;
  throw new CorruptionError({
    path,
    offset: end,
    expected: `a record: the manifest says that ${witness.offset} bytes were durable`,
    found: "bytes that do not check, or the end of the file",
  });
}

/** What a segment holds of history if it goes on there; `undefined` if it holds no whole batch. */
function interpret(
  segment: SegmentDescription,
  object: StoredObject,
  scanned: ScannedSegment,
): RecoveredSegment | undefined {
  const { header, index, times, end, lastLsn, hasRest } = scanned;
  const { witness } = segment;
  if (header === undefined || lastLsn === undefined) return undefined;
  const isClean = witness !== undefined && !witness.isEnd && witness.offset === end && !hasRest;
  return { segment, object, header, index, times, end, lastLsn, isClean };
}

/** Whether a segment goes on where history ends. */
function follows(header: FileHeader, { sequence, lastLsn }: HistoryEnd): boolean {
  const isNext = header.previousSequence === sequence;
  // Only batches count: the pad that ends the segment before it may be torn.
  return isNext ? header.previousLsn === lastLsn : header.previousLsn <= lastLsn;
}

/** Checks that history goes as far as a segment says that it was durable. */
function checkClaim(path: string, durableLsn: Lsn, end: HistoryEnd): void {
  if (durableLsn <= end.lastLsn) return;
  throw new CorruptionError({
    path,
    offset: 0,
    ...end.place,
    expected: `records up to LSN ${durableLsn}: "${path}" says that they were durable`,
    found: `bytes that do not check behind LSN ${end.lastLsn}`,
  });
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
  const edits: Edit[] = [];
  segments.forEach(({ segment, end, lastLsn, isClean }, i) => {
    const goesOn = isClean && i === segments.length - 1;
    if (goesOn || segment.witness?.isEnd) return;
    const witness = { offset: end, lsn: lastLsn, isEnd: true };
    edits.push({ type: "witness", id, sequence: segment.sequence, witness });
  });
  const sequences = dropped.map(({ sequence }) => sequence);
  if (sequences.length > 0) edits.push({ type: "dropSegments", id, sequences });
  return edits;
}
