/**
 * Files that stand in the timeline's place and that the manifest does not name: what a crash left, or what a lost
 * manifest named.
 *
 * ```
 *   sequence   1 … nextSequence − 1               nextSequence …
 *              of a segment: dropped since        never known to this manifest:
 *              of another layer: merged since,    without data a leftover, with data the manifest is older than the
 *              or of a merge that had no end      store
 * ```
 *
 * O1  Nothing is written to a file before a durable manifest names it or, of a merge, says that its sequence is taken.
 * O2  What is merged is in layers that a durable manifest names when the sequences of the merge are taken; they are
 *     removed only after one names what came of them. So a layer that is not named, of a sequence that is taken, holds
 *     nothing that is not in a file that is named, as long as all of these are there.
 *
 * @module
 */

import { CorruptionError } from "../../base/mod.ts";
import { Manifest } from "../../manifest/mod.ts";
import { type ObjectId, parseObjectId } from "../../objects/mod.ts";
import { findUnnamed, hasData, isLater, type Unnamed } from "../../segment/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";

/**
 * Finds what is to be removed, in the order of history: so a removal that is cut short goes on as it was begun.
 *
 * @throws {CorruptionError} If data stands in a file that the manifest cannot know of (O1), or that may be in no other
 * one any more (O2).
 */
export async function findOrphans(context: TimelineContext): Promise<ObjectId[]> {
  const { objects } = context, { files: orphans, later, isWhole } = await listOrphans(context);
  const merged = orphans.find((id) => !isWhole && parseObjectId(id)?.kind !== "seg");
  if (merged !== undefined) throw unnamed(context, merged);
  for (const orphan of later) {
    if (await hasData(objects, objects.object(orphan))) throw unnamed(context, orphan);
  }
  return orphans;
}

/**
 * Refuses, for a reader, a manifest that is older than the store. Another process may have made a file since the
 * manifest was read; then the manifest says so by now (O1), or that the timeline was dropped since.
 *
 * @throws {CorruptionError} If data stands in a file that no manifest knows of.
 */
export async function checkNamed(context: TimelineContext): Promise<void> {
  const { objects, id } = context, { later } = await listOrphans(context);
  for (const orphan of later) {
    if (!await hasData(objects, objects.object(orphan))) continue;
    const manifest = await Manifest.open(objects, { readOnly: true });
    if (manifest?.state.dropped.includes(id)) return;
    const now = manifest?.state.timelines.find((timeline) => timeline.id === id);
    if (now !== undefined && !isLater(orphan, now.nextSequence)) continue;
    throw unnamed(context, orphan);
  }
}

function listOrphans(context: TimelineContext): Promise<Unnamed> {
  const { objects, id } = context, { layers, segments, nextSequence } = timelineState(context);
  const named = new Set([...layers, ...segments].map((file) => objectOf(context, file)));
  return findUnnamed(objects, id, named, nextSequence);
}

function unnamed({ objects, manifest }: TimelineContext, orphan: ObjectId): CorruptionError {
  return new CorruptionError({
    path: objects.directory,
    offset: 0,
    expected: `a manifest that names "${objects.directory}/${orphan}", which holds data`,
    found: `manifest version ${manifest.state.version}, which does not`,
  });
}
