/**
 * Reading on in segments that another process writes.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../../base/mod.ts";
import { goesOn } from "../../segment/mod.ts";
import { type TimelineContext, timelineState } from "../timeline_context.ts";
import { newScans, type RecoveredSegment, recoverSegments, type Recovery } from "./recover.ts";

/** Reads the segments of a timeline again and again, on from where they ended. */
export class ReadOn {
  readonly #context: TimelineContext;
  /** What was read last. */
  #segments: readonly RecoveredSegment[] = [];
  #scans = newScans();

  /**
   * Reads nothing yet. Of a timeline that is written to it keeps nothing.
   *
   * @param context The timeline.
   * @param recovery What was read when it was opened.
   */
  constructor(context: TimelineContext, recovery: Recovery) {
    this.#context = context;
    if (context.readOnly) this.#learn(recovery);
  }

  /**
   * Reads on, and makes what was read durable.
   *
   * @param isNew Whether there is more to read or to sync in any case.
   * @param lastLsn The last LSN that was read.
   * @returns What there is by now; `undefined` if there is no more than before.
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   */
  async next(isNew: boolean, lastLsn: Lsn): Promise<Recovery | undefined> {
    const context = this.#context, scans = this.#scans;
    if (!isNew && !await hasMore(context, this.#segments)) return undefined;
    // Whatever fails, nothing goes on from what may not be so: all is read again then.
    this.#scans = newScans();
    const recovery = await recoverSegments(context, scans);
    // What was read was written by then: once the files are synced it stays, whether its writer syncs or not.
    for (const { object } of recovery.segments) await context.objects.datasync(object, "read");
    if (recovery.lastLsn < lastLsn) {
      const expected = `history up to LSN ${lastLsn}, as it was read before`,
        found = `LSN ${recovery.lastLsn}`;
      throw new CorruptionError({ path: context.objects.directory, offset: 0, expected, found });
    }
    this.#learn(recovery);
    return recovery;
  }

  #learn({ segments, scans }: Recovery): void {
    this.#segments = segments;
    this.#scans = scans;
  }
}

/**
 * Whether there is anything behind what was read of segments. Room that was reserved, or zeros that were written ahead,
 * are nothing.
 */
async function hasMore(context: TimelineContext, segments: readonly RecoveredSegment[]): Promise<boolean> {
  const last = segments.at(-1);
  if (timelineState(context).segments.length !== segments.length) return true;
  if (last === undefined) return false;
  return await goesOn(context.objects, last);
}
