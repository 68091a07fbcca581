/**
 * Checking a stored layer: everything in its object, and what is said of it elsewhere.
 *
 * ```
 *   header │ values ◄──── index ◄── filter │ footer ◄──► manifest
 *      └ whose   └ each record   └ each key    └ each number and key range, counted again where they differ
 * ```
 *
 * @module
 */

import { blockBytes, compareKeys, CorruptionError, IoError } from "../../base/mod.ts";
import type { Objects, StoredObject } from "../../objects/mod.ts";
import { decodeFooter, type FileIdentity, readHeader } from "../formats/file_format.ts";
import { layoutOf, StoredLayer } from "../layer.ts";
import type { LayerDescription } from "../layer_description.ts";
import { checkIndex, type IndexTally } from "./check_index.ts";
import { checkSortedValues } from "./sorted/check_sorted.ts";
import { checkValues } from "./check_values.ts";
import { beforeEnd } from "./cut_file.ts";
import type { FoundDamage, Inspector } from "./finding.ts";
import { readPieces } from "./pieces.ts";

/** Which layer is checked. */
export interface ExpectedLayer {
  /** The store's id; left out where no manifest tells it. */
  readonly storeId: string | undefined;
  /** The id of the timeline. */
  readonly timelineId: number;
  /** What the manifest says of it, or its footer where there is no manifest. */
  readonly description: LayerDescription;
  /** The manifest, for messages; left out where there is none. */
  readonly manifestPath: string | undefined;
}

/**
 * Checks a layer.
 *
 * @param objects Where it lies; it belongs to the inspection alone.
 * @param expected Which layer.
 * @param inspector Who is told.
 */
export async function checkLayer(
  objects: Objects,
  expected: ExpectedLayer,
  inspector: Inspector,
): Promise<void> {
  const { timelineId, description } = expected;
  const { object } = StoredLayer.of(objects, timelineId, description);
  const all = lossOf(description);
  try {
    const { byteLength } = await objects.extent(object);
    const isCut = byteLength < description.byteLength;
    if (byteLength !== description.byteLength) {
      // Without its footer no page of a layer is given out.
      inspector.found({ ...otherLength(object, description, byteLength), ...isCut ? all : {} });
    }
    await checkContents(
      objects,
      object,
      expected,
      isCut ? beforeEnd(inspector, object.path, byteLength) : inspector,
    );
  } catch (error) {
    // It is not there, or nothing of it can be read.
    if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
    inspector.found({ error, ...all });
  }
}

async function checkContents(
  objects: Objects,
  object: StoredObject,
  expected: ExpectedLayer,
  inspector: Inspector,
): Promise<void> {
  const { description } = expected;
  await checkHeader(objects, object, expected, inspector);
  const footer = await readFooter(objects, object, description, inspector);
  const found = footer ?? description;
  const layer = new StoredLayer(found, objects.object(object.id, layoutOf(found, object.path)));
  const index = await checkIndex(objects, layer, inspector);
  const isSorted = found.kind !== "L0";
  const isCounted = isSorted
    ? await checkSortedValues(objects, layer, index, inspector)
    : index.lostLeaves.length === 0;
  if (isCounted) checkCounts(object, expected, footer, index.tally, inspector);
  if (!isSorted) await checkValues(objects, layer, index, inspector);
}

function lossOf(
  { firstKey: first, lastKey: last, versions, firstLsn, lastLsn }: LayerDescription,
): Pick<FoundDamage, "keys" | "lsns"> {
  const keys = versions === 0 ? undefined : { first, last, versions };
  return { keys, lsns: { first: firstLsn, last: lastLsn } };
}

function otherLength(
  { path }: StoredObject,
  { byteLength: right }: LayerDescription,
  byteLength: number,
): FoundDamage {
  const offset = Math.min(byteLength, right);
  const expected = `a file of ${right} bytes`, found = `one of ${byteLength}`;
  const error = new CorruptionError({ path, offset, expected, found });
  return { error, offset, length: Math.abs(byteLength - right) };
}

/** Reads a block of an object; fewer bytes where it ends. */
async function readBlock(
  objects: Objects,
  object: StoredObject,
  start: number,
  inspector: Inspector,
): Promise<Uint8Array> {
  let block = new Uint8Array(0);
  await readPieces(objects, object, inspector, {
    start,
    end: start + blockBytes,
    take: (bytes) => void (block = bytes.slice()),
    unreadable: (_from, _to, error) => {
      throw error;
    },
  });
  return block;
}

async function checkHeader(
  objects: Objects,
  object: StoredObject,
  { storeId, timelineId, description }: ExpectedLayer,
  inspector: Inspector,
): Promise<void> {
  const { path } = object, { fileId } = description, damage = { offset: 0, length: blockBytes };
  try {
    const block = await readBlock(objects, object, 0, inspector);
    const identity: FileIdentity = { storeId: storeId ?? block.subarray(16, 32).toHex(), timelineId, fileId };
    const header = readHeader(block, identity, path);
    const names = ["kind", "sequence", "generation", "firstLsn"] as const;
    const other = header === undefined ? undefined : names.find((name) => header[name] !== description[name]);
    if (header !== undefined && other === undefined) return;
    const found = header === undefined || other === undefined
      ? "a block that does not check"
      : `that of another file, with the ${other} ${header[other]}`;
    const expected = "the header of this file";
    inspector.found({ error: new CorruptionError({ path, offset: 0, expected, found }), ...damage });
  } catch (error) {
    if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
    inspector.found({ error, ...damage });
  }
  inspector.read(blockBytes);
}

/** The footer, if it checks and is that of this object. Without it no page is given out. */
async function readFooter(
  objects: Objects,
  object: StoredObject,
  description: LayerDescription,
  inspector: Inspector,
): Promise<LayerDescription | undefined> {
  const { path } = object, offset = description.byteLength - blockBytes;
  const block = await readBlock(objects, object, offset, inspector);
  inspector.read(blockBytes);
  const footer = decodeFooter(block);
  const names = ["kind", "fileId", "sequence", "generation", "byteLength"] as const;
  if (footer !== undefined && names.every((name) => footer[name] === description[name])) return footer;
  const found = footer === undefined ? "bytes that do not check" : "that of another";
  const error = new CorruptionError({ path, offset, expected: "the footer of this file", found });
  inspector.found({ error, offset, length: blockBytes, ...lossOf(description) });
  return undefined;
}

/** Holds what manifest and footer say against each other and against what was counted. */
function checkCounts(
  object: StoredObject,
  { description, manifestPath }: ExpectedLayer,
  footer: LayerDescription | undefined,
  tally: IndexTally,
  inspector: Inspector,
): void {
  const said = [
    { says: footer, path: object.path, offset: description.byteLength - blockBytes, length: blockBytes },
    { says: manifestPath === undefined ? undefined : description, path: manifestPath ?? "" },
  ];
  const counted = { ...footer ?? description, ...tally };
  for (const { says, path, offset, length } of said) {
    const other = says === undefined ? undefined : differenceFrom(says, counted);
    if (says === undefined || other === undefined) continue;
    const error = new CorruptionError({
      path,
      offset: offset ?? 0,
      expected: `the ${other.name} ${other.counted} of the layer "${object.path}"`,
      found: `${other.name} ${other.said}`,
    });
    inspector.found({ error, offset, length, ...hiddenBy(says, counted) });
  }
}

/** What of a description is not as it was counted. */
function differenceFrom(
  says: LayerDescription,
  counted: LayerDescription,
): { name: string; said: string; counted: string } | undefined {
  const names = Object.keys(counted) as (keyof LayerDescription)[];
  const name = names.find((name) => String(says[name]) !== String(counted[name]));
  if (name === undefined) return undefined;
  const shown = (of: LayerDescription) => {
    const field = of[name];
    return field instanceof Uint8Array ? `0x${field.toHex()}` : String(field);
  };
  return { name, said: shown(says), counted: shown(counted) };
}

/** The versions that reads do not look for in a layer where its description says less than there is. */
function hiddenBy(says: LayerDescription, counted: LayerDescription): Pick<FoundDamage, "keys" | "lsns"> {
  const { firstKey: first, lastKey: last, firstLsn, lastLsn, versions } = counted;
  const isNarrow = compareKeys(says.firstKey, first) > 0 || compareKeys(says.lastKey, last) < 0 ||
    says.firstLsn > firstLsn || says.lastLsn < lastLsn || says.versions === 0;
  if (!isNarrow || versions === 0) return {};
  return { keys: { first, last, versions: undefined }, lsns: { first: firstLsn, last: lastLsn } };
}
