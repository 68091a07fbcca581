/**
 * What people are shown of layers.
 *
 * @module
 */

import { blockBytes, type Lsn } from "../base/mod.ts";
import type { LayerKind, LayerMap, LayerSummary, MemoryLayer, StoredLayer } from "../layer/mod.ts";

/**
 * A layer, described. One whose index is in memory does not tell its keys' range; the bytes of its segment are counted
 * up to the end of its last version, also where some of them are still to be written.
 */
export interface LayerInfo extends LayerSummary {
  /** `open`: being written; `frozen`: being sealed; the others are stored. */
  readonly kind: "open" | "frozen" | LayerKind;
  /**
   * Where upkeep has put it, 0 to 8: 0 for what was sealed and not merged; 1 to 7 from new to old, in each of which a key
   * has one layer at the most; 8 for versions of one key that fill a layer. One that is not stored has none.
   */
  readonly level?: number | undefined;
  /** The LSN at which it has all keys of its range, of an image; see the decision on images. Others have none. */
  readonly imageLsn?: Lsn | undefined;
  /** The file. */
  readonly path: string;
}

/**
 * Describes layers, newest first.
 *
 * @param map The layers.
 * @param frozenCount How many of those in memory are being sealed, the oldest.
 * @param levelOf The level of a stored layer, by its sequence.
 */
export function layerInfos(
  map: LayerMap,
  frozenCount: number,
  levelOf: (sequence: number) => number | undefined,
): LayerInfo[] {
  const openCount = map.memory.length - frozenCount;
  const memory = map.memory.map((layer, i) => describeMemory(i < openCount ? "open" : "frozen", layer));
  const stored = [...map.stored()].map((layer) => describeStored(layer, levelOf(layer.description.sequence)));
  stored.sort((a, b) => b.lastLsn - a.lastLsn || b.firstLsn - a.firstLsn);
  return [...memory, ...stored];
}

function describeMemory(kind: "open" | "frozen", layer: MemoryLayer): LayerInfo {
  const { index, object, firstLsn, lastLsn } = layer;
  return {
    kind,
    path: object.path,
    firstLsn,
    lastLsn,
    firstKey: new Uint8Array(0),
    lastKey: new Uint8Array(0),
    versions: index.versionCount,
    tombstones: index.tombstoneCount,
    keys: index.keyCount,
    byteLength: Math.max(blockBytes, index.recordsEnd),
  };
}

function describeStored({ description, object }: StoredLayer, level: number | undefined): LayerInfo {
  const { kind, firstLsn, lastLsn, firstKey, lastKey, versions, tombstones, keys, byteLength, imageLsn } =
    description;
  return {
    kind,
    level,
    imageLsn: imageLsn || undefined,
    path: object.path,
    firstLsn,
    lastLsn,
    firstKey: firstKey.slice(),
    lastKey: lastKey.slice(),
    versions,
    tombstones,
    keys,
    byteLength,
  };
}
