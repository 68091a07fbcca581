/**
 * What people are shown of layers.
 *
 * @module
 */

import type { Lsn } from "../base/mod.ts";
import type { LayerSet, MemoryLayer, SealedLayer } from "./layer_set.ts";

/** A layer, described. */
export interface LayerInfo {
  /** `open`: being written; `frozen`: being sealed; `L0`: a sealed segment. */
  readonly kind: "open" | "frozen" | "L0";
  /** The file. */
  readonly path: string;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** The LSN of its last batch, so far. */
  readonly lastLsn: Lsn;
  /** Distinct keys. */
  readonly keys: number;
  /** Versions. */
  readonly versions: number;
  /** Tombstones among the versions. */
  readonly tombstones: number;
  /** The smallest key; `undefined` if it is not sealed or empty. */
  readonly firstKey: Uint8Array | undefined;
  /** The largest key; `undefined` if it is not sealed or empty. */
  readonly lastKey: Uint8Array | undefined;
  /** The bytes of the sealed file; of the index in memory otherwise. */
  readonly byteLength: number;
}

/** Describes layers, newest first. */
export function layerInfos(layers: LayerSet): LayerInfo[] {
  const sealed = layers.sealed.map(describeSealed);
  const frozen = layers.frozen.map((layer) => describeMemory("frozen", layer));
  const open = layers.open === undefined ? [] : [describeMemory("open", layers.open)];
  return [...sealed, ...frozen, ...open].reverse();
}

function describeMemory(kind: "open" | "frozen", { path, index, firstLsn, lastLsn }: MemoryLayer): LayerInfo {
  return {
    kind,
    path,
    firstLsn,
    lastLsn,
    keys: index.keyCount,
    versions: index.versionCount,
    tombstones: index.tombstoneCount,
    firstKey: undefined,
    lastKey: undefined,
    byteLength: index.byteLength,
  };
}

function describeSealed({ entry, file, firstKey, lastKey }: SealedLayer): LayerInfo {
  const empty = entry.versions === 0;
  return {
    kind: "L0",
    path: file.path,
    firstLsn: entry.firstLsn,
    lastLsn: entry.lastLsn,
    keys: entry.keys,
    versions: entry.versions,
    tombstones: entry.tombstones,
    firstKey: empty ? undefined : firstKey.slice(),
    lastKey: empty ? undefined : lastKey.slice(),
    byteLength: entry.byteLength,
  };
}
