/**
 * Reading the unsealed end of a history back: each segment up to where it ends, and whether that is where history ends.
 *
 * ```
 *   segments:  1 ████████┃   2 █████░░░   3 ██┃        ░ = torn
 *                            └ end of history: 3 is dropped, unless a pad in it says that 2 was durable: corruption
 * ```
 *
 * What is found is a prefix of history without a hole, at or beyond the last acknowledged sync, and nothing is changed.
 *
 * @module
 */

import { blockBytes, CorruptionError, type Lsn } from "../base/mod.ts";
import { type FileHeader, recordHeaderBytes } from "../layer/mod.ts";
import type { Objects, StoredObject } from "../objects/mod.ts";
import type { BatchIndex, ExpectedSegment, ScannedSegment, SegmentIdentity } from "./scan.ts";
import type { SegmentScans } from "./segment_scans.ts";
import type { SegmentTimes } from "./segment_times.ts";

/** A segment as whoever names it knows it. */
export interface NamedSegment {
  /** Its place among the segments of its history. */
  readonly sequence: number;
  /** The generation of the owner that made it. */
  readonly generation: number;
  /** What its header must say. */
  readonly fileId: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** How far it was known durable, where that was found out. */
  readonly witness?: SegmentWitness | undefined;
}

/** How far a segment was known durable. */
export interface SegmentWitness {
  /** That many bytes of it were durable. */
  readonly offset: number;
  /** The LSN of the last batch in them. */
  readonly lsn: Lsn;
  /** Whether nothing behind `offset` is part of history. */
  readonly isEnd: boolean;
}

/** A segment that is part of history. */
export interface ReadSegment<Named extends NamedSegment, Index extends BatchIndex> {
  /** What is said of it where it is named. */
  readonly segment: Named;
  /** Where it lies. */
  readonly object: StoredObject;
  /** What it says of itself. */
  readonly header: FileHeader;
  /** Where its records lie. */
  readonly index: Index;
  /** When its batches were appended. */
  readonly times: SegmentTimes;
  /** Where its last batch, or the pad behind it, ends. */
  readonly end: number;
  /** The LSN of its last batch. */
  readonly lastLsn: Lsn;
  /** How many batches it holds. */
  readonly batches: number;
  /** Whether it was closed cleanly, so that batches may be appended to it. */
  readonly isClean: boolean;
}

/** What is read back. */
export interface HistorySource<Named extends NamedSegment, Index extends BatchIndex> {
  /** Where segments lie. */
  readonly objects: Objects;
  /** Whose they are. */
  readonly owner: Pick<SegmentIdentity, "kind" | "storeId" | "timelineId">;
  /** Whether another process may write them, and nothing may be written here. */
  readonly readOnly: boolean;
  /** Where one of them lies. */
  objectOf(segment: Named): StoredObject;
  /** Scans that go on. If it throws they may not go on any more. */
  readonly scans: SegmentScans<Index>;
}

/** The unsealed end of a history. */
export interface ReadHistory<Named extends NamedSegment, Index extends BatchIndex> {
  /** Segments that are part of history, oldest first. */
  readonly segments: readonly ReadSegment<Named, Index>[];
  /** Segments that are named and hold nothing of history. */
  readonly dropped: readonly Named[];
  /** The LSN up to which something says that history was durable. */
  readonly durableLsn: Lsn;
  /** How far history goes. */
  readonly end: HistoryEnd;
}

/** How far history goes that was read so far. */
export interface HistoryEnd {
  /** The LSN of the last batch; 0 if there is none. */
  readonly lastLsn: Lsn;
  /** The sequence of the segment that it ends in, if that is not sealed. */
  readonly sequence?: number;
  /** Where it ends; if no segment was part of it, where the first one lies. */
  readonly place?: { readonly path: string; readonly offset: number };
}

/**
 * Reads the unsealed segments of a history back. Nothing is changed.
 *
 * @param source Where they are.
 * @param named Which they are, oldest first.
 * @param lastLsn Up to where history is in what is sealed, which is durable.
 * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
 */
export async function readBack<Named extends NamedSegment, Index extends BatchIndex>(
  source: HistorySource<Named, Index>,
  named: readonly Named[],
  lastLsn: Lsn,
): Promise<ReadHistory<Named, Index>> {
  const segments: ReadSegment<Named, Index>[] = [];
  const dropped: Named[] = [];
  let durableLsn = lastLsn;
  let end: HistoryEnd = { lastLsn };
  for (const segment of named) {
    const object = source.objectOf(segment);
    const { path } = object;
    const scanned = await scan(source, segment, object, end);
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
  source.scans.keep(segments.map(({ segment: { fileId } }) => fileId));
  return { segments, dropped, durableLsn, end };
}

/**
 * Scans a segment. One that another process may be writing is scanned twice: only what was found the first time proves
 * anything, and only if the second time does not find what it says was durable.
 */
async function scan<Index extends BatchIndex>(
  { objects, readOnly, owner, scans }: Omit<HistorySource<never, Index>, "objectOf">,
  segment: NamedSegment,
  object: StoredObject,
  { lastLsn: previousLsn }: HistoryEnd,
): Promise<ScannedSegment<Index>> {
  const { fileId, sequence, generation, firstLsn, witness } = segment;
  const expected: ExpectedSegment = {
    header: { ...owner, fileId, sequence, generation, firstLsn },
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

function checkProofs(path: string, { witness }: NamedSegment, scanned: ScannedSegment<BatchIndex>): void {
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
function interpret<Named extends NamedSegment, Index extends BatchIndex>(
  segment: Named,
  object: StoredObject,
  scanned: ScannedSegment<Index>,
): ReadSegment<Named, Index> | undefined {
  const { header, index, times, end, lastLsn, batches, hasRest } = scanned;
  const { witness } = segment;
  if (header === undefined || lastLsn === undefined) return undefined;
  const isClean = witness !== undefined && !witness.isEnd && witness.offset === end && !hasRest;
  return { segment, object, header, index, times, end, lastLsn, batches, isClean };
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

/** What is to be written down of a segment that was read back, before anything is written behind it. */
export interface SettledEnd {
  /** Which segment. */
  readonly sequence: number;
  /** Where it ends. */
  readonly witness: SegmentWitness;
}

/** Where segments end for good: of all but a last one that was closed cleanly, unless that is known already. */
export function endsToSettle<Index extends BatchIndex>(
  segments: readonly ReadSegment<NamedSegment, Index>[],
): SettledEnd[] {
  const ends: SettledEnd[] = [];
  segments.forEach(({ segment, end, lastLsn, isClean }, i) => {
    const goesOn = isClean && i === segments.length - 1;
    if (goesOn || segment.witness?.isEnd) return;
    ends.push({ sequence: segment.sequence, witness: { offset: end, lsn: lastLsn, isEnd: true } });
  });
  return ends;
}

/**
 * Whether anything stands in a segment's file behind what was read of it. Room that was reserved, or zeros that were
 * written ahead, are nothing.
 */
export async function goesOn(
  objects: Pick<Objects, "stream">,
  { object, end }: { readonly object: StoredObject; readonly end: number },
): Promise<boolean> {
  const start = end - end % blockBytes;
  for await (const chunk of objects.stream(object, { start, end: start + 2 * blockBytes })) {
    return chunk.subarray(end - start, end - start + recordHeaderBytes).some((byte) => byte !== 0);
  }
  return false;
}
