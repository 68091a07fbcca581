/**
 * Layers of the model: where their bytes lie among keys, without a record.
 *
 * A key stands for the share of all writes that go to keys before it, in 2^52 parts. So writes of any order that does
 * not change with time are uniform, and what is hot is a key, or a range of few keys, that takes much room.
 */

import type { PlannedLayer } from "../../src/timeline/upkeep/plan/planned_layer.ts";

/** How many parts all keys have. */
export const allKeys: number = 2 ** 52;
/** The bytes of a record. */
export const recordBytes: number = 128;
/** How many stretches of even density a layer has at the most; what is finer is evened out. */
const mostStretches = 8;

/** A layer of the model: between `edges[i]` and `edges[i + 1]` it has `masses[i]` bytes, evenly. */
export interface SimLayer extends PlannedLayer {
  readonly edges: readonly number[];
  readonly masses: readonly number[];
}

/** What a layer is made of. */
export interface Stretches {
  readonly edges: readonly number[];
  readonly masses: readonly number[];
}

/** Makes the key of a part. */
export function keyAt(part: number): Uint8Array {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint32(0, Math.floor(part / 2 ** 32));
  view.setUint32(4, part % 2 ** 32);
  return key;
}

/** What of a layer is not where its bytes lie. */
export type SimIdentity = Pick<
  SimLayer,
  "kind" | "level" | "sequence" | "firstLsn" | "lastLsn" | "keys" | "horizon"
>;

/** Makes a layer; `oneKey` says that it is all of one key. */
export function simLayer(identity: SimIdentity, stretches: Stretches, oneKey = false): SimLayer {
  const { edges, masses } = evenOut(stretches);
  const byteLength = Math.ceil(masses.reduce((sum, mass) => sum + mass, 0));
  const firstKey = keyAt(edges[0]);
  const lastKey = oneKey ? firstKey : keyAt(edges[edges.length - 1] - 1);
  const versions = Math.max(1, Math.round(byteLength / recordBytes));
  const keys = Math.min(versions, Math.max(1, identity.keys));
  return { ...identity, keys, firstKey, lastKey, byteLength, versions, edges, masses };
}

function evenOut({ edges, masses }: Stretches): Stretches {
  if (masses.length <= mostStretches) return { edges, masses };
  const fewerEdges = [edges[0]], fewer: number[] = [];
  const each = masses.reduce((sum, mass) => sum + mass, 0) / mostStretches;
  let mass = 0;
  for (let i = 0; i < masses.length; i++) {
    mass += masses[i];
    if (mass < each * 0.999 && i < masses.length - 1) continue;
    fewer.push(mass);
    fewerEdges.push(edges[i + 1]);
    mass = 0;
  }
  return { edges: fewerEdges, masses: fewer };
}

/** Lays layers over each other. */
export function addUp(layers: readonly Stretches[]): Stretches {
  if (layers.length === 1) return layers[0];
  const all = new Set<number>();
  for (const { edges } of layers) for (const edge of edges) all.add(edge);
  const edges = [...new Float64Array(all).sort()];
  const masses = new Array<number>(edges.length - 1).fill(0);
  for (const layer of layers) {
    let at = lowerBound(edges, layer.edges[0]);
    for (let i = 0; i < layer.masses.length; i++) {
      const to = layer.edges[i + 1], density = layer.masses[i] / (to - layer.edges[i]);
      for (; edges[at] < to; at++) masses[at] += density * (edges[at + 1] - edges[at]);
    }
  }
  return { edges, masses };
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
