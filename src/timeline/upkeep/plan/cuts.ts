/**
 * Where outputs of a merge end, so that those who merge them later need not take in more than they must.
 *
 * An output that ends where a layer under it ends meets only layers that it covers: a later merge writes none anew
 * for a part of it (RocksDB does so since 7.8, 2022, and measured 12.6 % less merging). And an
 * output must end before it reaches over more bytes than one merge may take in, as in a level that is nearly empty.
 *
 * @module
 */

import type { Levels } from "./levels.ts";
import { bottomLevel, columnLevel } from "./levels.ts";
import { bytesOf } from "./level.ts";
import type { OutputCut, PlannedJob, PlanSettings } from "./planned_layer.ts";

/**
 * Where outputs may end, and where they must.
 *
 * @param levels The layers there are.
 * @param settings What is to be reached.
 * @param level The level of the outputs.
 * @param firstKey The first key of the merge.
 * @param lastKey Its last key.
 * @returns The first keys of layers of the next level, in order.
 */
export function cutsOf(
  levels: Levels,
  { mostInputBytes, outputBytes }: PlanSettings,
  level: number,
  firstKey: Uint8Array,
  lastKey: Uint8Array,
): OutputCut[] {
  if (level >= bottomLevel || level === 0) return [];
  const next = levels.sorted[level + 1];
  const { from, to } = next.overlap(firstKey, lastKey);
  const most = Math.max(outputBytes, mostInputBytes - 2 * outputBytes);
  const cuts: OutputCut[] = [];
  let covered = 0;
  for (let i = from; i < to; i++) {
    const { byteLength, firstKey: key } = next.layers[i];
    const must = i > from && covered + byteLength > most;
    if (i > from) cuts.push({ key, must });
    covered = must ? byteLength : covered + byteLength;
  }
  return cuts;
}

/** When outputs of a merge end. */
export interface OutputEnds {
  /** At a cut: as soon as it has so many bytes. */
  readonly atCutBytes: number;
  /** Anywhere between two keys: as soon as it has so many. */
  readonly anywhereBytes: number;
}

/**
 * When outputs of a merge end, such that they come out about equally large, and the last one is no crumb. Versions of
 * one key that are more than that are layers of their own, a column, and end between LSNs.
 */
export function outputEnds(job: PlannedJob, { outputBytes, upperOutputBytes }: PlanSettings): OutputEnds {
  if (job.level === 0 || job.level === columnLevel) return { atCutBytes: Infinity, anywhereBytes: Infinity };
  const bytes = bytesOf(job.inputs);
  // Where little lies under, outputs soon move to the bottom as they are.
  const isAlone = job.cuts.length * upperOutputBytes < bytes / 4;
  const goal = job.level === bottomLevel || isAlone ? outputBytes : upperOutputBytes;
  const each = bytes / Math.max(1, Math.round(bytes / goal));
  return { atCutBytes: each * 7 / 8, anywhereBytes: job.cuts.length === 0 ? each : each * 5 / 4 };
}
