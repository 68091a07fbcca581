/** What is written: where each sealed segment has its bytes, and how much of it is still needed later. */

import { allKeys, recordBytes, type Stretches } from "./sim_layer.ts";

/** Writes in some order. */
export interface Workload {
  readonly name: string;
  /** Where the bytes of the segment at `index` of `count` lie. */
  segment(index: number, count: number, bytes: number): Stretches;
  /** How many distinct keys so many records have, all keys together; all, if no key is written twice. */
  distinct(records: number): number;
  /** Keys that take much room each, from part to part, in order. */
  readonly hotKeys: readonly (readonly [from: number, to: number])[];
  /** Whether the order is the same at all times, so that what is superseded can be told. */
  readonly isSteady: boolean;
}

const all = (records: number) => records;

function even(from: number, to: number, bytes: number): Stretches {
  return { edges: [Math.floor(from * allKeys), Math.floor(to * allKeys)], masses: [bytes] };
}

function uniform(keys: number): Workload {
  return {
    name: "uniform",
    segment: (_index, _count, bytes) => even(0, 1, bytes),
    distinct: (records) => -keys * Math.expm1(-records / keys),
    hotKeys: [],
    isSteady: true,
  };
}

/** Zipf's law with the exponent of YCSB, 0.99; the hottest keys lie scattered. */
function zipfian(keys: number): Workload {
  const exponent = 0.99, buckets = 200, hottest = 64;
  // Keys of about the same rank count as one bucket.
  const ranks = Array.from({ length: buckets + 1 }, (_, i) => keys ** (i / buckets));
  const sum = (a: number, b: number) => (b ** (1 - exponent) - a ** (1 - exponent)) / (1 - exponent);
  const total = 1 + sum(1, keys);
  const shares = Array.from({ length: hottest }, (_, i) => (i + 1) ** -exponent / total);
  const order = shares.map((_, i) => i).sort((a, b) => Math.imul(a, 0x9e3779b9) - Math.imul(b, 0x9e3779b9));
  const gap = (1 - shares.reduce((a, b) => a + b)) / (hottest + 1);
  let at = 0;
  const hotKeys = order.map((i) => {
    const from = at + gap;
    at = from + shares[i];
    return [Math.floor(from * allKeys), Math.floor(at * allKeys)] as const;
  });
  return {
    name: "zipfian",
    segment: (_index, _count, bytes) => even(0, 1, bytes),
    distinct: (records) => {
      let found = 0;
      for (let i = 0; i < buckets; i++) {
        const count = ranks[i + 1] - ranks[i], each = sum(ranks[i], ranks[i + 1]) / total / count;
        found += -count * Math.expm1(-records * each);
      }
      return found;
    },
    hotKeys,
    isSteady: true,
  };
}

const sequential: Workload = {
  name: "sequential",
  segment: (index, count, bytes) => even(index / count, (index + 1) / count, bytes),
  distinct: all,
  hotKeys: [],
  isSteady: false,
};

/** Keys begin with a time, and a fifth of them comes late, by up to a quarter of a segment. */
const timeOrdered: Workload = {
  name: "time-ordered",
  segment: (index, count, bytes) => even(Math.max(0, index - 0.25) / count, (index + 1) / count, bytes),
  distinct: all,
  hotKeys: [],
  isSteady: false,
};

/** Nine of ten writes go to a tenth of the keys, which moves on through all of them. */
const hotSet: Workload = {
  name: "hot-set",
  segment: (index, count, bytes) => {
    const from = Math.floor(0.9 * index / count * allKeys), to = from + Math.floor(allKeys / 10);
    const cold = (width: number) => bytes * 0.1 * width / allKeys;
    const edges = [0, from, to, allKeys];
    const masses = [cold(from), cold(to - from) + bytes * 0.9, cold(allKeys - to)];
    return from === 0 ? { edges: edges.slice(1), masses: masses.slice(1) } : { edges, masses };
  },
  distinct: all,
  hotKeys: [],
  isSteady: false,
};

/** The workload of a name, of so many records; keys that are written again are written four times, by the mean. */
export function workloadOf(name: string, records: number): Workload {
  const steady = { uniform, zipfian }[name];
  if (steady !== undefined) return steady(records / 4);
  const found = [sequential, timeOrdered, hotSet].find((workload) => workload.name === name);
  if (found === undefined) throw new TypeError(`Cannot simulate workload "${name}": it is not known`);
  return found;
}

/** The names of all workloads. */
export const workloads: readonly string[] = ["uniform", "zipfian", "hot-set", "time-ordered", "sequential"];

/** How many bytes are still needed of so many records, as of a horizon: what is newer, and the last of each key. */
export function neededBytes(workload: Workload, records: number, horizon: number): number {
  if (!workload.isSteady || horizon <= 0) return records * recordBytes;
  return (records - horizon + workload.distinct(horizon)) * recordBytes;
}
