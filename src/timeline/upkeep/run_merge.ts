/**
 * Where merges are carried out: who does the heavy work of upkeep knows on which thread.
 *
 * @module
 */

import type { StoredLayer } from "../../layer/mod.ts";
import type { LevelledLayer } from "../../manifest/mod.ts";
import { mergeContext, type TimelineContext } from "../timeline_context.ts";
import type { MergeWork } from "./merge/merge_layers.ts";

/**
 * Merges layers. What is thrown, and what is left then, is that of `mergeLayers`. On this thread sealing goes first.
 *
 * @param context The timeline.
 * @param layers The layers, which stay as they are.
 * @param work What to do.
 * @returns The layers that stand for them, which no manifest names yet.
 */
export function runMerge(
  context: TimelineContext,
  layers: readonly StoredLayer[],
  work: MergeWork,
): Promise<LevelledLayer[]> {
  const { runner, upkeep } = context, merging = mergeContext(context);
  const { turns, random } = merging.host;
  return runner.merge({ ...merging, host: { random, turns: upkeep.turnsOf(turns) } }, layers, work);
}
