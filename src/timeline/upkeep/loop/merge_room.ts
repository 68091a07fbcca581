/**
 * Room on the disk for a merge that nobody asked for: none is begun that would take what appends need.
 *
 * @module
 */

import { IoError, type Lsn } from "../../../base/mod.ts";
import type { TimelineContext } from "../../timeline_context.ts";
import type { PlannedJob } from "../plan/planned_layer.ts";
import { writtenBytes } from "../plan/room.ts";

/** How many segments must fit on the disk beside what a merge writes. */
const segmentsLeft = 2;

/**
 * How many bytes a merge may write such that it leaves room for appends.
 *
 * @param context The timeline.
 * @returns The bytes, less than 0 where appends lack room already; infinite, if nobody can tell how much is free.
 */
export async function mergeRoom(context: TimelineContext): Promise<number> {
  const free = await context.objects.freeBytes();
  return free === undefined ? Infinity : free - bytesLeft(context);
}

function bytesLeft({ settings: { segmentBytes } }: TimelineContext): number {
  return segmentsLeft * segmentBytes;
}

/**
 * Says that no job finds room.
 *
 * @param context The timeline.
 * @param job The job that would be done.
 * @param horizon Below which LSN versions may go.
 * @param roomBytes What {@linkcode mergeRoom} told.
 * @returns The error, `ENOSPC`.
 */
export function noMergeRoom(
  context: TimelineContext,
  job: PlannedJob,
  horizon: Lsn,
  roomBytes: number,
): IoError {
  const output = Math.ceil(writtenBytes(job, horizon)), left = bytesLeft(context);
  const error = new IoError({ code: "ENOSPC", operation: "merge in", path: context.objects.directory });
  error.message += `: expected ${output} bytes free, and ${left} for appends, found ${roomBytes + left}`;
  return error;
}
