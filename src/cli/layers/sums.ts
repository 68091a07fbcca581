/** Sums over layers. */

import type { LayerInfo } from "../../timeline/mod.ts";

/** What layers hold in sum. */
export interface LayerSums {
  /** How many layers. */
  readonly count: number;
  /** Their versions. */
  readonly versions: number;
  /** The tombstones among these. */
  readonly deletions: number;
  /** The bytes of their files. */
  readonly byteLength: number;
}

/** The kinds of layers, from new to old. */
const layerKinds: readonly LayerInfo["kind"][] = ["open", "frozen", "L0", "delta", "image"];

/** Returns what layers hold in sum. */
export function sumLayers(layers: readonly LayerInfo[]): LayerSums {
  const sum = (count: (layer: LayerInfo) => number) =>
    layers.reduce((total, layer) => total + count(layer), 0);
  return {
    count: layers.length,
    versions: sum(({ versions }) => versions),
    deletions: sum(({ tombstones }) => tombstones),
    byteLength: sum(({ byteLength }) => byteLength),
  };
}

/** Returns the LSNs of layers, of which there is at least one: the first of all and the last of all. */
export function lsnsOf(layers: readonly LayerInfo[]): [first: number, last: number] {
  return layers.reduce<[number, number]>(
    ([first, last], layer) => [Math.min(first, layer.firstLsn), Math.max(last, layer.lastLsn)],
    [Infinity, 0],
  );
}

/** Returns the layers of each kind that there is, from new to old. */
export function layersByKind(layers: readonly LayerInfo[]): [LayerInfo["kind"], LayerInfo[]][] {
  const byKind = Map.groupBy(layers, ({ kind }) => kind);
  return layerKinds.flatMap((kind) => {
    const all = byKind.get(kind);
    return all === undefined ? [] : [[kind, all] as [LayerInfo["kind"], LayerInfo[]]];
  });
}
