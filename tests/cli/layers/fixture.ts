/** What the tests of sums and pictures of layers speak in: layers described in a line. */

import type { LayerInfo } from "../../../src/timeline/mod.ts";

const encoder = new TextEncoder();

/** A layer; one that is in memory tells no keys. */
export function layer(
  kind: LayerInfo["kind"],
  [firstLsn, lastLsn]: [number, number],
  [firstKey, lastKey]: [string | Uint8Array, string | Uint8Array] = ["", ""],
  versions = 1000,
): LayerInfo {
  const bytesOf = (key: string | Uint8Array) => typeof key === "string" ? encoder.encode(key) : key;
  return {
    kind,
    path: `/store/1/${firstLsn}.${kind}`,
    firstLsn,
    lastLsn,
    firstKey: bytesOf(firstKey),
    lastKey: bytesOf(lastKey),
    versions,
    tombstones: Math.floor(versions / 10),
    keys: versions,
    byteLength: versions * 100,
  };
}
