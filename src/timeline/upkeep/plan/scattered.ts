/**
 * Segments whose records lie as they came: a merge of many would read all of each for every window of its output. So
 * each is sorted by itself first, in two or three windows, and read in order ever after.
 *
 * ```
 *   0  ├─ segment ─┤  read once for each window of 32 MiB, written once   ─►  ├── sorted ──┤  by merges, scans, gets
 * ```
 *
 * @module
 */

import type { PlannedJob, PlannedLayer, PlanSettings } from "./planned_layer.ts";

/** From this share of an output on a segment is sorted by itself; what is smaller is soon read for each window. */
const sortedShare = 1 / 16;

/** Whether a layer is a segment that should be sorted by itself before it is merged with much else. */
export function isScattered(
  { kind, byteLength }: Pick<PlannedLayer, "kind" | "byteLength">,
  { outputBytes, mostInputBytes, scatteredBytes }: PlanSettings,
): boolean {
  return kind === "L0" && byteLength >= outputBytes * sortedShare && mostInputBytes > scatteredBytes;
}

/** What a layer at level 0 counts for in a merge: a segment as it came is read more than once, and counts twice. */
export function weightOf({ kind, byteLength }: Pick<PlannedLayer, "kind" | "byteLength">): number {
  return kind === "L0" ? 2 * byteLength : byteLength;
}

/** Sorts a segment where it stands. */
export function sortJob(l0: PlannedLayer): PlannedJob {
  return { work: "merge", inputs: [l0], level: 0, cuts: [], isOldest: false };
}
