/**
 * What a timeline consists of where no manifest says it: every object tells of itself.
 *
 * @module
 */

import { blockBytes, CorruptionError, IoError } from "../../base/mod.ts";
import { decodeFooter, decodeHeader, type FileHeader, type LayerDescription } from "../../layer/mod.ts";
import {
  type ObjectId,
  type ObjectName,
  type Objects,
  parseObjectId,
  timelineName,
} from "../../objects/mod.ts";

/** An object, and what it says of itself. */
export interface FoundFile {
  /** Its id. */
  readonly id: ObjectId;
  /** What its name says. */
  readonly name: ObjectName;
  /** Its path, for messages. */
  readonly path: string;
  /** Its length in bytes. */
  readonly byteLength: number;
  /** Its header, if that checks and fits its name. */
  readonly header: FileHeader | undefined;
  /** What its footer says, if it has one that checks and fits its name and its length. */
  readonly footer: LayerDescription | undefined;
  /** Why nothing of it can be read. */
  readonly error: CorruptionError | IoError | undefined;
}

/**
 * Finds the objects of a timeline.
 *
 * @param objects Where they lie.
 * @param timeline The timeline's id.
 * @param check Throws if the search must stop; asked in front of each.
 * @returns What they say, in the order of their first LSNs.
 */
export async function findFiles(
  objects: Objects,
  timeline: number,
  check: () => void,
): Promise<FoundFile[]> {
  const ids = (await objects.list(timeline)).sort();
  const files: FoundFile[] = [];
  for (const id of ids) {
    const name = parseObjectId(id);
    if (name === undefined) continue;
    check();
    files.push(
      await findFile(objects, id, name).catch((error) => {
        if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
        const { path } = objects.object(id);
        return { id, name, path, byteLength: 0, header: undefined, footer: undefined, error };
      }),
    );
  }
  return files;
}

/**
 * Why the objects of a timeline cannot be told: its directory cannot be listed, or a file or a link stands in its place.
 *
 * @param objects Where they lie.
 * @param timeline The timeline's id.
 * @returns The error; `undefined` if they can be listed, or there is nothing in the directory's place.
 */
export async function listingError(
  objects: Objects,
  timeline: number,
): Promise<CorruptionError | IoError | undefined> {
  try {
    await objects.list(timeline);
    return undefined;
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    if (error.code !== "ENOTDIR") return error;
    const path = `${objects.directory}/${timelineName(timeline)}`;
    return new CorruptionError({ path, offset: 0, expected: "a directory", found: "a file or a link" });
  }
}

async function findFile(objects: Objects, id: ObjectId, name: ObjectName): Promise<FoundFile> {
  const object = objects.object(id), { path } = object;
  const { byteLength } = await objects.extent(object);
  const header = decodeHeader(await readBlock(objects, id, 0, byteLength));
  const footer = decodeFooter(await readBlock(objects, id, byteLength - blockBytes, byteLength));
  const isNamed = ({ sequence, generation, firstLsn }: FileHeader | LayerDescription) =>
    sequence === name.sequence && generation === name.generation && firstLsn === name.firstLsn;
  const isOwnHeader = header !== undefined && header.timelineId === name.timeline && isNamed(header);
  const isOwnFooter = footer !== undefined && footer.byteLength === byteLength && isNamed(footer);
  return {
    id,
    name,
    path,
    byteLength,
    header: isOwnHeader ? header : undefined,
    footer: isOwnFooter ? footer : undefined,
    error: undefined,
  };
}

/** Reads a block; an empty one if there is none. */
async function readBlock(
  objects: Objects,
  id: ObjectId,
  start: number,
  byteLength: number,
): Promise<Uint8Array> {
  const end = start + blockBytes;
  if (start < 0 || start % blockBytes !== 0 || end > byteLength) return new Uint8Array(0);
  for await (const chunk of objects.stream(objects.object(id), { start, end })) return chunk.slice();
  return new Uint8Array(0);
}

/** The error of an object that tells nothing of itself. */
export function unknownFile({ path, error }: FoundFile): CorruptionError | IoError {
  if (error !== undefined) return error;
  const expected = "a header of this file", found = "a block that does not check, or is another file's";
  return new CorruptionError({ path, offset: 0, expected, found });
}
