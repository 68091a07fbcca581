/**
 * Sealing a segment of a log: its index is appended behind its records, the file is made exactly as long and durable, and
 * the manifest says where its records end. Nothing is read back or copied.
 *
 * @module
 */

import { assert, type Health, isShortage } from "../../base/mod.ts";
import type { SegmentWriter } from "../../segment/mod.ts";
import { encodeIndex } from "../index/index_format.ts";
import type { LogContext } from "../log_context.ts";
import type { LiveIndex, LogSegment, SegmentEnd } from "../log_segment.ts";

/** What is sealed. */
export interface FrozenSegment {
  /** What writes it; nothing is appended to it any more, and it ends with a pad. */
  readonly segment: SegmentWriter;
  /** What readers see of it. */
  readonly seen: LogSegment;
  /** What is known of its records. */
  readonly live: LiveIndex;
  /** Where its records end. */
  readonly end: SegmentEnd;
}

/** Seals a segment. A full disk is waited for. Until the manifest says so, it is what it was. */
export async function sealSegment(
  { manifest, id }: LogContext,
  health: Health,
  { segment, live, end }: FrozenSegment,
): Promise<void> {
  const { header: { fileId, sequence, firstLsn }, writer } = segment, { lastLsn, valuesEnd } = end;
  const index = { places: live.places, times: live.times.upTo(lastLsn) };
  writer.append(encodeIndex({ fileId, sequence, firstLsn, lastLsn, valuesEnd }, index));
  await writer.finish();
  const witness = { offset: valuesEnd, lsn: lastLsn, isEnd: true };
  await health.patiently(() => manifest.commit({ type: "witness", id, sequence, witness }));
}

/**
 * Leaves a small segment so that it can go on: exactly as long as its records, and the manifest says so. All of its records
 * are durable.
 *
 * @throws {IoError} If the disk is full, so that the pad behind them is not there: it is left as a crash leaves it.
 */
export async function leaveSegment(
  { manifest, id }: LogContext,
  { header: { sequence }, writer, lastLsn, end }: SegmentWriter,
): Promise<void> {
  if (lastLsn === undefined) return;
  await writer.settle();
  assert(end <= writer.durableOffset, "what is proven is durable");
  // On a disk that is too full even for that, the file stays as long as it is.
  await writer.finish().catch((error) => {
    if (!isShortage(error)) throw error;
  });
  const witness = { offset: end, lsn: lastLsn, isEnd: false };
  await manifest.commit({ type: "witness", id, sequence, witness });
}
