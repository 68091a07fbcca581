/**
 * Files that stand in the place of a history and that nobody names.
 *
 * @module
 */

import { blockBytes, maxSegmentFileBytes } from "../base/mod.ts";
import { type ObjectId, type Objects, parseObjectId, type StoredObject } from "../objects/mod.ts";

/** Files that are not named. */
export interface Unnamed {
  /** All of them, by their names. */
  readonly files: ObjectId[];
  /** Those whose sequence was not taken when the manifest was written. */
  readonly later: readonly ObjectId[];
  /** Whether all files that are named are there. */
  readonly isWhole: boolean;
}

/**
 * Finds the files of a history that are not named.
 *
 * @param objects Where they are.
 * @param timeline Whose they are.
 * @param named The files that are named.
 * @param nextSequence The first sequence that was not taken.
 */
export async function findUnnamed(
  objects: Objects,
  timeline: number,
  named: ReadonlySet<ObjectId>,
  nextSequence: number,
): Promise<Unnamed> {
  const there = new Set(await objects.list(timeline)), files = [...there.difference(named)].sort();
  const later = files.filter((file) => isLater(file, nextSequence));
  return { files, later, isWhole: named.isSubsetOf(there) };
}

/** Whether a file has a sequence that is not taken. */
export function isLater(file: ObjectId, nextSequence: number): boolean {
  const name = parseObjectId(file);
  return name !== undefined && name.sequence >= nextSequence;
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
