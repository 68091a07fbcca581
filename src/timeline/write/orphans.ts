/**
 * Segments that stand in the timeline's place and that the manifest does not name: what a crash left, or what a lost
 * manifest named.
 *
 * ```
 *   sequence   1 … nextSequence − 1        nextSequence …
 *              named once, dropped since:  never named by this manifest:
 *              a leftover                  without data a leftover, with data the manifest is older than the store
 * ```
 *
 * O1  Nothing is written to a segment before a durable manifest names it.
 *
 * Only segments are looked at; what other kinds leave behind is for those to remove who make them.
 *
 * @module
 */

import { blockBytes, CorruptionError, maxSegmentFileBytes } from "../../base/mod.ts";
import { Manifest, type TimelineState } from "../../manifest/mod.ts";
import { type ObjectId, type Objects, parseObjectId, type StoredObject } from "../../objects/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";

/**
 * Finds what is to be removed.
 *
 * @throws {CorruptionError} If data stands in a segment that the manifest cannot have named (O1).
 */
export async function findOrphans(context: TimelineContext): Promise<ObjectId[]> {
  const { objects } = context, { orphans, later } = await listOrphans(context);
  for (const orphan of later) {
    if (await hasData(objects, objects.object(orphan))) throw unnamed(context, orphan);
  }
  return orphans;
}

/**
 * Refuses, for a reader, a manifest that is older than the store. Another process may have made a segment since the
 * manifest was read; then the manifest says so by now (O1).
 *
 * @throws {CorruptionError} If data stands in a segment that no manifest names.
 */
export async function checkNamed(context: TimelineContext): Promise<void> {
  const { objects, id } = context, { later } = await listOrphans(context);
  for (const orphan of later) {
    if (!await hasData(objects, objects.object(orphan))) continue;
    const manifest = await Manifest.open(objects, { readOnly: true });
    const now = manifest?.state.timelines.find((timeline) => timeline.id === id);
    if (now !== undefined && !isLater(orphan, now)) continue;
    throw unnamed(context, orphan);
  }
}

/** The segments that the manifest does not name, and which of them it never named. */
async function listOrphans(context: TimelineContext): Promise<{ orphans: ObjectId[]; later: ObjectId[] }> {
  const state = timelineState(context), { segments, layers } = state;
  const named = new Set<ObjectId>();
  for (const file of [...segments, ...layers]) named.add(objectOf(context, file));
  const isOrphan = (id: ObjectId) => parseObjectId(id)?.kind === "seg" && !named.has(id);
  const orphans = (await context.objects.list(context.id)).filter(isOrphan);
  return { orphans, later: orphans.filter((orphan) => isLater(orphan, state)) };
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

/** Whether anything but zeros stands behind the header of a segment. */
export async function hasData(objects: Objects, object: StoredObject): Promise<boolean> {
  const { byteLength, nextData } = await objects.extent(object);
  if (byteLength <= blockBytes) return false;
  // No segment is that long: it is not read to its end.
  if (byteLength > maxSegmentFileBytes) return true;
  const data = await nextData(blockBytes);
  const start = data - data % blockBytes;
  if (start >= byteLength) return false;
  for await (const chunk of objects.stream(object, { start, end: byteLength })) {
    if (chunk.some((byte: number) => byte !== 0)) return true;
  }
  return false;
}
