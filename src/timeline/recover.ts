/**
 * Opening a timeline: its unsealed segments are read back, and history ends where it is whole.
 *
 * ```
 *   segments:  1 ████████┃   2 █████░░░   3 ██┃        ░ = torn
 *                            └ end of history: 3 is dropped, unless a pad in it says that 2 was durable: corruption
 * ```
 *
 * T1  What is recovered is a prefix of history without a hole, at or beyond the last acknowledged sync.
 * T2  Opening again, after a crash at any moment of this, finds the same or fails the same.
 *
 * @module
 */

import { blockBytes, CorruptionError, IoError, type Lsn } from "../base/mod.ts";
import type { IoFile, Transfer } from "../io/mod.ts";
import { decodeHeader, type FileHeader, type MemoryIndex } from "../layer/mod.ts";
import { isSegmentName, type SegmentEntry, segmentName, type TimelineEntry } from "../manifest/mod.ts";
import { type ExpectedSegment, type ResumePoint, type ScannedSegment, scanSegment } from "../segment/mod.ts";
import type { TimelineContext } from "./timeline_context.ts";

/** An unsealed segment that is part of history. */
export interface RecoveredSegment {
  /** What the manifest says of it. */
  readonly entry: SegmentEntry;
  /** Its path. */
  readonly path: string;
  /** The file, open; closed already if the store is read only. */
  readonly file: IoFile;
  /** What it says of itself. */
  readonly header: FileHeader;
  /** Where its records lie. */
  readonly index: MemoryIndex;
  /** The LSN of its last batch. */
  readonly lastLsn: Lsn;
  /** How far its pads say the timeline was durable. */
  readonly durableLsn: Lsn;
  /** Where writing goes on. */
  readonly resume: ResumePoint;
}

/** The unsealed end of a timeline's history. */
export interface RecoveredLog {
  /** The segments, oldest first. */
  readonly segments: RecoveredSegment[];
  /** Files that are not part of history and were named by the manifest. */
  readonly dropped: SegmentEntry[];
}

/** The directory of a timeline. */
export function timelineDirectory(context: TimelineContext, entry: TimelineEntry): string {
  return `${context.directory}/${entry.id}`;
}

/**
 * Reads the unsealed segments of a timeline back.
 *
 * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
 */
export async function recoverLog(context: TimelineContext, entry: TimelineEntry): Promise<RecoveredLog> {
  const segments: RecoveredSegment[] = [];
  const dropped: SegmentEntry[] = [];
  let end: HistoryEnd = { lastLsn: entry.layers.at(-1)?.lastLsn ?? 0, segment: undefined, hole: undefined };
  try {
    for (const segment of entry.segments) {
      const recovered = await recoverSegment(context, entry, segment, end);
      if (recovered === undefined) {
        const path = segmentPath(context, entry, segment);
        end = { ...end, hole: end.hole ?? placeOf(end) ?? { path, offset: 0 } };
        dropped.push(segment);
      } else {
        segments.push(recovered);
        end = { lastLsn: Math.max(end.lastLsn, recovered.lastLsn), segment: recovered, hole: undefined };
      }
    }
  } catch (error) {
    if (!context.readOnly) { for (const { file } of segments) await context.engine.close(file); }
    throw error;
  }
  return { segments, dropped };
}

/** How far history goes that was recovered so far. */
interface HistoryEnd {
  readonly lastLsn: Lsn;
  /** The segment that it ends in, if that is not sealed. */
  readonly segment: RecoveredSegment | undefined;
  /** Where history is missing, if segments behind its end were dropped. */
  readonly hole: { readonly path: string; readonly offset: number } | undefined;
}

/** Where the last segment ends. */
function placeOf({ segment }: HistoryEnd): HistoryEnd["hole"] {
  if (segment === undefined) return undefined;
  return { path: segment.path, offset: segment.resume.position + segment.resume.head.length };
}

function segmentPath(context: TimelineContext, timeline: TimelineEntry, entry: SegmentEntry): string {
  return `${timelineDirectory(context, timeline)}/${segmentName(entry.firstLsn, entry.sequence)}`;
}

/** Returns the segment, or `undefined` if nothing of it is part of history. */
async function recoverSegment(
  context: TimelineContext,
  timeline: TimelineEntry,
  entry: SegmentEntry,
  end: HistoryEnd,
): Promise<RecoveredSegment | undefined> {
  const path = segmentPath(context, timeline, entry);
  const file = await openSegment(context, path);
  let kept = false;
  try {
    // Another process may have left bytes in caches: what is trusted must be what stays.
    if (!context.readOnly) await context.engine.datasync(file);
    const scanned = await scan(context, file, {
      fileId: BigInt(`0x${entry.fileId}`),
      previousLsn: end.lastLsn,
    });
    checkProofs(path, entry, scanned);
    if (scanned.header === undefined || !follows(path, scanned, end)) return undefined;
    kept = !context.readOnly;
    return {
      entry,
      path,
      file,
      header: scanned.header,
      index: scanned.index,
      lastLsn: scanned.lastLsn,
      durableLsn: scanned.durableLsn,
      resume: await resumePoint(context, file, scanned),
    };
  } finally {
    if (!kept) await context.engine.close(file);
  }
}

/** Scans a segment; one that another process is writing, so that what it added meanwhile is not taken for proof. */
async function scan(
  context: TimelineContext,
  file: IoFile,
  expected: ExpectedSegment,
): Promise<ScannedSegment> {
  const { engine, pool } = context;
  const scanned = await scanSegment(engine, pool, file, expected);
  if (!context.readOnly || scanned.proof === undefined) return scanned;
  const again = await scanSegment(engine, pool, file, expected);
  if (again.end >= scanned.proof.pad.durableOffset) again.proof = undefined;
  return again;
}

async function openSegment(context: TimelineContext, path: string): Promise<IoFile> {
  const access = context.readOnly ? "read" : "write";
  const direct = context.readOnly ? false : context.writeDirect;
  try {
    return await context.engine.open(path, { access, direct });
  } catch (error) {
    if (!(error instanceof IoError && error.code === "ENOENT")) throw error;
    const expected = "a segment that the manifest names";
    throw new CorruptionError({ path, offset: 0, expected, found: "no file", cause: error });
  }
}

function checkProofs(path: string, entry: SegmentEntry, scanned: ScannedSegment): void {
  const { proof } = scanned;
  if (proof !== undefined) {
    throw new CorruptionError({
      path,
      offset: scanned.end,
      expected:
        `a record: the pad at offset ${proof.offset} says that ${proof.pad.durableOffset} bytes were durable`,
      found: "bytes that do not check",
    });
  }
  const { witness } = entry;
  if (witness === undefined || scanned.end >= witness.offset) return;
  throw new CorruptionError({
    path,
    offset: scanned.end,
    expected: `a record: the manifest says that ${witness.offset} bytes were durable`,
    found: "bytes that do not check, or the end of the file",
  });
}

/** Whether a segment goes on where history ends; if not, it may prove that what is missing was durable. */
function follows(path: string, scanned: ScannedSegment, end: HistoryEnd): boolean {
  const header = scanned.header as FileHeader;
  const isNext = header.previousSequence === end.segment?.header.sequence;
  // Only batches count: the pad that ends the segment before it may be torn.
  if (isNext ? header.previousLsn === end.lastLsn : header.previousLsn <= end.lastLsn) return true;
  if (scanned.durableLsn <= end.lastLsn) return false;
  throw new CorruptionError({
    ...(end.hole ?? placeOf(end) ?? { path, offset: 0 }),
    expected: `records up to LSN ${scanned.durableLsn}: "${path}" says that they were durable`,
    found: `bytes that do not check behind LSN ${end.lastLsn}`,
  });
}

async function resumePoint(
  context: TimelineContext,
  file: IoFile,
  scanned: ScannedSegment,
): Promise<ResumePoint> {
  const position = scanned.end - scanned.end % blockBytes;
  const { valuesCrc, lastLsn } = scanned;
  const head = await readHead(context, file, position, scanned.end - position);
  return { position, head, valuesCrc, lastLsn };
}

async function readHead(
  context: TimelineContext,
  file: IoFile,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  return (await readBlock(context, file, offset)).subarray(0, length);
}

async function readBlock(context: TimelineContext, file: IoFile, offset: number): Promise<Uint8Array> {
  const buffer = context.pool.takeNow();
  try {
    const bytes = buffer.bytes.subarray(0, blockBytes);
    const transfer: Transfer = { file, offset, bytes, done: 0, error: undefined };
    await context.engine.read([transfer]);
    if (transfer.error !== undefined) throw transfer.error;
    return bytes.slice(0, transfer.done);
  } finally {
    buffer.release();
  }
}

/**
 * Returns the paths of segment files that the manifest does not name: leftovers of a crash, to be removed.
 *
 * @throws {CorruptionError} If one of them was once named, so that a manifest is missing.
 */
export async function findOrphans(context: TimelineContext, entry: TimelineEntry): Promise<string[]> {
  const directory = timelineDirectory(context, entry);
  const named = new Set(
    [...entry.segments, ...entry.layers].map((file) => segmentName(file.firstLsn, file.sequence)),
  );
  const names = await context.engine.list(directory);
  const orphans = names.filter((name) => isSegmentName(name) && !named.has(name))
    .map((name) => `${directory}/${name}`);
  for (const path of orphans) await checkOrphan(context, path);
  return orphans;
}

/** A file is named before anything in it counts as durable: a pad that says so is not a leftover's. */
async function checkOrphan(context: TimelineContext, path: string): Promise<void> {
  const file = await context.engine.open(path, { access: "read", direct: context.writeDirect });
  try {
    const header = decodeHeader(await readBlock(context, file, 0));
    if (header === undefined) return;
    const { fileId, firstLsn } = header;
    const scanned = await scanSegment(context.engine, context.pool, file, { fileId, previousLsn: 0 });
    if (scanned.proof === undefined && scanned.durableLsn < firstLsn) return;
    throw new CorruptionError({
      path: context.directory,
      offset: 0,
      expected: `a manifest that names "${path}": a pad in it says that it was durable`,
      found: `manifest version ${context.manifest.state.version}, which does not`,
    });
  } finally {
    await context.engine.close(file);
  }
}
