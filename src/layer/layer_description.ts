/**
 * What is known of a stored layer without reading it: one type in the manifest, in footers and towards people.
 *
 * F1  An object with pages is `valuesEnd + (indexPages + filterPages) × 8192 + 4096` bytes long, exactly.
 * F2  An image has an image LSN from its first LSN up to its horizon, and versions; what is no image has none.
 *
 * @module
 */

import { blockBytes, compareKeys, type Lsn, maxKeyBytes, maxLsn, pageBytes } from "../base/mod.ts";

/** `L0`: a sealed segment; `delta`: compacted versions; `image`: those, and all values of its keys' range at one LSN. */
export type LayerKind = "L0" | "delta" | "image";

/** What people are shown of a layer. */
export interface LayerSummary {
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** The LSN of its last batch. */
  readonly lastLsn: Lsn;
  /** The smallest key; empty if there are no versions. */
  readonly firstKey: Uint8Array;
  /** The largest key; empty if there are no versions. */
  readonly lastKey: Uint8Array;
  /** The number of versions. */
  readonly versions: number;
  /** The number of tombstones among them. */
  readonly tombstones: number;
  /** The number of distinct keys. */
  readonly keys: number;
  /** The length of its object in bytes. */
  readonly byteLength: number;
}

/** Everything that is known of a stored layer without reading its pages. */
export interface LayerDescription extends LayerSummary {
  /** What kind of layer it is. */
  readonly kind: LayerKind;
  /** The place of its object in the timeline: 1, 2, … in the order of their making. */
  readonly sequence: number;
  /** The generation of the store's owner that made its object. */
  readonly generation: number;
  /** The id of its file, which seeds the checksums of its pages. */
  readonly fileId: number;
  /** Where the values area ends and the index starts. */
  readonly valuesEnd: number;
  /** The pages of the index. */
  readonly indexPages: number;
  /** How many of them are leaves. */
  readonly leafPages: number;
  /** The levels of the index; 0 if there are no versions. */
  readonly height: number;
  /** The pages of the filter. */
  readonly filterPages: number;
  /** The horizon under which it was merged, which needs no version that it lacks; 0 if it lacks none. */
  readonly horizon: Lsn;
  /**
   * The LSN at which it is an image: of each key from its first to its last one it has what there was at or before this
   * LSN that a read as of the horizon or later needs, and what it does not have is nowhere. 0 if it is no image.
   */
  readonly imageLsn: Lsn;
  /** The number of its versions that need older ones: patches that do not bring along what they stand on. */
  readonly patches: number;
}

/** Levels of an index; each has at least two pages under a page, so that more cannot be. */
const mostLevels = 32;

/** The length that an object with such pages must have (F1). */
export function layerByteLength(
  layer: Pick<LayerDescription, "valuesEnd" | "indexPages" | "filterPages">,
): number {
  return layer.valuesEnd + (layer.indexPages + layer.filterPages) * pageBytes + blockBytes;
}

/**
 * Says how a description, read from a disk, contradicts itself.
 *
 * @returns What is wrong with it in words, or `undefined` if every number and key agrees with the others.
 */
export function descriptionFault(layer: LayerDescription): string | undefined {
  if (!hasWholeNumbers(layer)) return numberFault(layer);
  if (layer.lastLsn < layer.firstLsn || layer.lastLsn > maxLsn) return `lastLsn ${layer.lastLsn}`;
  if (layer.valuesEnd < blockBytes || layer.valuesEnd % blockBytes !== 0) {
    return `valuesEnd ${layer.valuesEnd}`;
  }
  if (layer.byteLength !== layerByteLength(layer)) return `byteLength ${layer.byteLength}`;
  return imageFault(layer) ?? countFault(layer) ?? keyFault(layer);
}

/** Names no field by a variable: a manifest has a hundred thousand layers, and that would take 20 ms of its opening. */
function hasWholeNumbers(layer: LayerDescription): boolean {
  return isWhole(layer.sequence, 1) && isWhole(layer.generation) && isWhole(layer.fileId, 1) &&
    isWhole(layer.firstLsn, 1) && isWhole(layer.lastLsn) && isWhole(layer.versions) &&
    isWhole(layer.tombstones) && isWhole(layer.keys) && isWhole(layer.byteLength) &&
    isWhole(layer.valuesEnd) &&
    isWhole(layer.indexPages) && isWhole(layer.leafPages) && isWhole(layer.height) &&
    isWhole(layer.filterPages) && isWhole(layer.horizon) && isWhole(layer.imageLsn) && isWhole(layer.patches);
}

function numberFault(layer: LayerDescription): string {
  for (const name in layer) {
    const value = layer[name as keyof LayerDescription];
    if (typeof value === "number" && !isWhole(value)) return `${name} ${value}`;
  }
  return "a sequence, a file id or a first LSN of 0";
}

function isWhole(value: number, least = 0): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

/** An image is at an LSN that it reaches, of a horizon under which it was merged (F2). */
function imageFault({ kind, imageLsn, firstLsn, horizon, versions }: LayerDescription): string | undefined {
  const isSound = kind === "image"
    ? imageLsn >= firstLsn && imageLsn <= horizon && versions > 0
    : imageLsn === 0;
  return isSound ? undefined : `an image at LSN ${imageLsn}`;
}

function countFault(layer: LayerDescription): string | undefined {
  const { versions, tombstones, patches, keys, indexPages, leafPages, height } = layer;
  if (tombstones > versions) return `${tombstones} tombstones among ${versions} versions`;
  if (patches + tombstones > versions) return `${patches} patches among ${versions} versions`;
  if (keys > versions || (keys === 0) !== (versions === 0)) return `${keys} keys of ${versions} versions`;
  const isTree = versions === 0
    ? indexPages === 0 && leafPages === 0 && height === 0
    : height >= 1 && height <= mostLevels && leafPages >= 1 && leafPages <= versions &&
      leafPages <= indexPages &&
      (height === 1) === (indexPages === 1);
  return isTree ? undefined : `an index of ${indexPages} pages, ${leafPages} leaves and ${height} levels`;
}

function keyFault({ versions, keys, firstKey, lastKey }: LayerDescription): string | undefined {
  const least = versions === 0 ? 0 : 1, most = versions === 0 ? 0 : maxKeyBytes;
  for (const key of [firstKey, lastKey]) {
    if (key.length < least || key.length > most) return `a key of ${key.length} bytes`;
  }
  const order = compareKeys(firstKey, lastKey);
  return order > 0 || versions > 0 && (order === 0) !== (keys === 1) ? "keys out of order" : undefined;
}
