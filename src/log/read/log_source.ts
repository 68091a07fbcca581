/**
 * What of a log can be read: from who writes it, or from who follows another process.
 *
 * @module
 */

import { type Lsn, lsnAtTime } from "../../base/mod.ts";
import type { Waiters } from "../../segment/mod.ts";
import type { LogContext } from "../log_context.ts";
import type { LogSegment } from "../log_segment.ts";
import type { OffsetErrorContext } from "../offset_error.ts";

/** What can be read. */
export interface LogSource {
  /** Its segments, oldest first. */
  readonly all: readonly LogSegment[];
  /** The LSN of the last record. */
  readonly lastLsn: Lsn;
  /** The LSN up to which every record is durable. */
  readonly durableLsn: Lsn;
  /** The LSN up to which records were given up. */
  readonly horizon: Lsn;
  /** Who waits for the next record. */
  readonly waiters: Waiters;
  /** Learns that one more follows, or one fewer, if it has memory for them. */
  followed?(change: 1 | -1): void;
  /** Reads what another process has written meanwhile, if this one only reads. */
  refresh?(): Promise<void>;
}

/** The offsets between which records are. */
export function boundsOf({ all: [first], horizon, lastLsn }: LogSource): Omit<OffsetErrorContext, "offset"> {
  const firstOffset = Math.max(horizon, first === undefined ? lastLsn : first.firstLsn - 1);
  return { firstOffset, nextOffset: lastLsn };
}

/** The segment that has a record; `undefined` if none has it. */
export function segmentOf({ all }: Pick<LogSource, "all">, lsn: Lsn): LogSegment | undefined {
  let low = 0, high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (all[middle].lastLsn < lsn) low = middle + 1;
    else high = middle;
  }
  return all[low]?.firstLsn <= lsn ? all[low] : undefined;
}

/** What is read of a segment, whose file stays meanwhile; `undefined` if all of it was given up. */
async function unlessGivenUp<T>(
  source: LogSource,
  segment: LogSegment,
  read: () => Promise<T>,
): Promise<T | undefined> {
  const isGivenUp = () => segment.lastLsn <= source.horizon;
  if (isGivenUp()) return undefined;
  segment.enter();
  try {
    return await read();
  } catch (error) {
    // Another process may have removed it, which this one learns now.
    await source.refresh?.();
    if (isGivenUp()) return undefined;
    throw error;
  } finally {
    await segment.leave();
  }
}

/** The offset to read from for what was appended at a moment and later, in milliseconds since the epoch. */
export async function offsetAtTime(
  context: LogContext,
  source: LogSource,
  milliseconds: number,
): Promise<number> {
  const segments = source.all.slice();
  let low = 0, high = segments.length, found = source.lastLsn;
  while (low < high) {
    const middle = (low + high) >>> 1, segment = segments[middle];
    const times = await unlessGivenUp(source, segment, () => segment.times(context));
    const lsn = times === undefined ? segment.lastLsn : lsnAtTime(times, milliseconds);
    if (lsn >= segment.lastLsn) low = middle + 1;
    else {
      found = Math.max(lsn, segment.firstLsn - 1);
      high = middle;
    }
  }
  return Math.max(found, boundsOf(source).firstOffset);
}
