/**
 * What of a log is there: segments that ended, as the manifest says, and the rest as it is read back.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../base/mod.ts";
import { type Edit, Manifest, type SegmentDescription } from "../manifest/mod.ts";
import type { ObjectId } from "../objects/mod.ts";
import {
  endsToSettle,
  findUnnamed,
  hasData,
  isLater,
  readBack,
  type ReadSegment,
  SegmentScans,
  type Unnamed,
} from "../segment/mod.ts";
import { SparseIndex } from "./index/sparse_index.ts";
import { homeOf, type LogContext, logState, ownerOf, segmentObject } from "./log_context.ts";
import { LogSegment } from "./log_segment.ts";

/** A segment that was read back. */
export type RecoveredLogSegment = ReadSegment<SegmentDescription, SparseIndex>;

/** Scans of segments that may go on. */
export type LogScans = SegmentScans<SparseIndex>;

/** What of a log is there. */
export interface RecoveredLog {
  /** Segments that ended, oldest first. */
  readonly ended: readonly LogSegment[];
  /** Those behind them that were read back. */
  readonly segments: readonly RecoveredLogSegment[];
  /** Segments that the manifest names and that hold nothing. */
  readonly dropped: readonly SegmentDescription[];
  /** The LSN of the last record. */
  readonly lastLsn: Lsn;
  /** The LSN up to which something says that records were durable. */
  readonly durableLsn: Lsn;
}

/** Scans that begin. */
export function newLogScans(): LogScans {
  return new SegmentScans(() => new SparseIndex());
}

/**
 * Finds what is there. Nothing is changed.
 *
 * @param context The log.
 * @param scans Those that go on. If it throws they may not go on any more.
 * @throws {CorruptionError} If records that were once durable are damaged or missing.
 */
export async function recoverLog(
  context: LogContext,
  scans: LogScans = newLogScans(),
): Promise<RecoveredLog> {
  const { objects, id, settings: { readOnly } } = context, { segments: named, horizon } = logState(context);
  const objectOf = (segment: SegmentDescription) => objects.object(segmentObject(id, segment));
  const count = named.findIndex(({ witness }) => !witness?.isEnd);
  const settled = count < 0 ? named : named.slice(0, count), others = count < 0 ? [] : named.slice(count);
  const ended = settled.map((segment) => {
    const { offset: valuesEnd = 0, lsn: lastLsn = 0 } = segment.witness ?? {};
    return new LogSegment(segment, objectOf(segment), { valuesEnd, lastLsn });
  });
  await checkFiles(context, settled);
  const [first] = others,
    before = ended.at(-1)?.lastLsn ?? (first === undefined ? horizon : first.firstLsn - 1);
  const owner = ownerOf(context), source = { objects, owner, readOnly, objectOf, scans };
  const { segments, dropped, durableLsn, end } = await readBack(source, others, before);
  const { lastLsn } = end;
  checkRow(ended, segments);
  // What was given up was durable.
  if (named.length > 0 && lastLsn < horizon) {
    const expected = `records up to offset ${horizon - 1}: the manifest says that they were given up`;
    const found = `bytes that do not check behind offset ${lastLsn - 1}`;
    throw new CorruptionError({ path: objects.directory, offset: 0, ...end.place, expected, found });
  }
  return { ended, segments, dropped, lastLsn: Math.max(lastLsn, horizon), durableLsn };
}

/** Checks that segments that ended are there: nothing of them is read before somebody asks for it. */
async function checkFiles(
  { objects, id }: LogContext,
  segments: readonly SegmentDescription[],
): Promise<void> {
  if (segments.length === 0) return;
  const there = new Set(await objects.list(id));
  const missing = segments.map((segment) => segmentObject(id, segment)).find((file) => !there.has(file));
  if (missing === undefined) return;
  const path = `${objects.directory}/${missing}`;
  throw new CorruptionError({
    path,
    offset: 0,
    expected: "a segment that the manifest names",
    found: "no file",
  });
}

/** Checks that segments follow each other without a gap, and hold as many records as they have LSNs (G2). */
function checkRow(ended: readonly LogSegment[], segments: readonly RecoveredLogSegment[]): void {
  const row = [
    ...ended.map(({ firstLsn, lastLsn, object }) => ({
      firstLsn,
      lastLsn,
      object,
      count: lastLsn - firstLsn + 1,
    })),
    ...segments.map(({ segment: { firstLsn }, lastLsn, object, batches: count }) => {
      return { firstLsn, lastLsn, object, count };
    }),
  ];
  let last = row.length === 0 ? 0 : row[0].firstLsn - 1;
  for (const { firstLsn, lastLsn, object: { path }, count } of row) {
    const isRight = firstLsn === last + 1 && lastLsn >= firstLsn && count === lastLsn - firstLsn + 1;
    if (!isRight) {
      const expected = `records from offset ${last} on, without a gap`;
      const found = `${count} from offset ${firstLsn - 1} to ${lastLsn - 1}`;
      throw new CorruptionError({ path, offset: 0, expected, found });
    }
    last = lastLsn;
  }
}

/**
 * Writes down where segments end that were torn, so that the same is found whatever happens behind their ends, and removes
 * what is not part of the log.
 *
 * @throws {CorruptionError} If there is data that a lost manifest must have named; nothing was changed then.
 */
export async function settleLog(context: LogContext, recovered: RecoveredLog): Promise<void> {
  const { objects, manifest, id } = context, { files, later } = await listUnnamed(context);
  for (const file of later) {
    if (await hasData(objects, objects.object(file))) throw unnamed(context, file);
  }
  const edits = endsToSettle(recovered.segments).map((end): Edit => ({ type: "witness", id, ...end }));
  const sequences = recovered.dropped.map(({ sequence }) => sequence);
  if (sequences.length > 0) edits.push({ type: "dropSegments", id, sequences });
  if (edits.length > 0) await manifest.commit(edits);
  for (const segment of recovered.dropped) await objects.remove(segmentObject(id, segment));
  for (const file of files) await objects.remove(file);
}

/**
 * Refuses, for a reader, a manifest that is older than the log. Another process may have made a file since the manifest
 * was read; then the manifest says so by now, as nothing is written to a file before.
 *
 * @throws {CorruptionError} If there is data that a lost manifest must have named.
 */
export async function checkNamed(context: LogContext): Promise<void> {
  const { objects, id } = context, { later } = await listUnnamed(context);
  for (const file of later) {
    if (!await hasData(objects, objects.object(file))) continue;
    const now = await Manifest.open(homeOf(context), { readOnly: true });
    const state = now?.state.timelines.find((history) => history.id === id);
    if (state === undefined || isLater(file, state.nextSequence)) throw unnamed(context, file);
  }
}

function listUnnamed(context: LogContext): Promise<Unnamed> {
  const { objects, id } = context, { segments, nextSequence } = logState(context);
  return findUnnamed(
    objects,
    id,
    new Set(segments.map((segment) => segmentObject(id, segment))),
    nextSequence,
  );
}

function unnamed({ objects, manifest }: LogContext, file: ObjectId): CorruptionError {
  const { path } = objects.object(file), found = `manifest version ${manifest.state.version}, which does not`;
  return new CorruptionError({ path, offset: 0, expected: "a manifest that names it: it holds data", found });
}
