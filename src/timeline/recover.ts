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
import type { FileHeader, MemoryIndex } from "../layer/mod.ts";
import { isSegmentName, type SegmentEntry, segmentName, type TimelineEntry } from "../manifest/mod.ts";
import { type ResumePoint, type ScannedSegment, scanSegment } from "../segment/mod.ts";
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
  let lastLsn = entry.layers.at(-1)?.lastLsn ?? 0;
  try {
    for (const segment of entry.segments) {
      const recovered = await recoverSegment(context, entry, segment, lastLsn, segments.at(-1));
      if (recovered === undefined || dropped.length > 0) {
        if (recovered !== undefined) await dismiss(context, recovered, lastLsn);
        dropped.push(segment);
        continue;
      }
      segments.push(recovered);
      lastLsn = Math.max(lastLsn, recovered.lastLsn);
    }
  } catch (error) {
    if (!context.readOnly) { for (const { file } of segments) await context.engine.close(file); }
    throw error;
  }
  return { segments, dropped };
}

/** Closes a segment behind a hole, unless it proves that what is missing was durable. */
async function dismiss(context: TimelineContext, segment: RecoveredSegment, lastLsn: Lsn): Promise<void> {
  if (!context.readOnly) await context.engine.close(segment.file);
  if (segment.durableLsn <= lastLsn) return;
  throw new CorruptionError({
    path: segment.path,
    offset: 0,
    expected: `history up to LSN ${segment.durableLsn} before it: a pad in it says that it was durable`,
    found: `history up to LSN ${lastLsn}`,
  });
}

/** Returns the segment, or `undefined` if nothing of it is part of history. */
async function recoverSegment(
  context: TimelineContext,
  timeline: TimelineEntry,
  entry: SegmentEntry,
  lastLsn: Lsn,
  before: RecoveredSegment | undefined,
): Promise<RecoveredSegment | undefined> {
  const path = `${timelineDirectory(context, timeline)}/${segmentName(entry.firstLsn, entry.sequence)}`;
  const file = await openSegment(context, path);
  let kept = false;
  try {
    // Another process may have left bytes in caches: what is trusted must be what stays.
    if (!context.readOnly) await context.engine.datasync(file);
    const expected = { fileId: BigInt(`0x${entry.fileId}`), previousLsn: lastLsn };
    const scanned = await scanSegment(context.engine, context.pool, file, expected);
    checkProofs(path, entry, scanned);
    if (scanned.header === undefined || !follows(path, scanned, lastLsn, before)) return undefined;
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

/** Whether a segment goes on where the one before it ends. */
function follows(
  path: string,
  scanned: ScannedSegment,
  lastLsn: Lsn,
  before: RecoveredSegment | undefined,
): boolean {
  const header = scanned.header as FileHeader;
  if (before === undefined || header.previousSequence !== before.header.sequence) {
    return header.previousLsn <= lastLsn;
  }
  const end = before.resume.position + before.resume.head.length;
  if (header.previousEnd === end && header.previousLsn === lastLsn) return true;
  if (scanned.durableLsn <= lastLsn) return false;
  throw new CorruptionError({
    path: before.path,
    offset: end,
    expected: `records up to LSN ${scanned.durableLsn}: "${path}" says that they were durable`,
    found: "bytes that do not check",
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
  const buffer = context.pool.takeNow();
  try {
    const bytes = buffer.bytes.subarray(0, blockBytes);
    const transfer: Transfer = { file, offset, bytes, done: 0, error: undefined };
    await context.engine.read([transfer]);
    if (transfer.error !== undefined) throw transfer.error;
    return bytes.slice(0, length);
  } finally {
    buffer.release();
  }
}

/** Removes segment files of a timeline that the manifest does not name: leftovers of a crash. */
export async function removeOrphans(context: TimelineContext, entry: TimelineEntry): Promise<void> {
  const directory = timelineDirectory(context, entry);
  const named = new Set(
    [...entry.segments, ...entry.layers].map((file) => segmentName(file.firstLsn, file.sequence)),
  );
  for (const name of await context.engine.list(directory)) {
    if (isSegmentName(name) && !named.has(name)) await context.engine.remove(`${directory}/${name}`);
  }
}
