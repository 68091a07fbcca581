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

import { blockBytes, CorruptionError, maxSegmentFileBytes } from "../../base/mod.ts";
import { Manifest, type TimelineState } from "../../manifest/mod.ts";
import { type ObjectId, type Objects, parseObjectId, type StoredObject } from "../../objects/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";

/**
 * Finds what is to be removed, in the order of history: so a removal that is cut short goes on as it was begun.
 *
 * @throws {CorruptionError} If data stands in a file that the manifest cannot know of (O1), or that may be in no other
 * one any more (O2).
 */
export async function findOrphans(context: TimelineContext): Promise<ObjectId[]> {
  const { objects } = context, { orphans, later, isWhole } = await listOrphans(context);
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
    if (now !== undefined && !isLater(orphan, now)) continue;
    throw unnamed(context, orphan);
  }
}

/** Files that the manifest does not name. */
interface Orphans {
  /** All of them, by their names. */
  readonly orphans: ObjectId[];
  /** Those that it never knew of. */
  readonly later: readonly ObjectId[];
  /** Whether all files that it names are there. */
  readonly isWhole: boolean;
}

async function listOrphans(context: TimelineContext): Promise<Orphans> {
  const state = timelineState(context), files = new Set(await context.objects.list(context.id));
  const named = new Set([...state.layers, ...state.segments].map((file) => objectOf(context, file)));
  const orphans = [...files.difference(named)].sort();
  const later = orphans.filter((orphan) => isLater(orphan, state));
  return { orphans, later, isWhole: named.isSubsetOf(files) };
}

function isLater(orphan: ObjectId, { nextSequence }: TimelineState): boolean {
  const name = parseObjectId(orphan);
  return name !== undefined && name.sequence >= nextSequence;
}

function unnamed({ objects, manifest }: TimelineContext, orphan: ObjectId): CorruptionError {
  return new CorruptionError({
    path: objects.directory,
    offset: 0,
    expected: `a manifest that names "${objects.directory}/${orphan}", which holds data`,
    found: `manifest version ${manifest.state.version}, which does not`,
  });
}

/** Whether anything but zeros stands behind the header of a file. */
export async function hasData(objects: Objects, object: StoredObject): Promise<boolean> {
  const { byteLength, nextData } = await objects.extent(object);
  if (byteLength <= blockBytes) return false;
  // No file of ours is that long: it is not read to its end.
  if (byteLength > maxSegmentFileBytes) return true;
  const data = await nextData(blockBytes);
  const start = data - data % blockBytes;
  if (start >= byteLength) return false;
  for await (const chunk of objects.stream(object, { start, end: byteLength })) {
    if (chunk.some((byte: number) => byte !== 0)) return true;
  }
  return false;
}
