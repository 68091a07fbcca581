/**
 * Room for what a merge writes: where there is little, jobs are planned that find it.
 *
 * @module
 */

import type { PlannedJob, PlannedLayer, PlanSettings } from "./planned_layer.ts";

/** The most bytes that one merge takes in, which is no more than it finds room for. */
export function mostBytesOf({ mostInputBytes, roomBytes = Infinity }: PlanSettings): number {
  return Math.min(mostInputBytes, roomBytes);
}

/** About how many bytes a job writes: what it takes in, but for versions of which a horizon leaves one of each key. */
export function writtenBytes(
  { work, inputs }: Pick<PlannedJob, "work" | "inputs">,
  horizon: number = 0,
): number {
  return work !== "merge" ? 0 : inputs.reduce((sum, layer) => sum + neededBytes(layer, horizon), 0);
}

function neededBytes({ byteLength, lastLsn, keys, versions }: PlannedLayer, horizon: number): number {
  return lastLsn <= horizon ? byteLength * keys / versions : byteLength;
}

/** Whether a job finds room. */
export function hasRoom(
  job: Pick<PlannedJob, "work" | "inputs">,
  { roomBytes = Infinity, horizon }: PlanSettings,
): boolean {
  return job.work !== "merge" || writtenBytes(job, horizon) <= roomBytes;
}
