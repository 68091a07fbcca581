/** Layers that are too many to be listed, summed up by their kinds and the sizes of their files. */

import type { LayerInfo } from "../../timeline/mod.ts";
import { formatBytes, formatCount } from "../terminal/quantity.ts";
import { layersByKind, lsnsOf, sumLayers } from "./sums.ts";

/** Sizes are told apart by powers of this many bytes, from the second on. */
const sizeStep = 4;
const smallestSize = 64 * 1024;

/**
 * Sums layers up.
 *
 * @param layers Layers, at least one.
 * @returns Rows: a head, one for each kind and level of size from new and small to old and large, and one for all.
 */
export function summaryRows(layers: readonly LayerInfo[]): string[][] {
  const head = ["kind", "size of each", "layers", "LSNs", "versions", "deletions", "size"];
  const rows = layersByKind(layers).flatMap(([kind, of]) => {
    const levels = Map.groupBy(of, ({ byteLength }) => sizeLevel(byteLength));
    return [...levels].sort(([a], [b]) => a - b).map(([level, of]) => row(kind, sizesOf(level), of));
  });
  return [head, ...rows, row("all", "", layers)];
}

function row(kind: string, sizes: string, layers: readonly LayerInfo[]): string[] {
  const { count, versions, deletions, byteLength } = sumLayers(layers), [first, last] = lsnsOf(layers);
  const counts = [versions, deletions].map(formatCount);
  return [kind, sizes, formatCount(count), `${first}–${last}`, ...counts, formatBytes(byteLength)];
}

/** The level of a size: 0 below 64 KiB, 1 below 256 KiB, and so on. */
function sizeLevel(bytes: number): number {
  let level = 0;
  for (let least = smallestSize; bytes >= least; least *= sizeStep) level++;
  return level;
}

function sizesOf(level: number): string {
  const end = smallestSize * sizeStep ** level;
  return level === 0 ? `< ${formatBytes(end)}` : `${formatBytes(end / sizeStep)} – ${formatBytes(end)}`;
}
