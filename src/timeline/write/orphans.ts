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
import { type ObjectId, type Objects, parseObjectId, type StoredObject } from "../../objects/mod.ts";
import { objectOf, type TimelineContext, timelineState } from "../timeline_context.ts";

/**
 * Finds what is to be removed.
 *
 * @throws {CorruptionError} If data stands in a segment that the manifest cannot have named (O1).
 */
export async function findOrphans(context: TimelineContext): Promise<ObjectId[]> {
  const { objects, id } = context;
  const { segments, layers, nextSequence } = timelineState(context);
  const named = new Set<ObjectId>();
  for (const file of [...segments, ...layers]) named.add(objectOf(context, file));
  const orphans: ObjectId[] = [];
  for (const orphan of await objects.list(id)) {
    const name = parseObjectId(orphan);
    if (name?.kind !== "seg" || named.has(orphan)) continue;
    if (name.sequence >= nextSequence) await checkEmpty(context, objects.object(orphan));
    orphans.push(orphan);
  }
  return orphans;
}

async function checkEmpty({ objects, manifest }: TimelineContext, object: StoredObject): Promise<void> {
  if (!await hasData(objects, object)) return;
  throw new CorruptionError({
    path: objects.directory,
    offset: 0,
    expected: `a manifest that names "${object.path}", which holds data`,
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
