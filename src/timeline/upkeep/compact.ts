/**
 * Compacting a timeline on demand.
 *
 * @module
 */

import { checkNames } from "../../base/mod.ts";
import type { TimelineWriter } from "../write/timeline_writer.ts";
import { type CompactionReport, compactNames, type CompactOptions } from "./compaction.ts";
import { orAborted } from "./or_aborted.ts";

/** Seals what was appended, moves the horizon, and merges layers; see {@linkcode Timeline.compact}. */
export async function compactTimeline(
  writer: TimelineWriter,
  options: CompactOptions,
): Promise<CompactionReport> {
  checkNames("compact", options, compactNames);
  await orAborted(writer.freeze(), options.signal);
  await writer.horizon.move(writer.durableLsn);
  return await writer.compactor.compact(options);
}
