/**
 * What people are shown of layers.
 *
 * @module
 */

import { blockBytes } from "../base/mod.ts";
import type { LayerKind, LayerMap, LayerSummary, MemoryLayer, StoredLayer } from "../layer/mod.ts";

/**
 * A layer, described. One whose index is in memory does not tell its keys' range; the bytes of its segment are counted
 * up to the end of its last version, also where some of them are still to be written.
 */
export interface LayerInfo extends LayerSummary {
  /** `open`: being written; `frozen`: being sealed; the others are stored. */
  readonly kind: "open" | "frozen" | LayerKind;
  /** The file. */
  readonly path: string;
}

/**
 * Describes layers, newest first.
 *
 * @param map The layers.
 * @param frozenCount How many of those in memory are being sealed, the oldest.
 */
export function layerInfos(map: LayerMap, frozenCount: number): LayerInfo[] {
  const openCount = map.memory.length - frozenCount;
  const memory = map.memory.map((layer, i) => describeMemory(i < openCount ? "open" : "frozen", layer));
  const stored = [...map.stored()].map(describeStored);
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

function describeStored({ description, object }: StoredLayer): LayerInfo {
  const { kind, firstLsn, lastLsn, firstKey, lastKey, versions, tombstones, keys, byteLength } = description;
  return {
    kind,
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
