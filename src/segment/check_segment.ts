/**
 * Checking a segment that is not sealed: its records up to where it is known durable, or, where nobody knows, up to
 * where it ends, with its pads as witnesses.
 *
 * @module
 */

import { blockBytes, CorruptionError, IoError, type Lsn, maxLsn } from "../base/mod.ts";
import { type Inspector, lastOfBatch, readPieces, RecordWalk } from "../layer/mod.ts";
import type { Objects, StoredObject } from "../objects/mod.ts";
import type { BatchIndex, ScannedSegment, SegmentIdentity } from "./scan.ts";
import { scanSegment } from "./segment_scan.ts";

/** What is known of a segment that is checked. */
export interface CheckedSegment {
  /** What its header must say. */
  readonly header: SegmentIdentity;
  /** The last LSN before it. */
  readonly previousLsn: Lsn;
  /** Where it ends, if that is settled, or up to where its writer knows it durable: nothing behind is read. */
  readonly end?: number | undefined;
  /** How many bytes of it were durable at some time. */
  readonly witnessed?: number | undefined;
  /** The last LSN in them; left out where nobody knows. */
  readonly witnessedLsn?: Lsn | undefined;
  /** Whether another process may be writing it: damage is then what is found twice. */
  readonly isForeign: boolean;
}

/** How far history goes in a segment that was checked. */
export interface SegmentReach {
  /** The LSN of the last batch that is found, or told to be missing; the one before the segment if there is none. */
  readonly lastLsn: Lsn;
  /** The highest LSN of the timeline that a pad of the segment says was durable. */
  readonly durableLsn: Lsn;
  /** Whether anything of it can be read. */
  readonly isRead: boolean;
}

/**
 * Checks a segment.
 *
 * @param objects Where it lies; it belongs to the inspection alone.
 * @param object The segment.
 * @param segment What is known of it.
 * @param inspector Who is told.
 */
export async function checkSegment(
  objects: Objects,
  object: StoredObject,
  segment: CheckedSegment,
  inspector: Inspector,
): Promise<SegmentReach> {
  const { previousLsn, witnessedLsn = 0, header: { firstLsn } } = segment;
  try {
    const expected = { ...segment, searchesAll: true };
    let scanned = await scanSegment(objects, object, expected), end = provenEnd(segment, scanned);
    if (end > scanned.end && segment.isForeign) {
      scanned = await scanSegment(objects, object, expected);
      if (scanned.end >= end) end = scanned.end;
    }
    inspector.check();
    inspector.read(scanned.end);
    const { durableLsn, restDurableLsn, proof } = scanned;
    if (proof?.isOutOfPlace) {
      const { expected, found } = proof;
      const error = new CorruptionError({ path: object.path, offset: proof.offset, expected, found });
      const last = Math.max(firstLsn, scanned.lastLsn ?? 0);
      inspector.found({ error, offset: proof.offset, lsns: { first: firstLsn, last } });
    }
    const lastLsn = end > scanned.end
      ? await findGaps(objects, object, segment, scanned, end, inspector)
      : scanned.lastLsn ?? previousLsn;
    return { lastLsn, durableLsn: Math.max(durableLsn, restDurableLsn), isRead: true };
  } catch (error) {
    if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
    inspector.found({ error, lsns: { first: firstLsn, last: Math.max(firstLsn, witnessedLsn) } });
    return { lastLsn: previousLsn, durableLsn: 0, isRead: false };
  }
}

/** Up to where it is proven that records were durable. */
function provenEnd(
  { end = 0, witnessed = 0 }: CheckedSegment,
  { restDurableOffset }: ScannedSegment<BatchIndex>,
): number {
  return Math.max(end, witnessed, restDurableOffset);
}

/**
 * Tells of every stretch in front of `end` that holds no record, and which LSNs are missing there. Returns the last LSN
 * that is found, or told to be missing.
 */
async function findGaps(
  objects: Objects,
  object: StoredObject,
  { header: { fileId, firstLsn }, previousLsn }: CheckedSegment,
  scanned: ScannedSegment<BatchIndex>,
  end: number,
  inspector: Inspector,
): Promise<Lsn> {
  const { path } = object, start = Math.max(blockBytes, scanned.end);
  let lsn = scanned.lastLsn ?? Math.max(previousLsn, firstLsn - 1), next = lsn + 1;
  const open: { from: number; to: number; after: Lsn; wasPad: boolean }[] = [];
  const tell = (before: Lsn) => {
    for (const { from, to, after, wasPad } of open.splice(0)) {
      const expected = wasPad ? "a pad" : "records, which were durable", found = "bytes that do not check";
      const error = new CorruptionError({ path, offset: from, expected, found });
      // The batch behind it may have records in it too.
      const lsns = wasPad ? undefined : { first: after, last: Math.max(after, before) };
      inspector.found({ error, offset: from, length: to - from, lsns });
    }
  };
  if (scanned.header === undefined) open.push({ from: 0, to: blockBytes, after: next, wasPad: false });
  const area = { start, end, fileId, firstLsn: Math.max(1, lsn), lastLsn: maxLsn, isOrdered: true };
  const walk = new RecordWalk(area, {
    record: (header) => {
      tell(lsn = header.lsn);
      next = header.flags === lastOfBatch ? lsn + 1 : lsn;
    },
    gap: (from, to, wasPad) => void open.push({ from, to, after: next, wasPad }),
  });
  const from = start - start % blockBytes;
  await readPieces(objects, object, inspector, {
    start: from,
    end,
    take: (bytes, offset) => walk.feed(offset < start ? bytes.subarray(start - offset) : bytes),
    unreadable: (_from, to) => walk.skip(to),
  });
  walk.finish();
  const isCut = open.some(({ wasPad }) => !wasPad), { restDurableLsn } = scanned;
  tell(restDurableLsn);
  return isCut ? Math.max(lsn, restDurableLsn) : lsn;
}
