/**
 * Room on the disk for a merge that nobody asked for: none is begun that would take what appends need.
 *
 * @module
 */

import { IoError, type Lsn } from "../../../base/mod.ts";
import type { TimelineContext } from "../../timeline_context.ts";
import type { PlannedJob, PlannedLayer } from "../plan/planned_layer.ts";

/** How many segments must fit on the disk beside what a merge writes. */
const segmentsLeft = 2;

/**
 * Checks that a job leaves room for appends. Where nobody can tell how much is free, it does.
 *
 * @param context The timeline.
 * @param job The job, of which only a merge needs room.
 * @param horizon Below which LSN versions may go.
 * @throws {IoError} `ENOSPC`, if it does not.
 */
export async function checkMergeRoom(
  { objects, settings }: TimelineContext,
  job: PlannedJob,
  horizon: Lsn,
): Promise<void> {
  if (job.work !== "merge") return;
  const free = await objects.freeBytes();
  const output = Math.ceil(outputBytes(job.inputs, horizon)), left = segmentsLeft * settings.segmentBytes;
  if (free === undefined || free >= output + left) return;
  const error = new IoError({ code: "ENOSPC", operation: "merge in", path: objects.directory });
  error.message += `: expected ${output} bytes free, and ${left} for appends, found ${free}`;
  throw error;
}

/** About how much a merge writes: what it takes in, but for versions of which a horizon leaves one of each key. */
function outputBytes(inputs: readonly PlannedLayer[], horizon: Lsn): number {
  return inputs.reduce((sum, { byteLength, lastLsn, keys, versions }) => {
    return sum + (lastLsn <= horizon ? byteLength * keys / versions : byteLength);
  }, 0);
}
