/** Runs a store of the model from empty to full. */

import { mergeLayers } from "./merge.ts";
import { allKeys, recordBytes, type SimLayer, simLayer } from "./sim_layer.ts";
import type { Policy, SimStore } from "./store.ts";
import { neededBytes, type Workload } from "./workload.ts";

/** What is written to a store. */
export interface Ingest {
  readonly workload: Workload;
  /** All bytes. */
  readonly bytes: number;
  /** The bytes of a segment. */
  readonly segmentBytes: number;
  /** The share of history that is kept, the newest; 1 is all of it. */
  readonly history: number;
}

/** What came of it. */
export interface Outcome {
  /** Layers over a key when upkeep has the most to do: right after each segment. */
  readonly depth: { readonly mean: number; readonly max: number };
  /** Layers that a get reads, by filters that are wrong once in a hundred times. */
  readonly read: { readonly mean: number; readonly max: number };
  /** Bytes written for each byte of payload, the segment itself included. */
  readonly written: number;
  /**
   * Bytes stored for each byte that is needed; at the most with what a merge has not let go of; in the end, when nothing
   * more is appended.
   */
  readonly space: { readonly mean: number; readonly max: number; readonly end: number };
  /** The most bytes that upkeep had to write after one segment until nothing was to do. */
  readonly debt: number;
  /** The most bytes that one merge took in. */
  readonly largestMerge: number;
  /** How many layers there were in the end. */
  readonly layers: number;
  /** How many merges and moves there were. */
  readonly jobs: number;
}

const keysPerSegment = 8;
const falsePositives = 0.01;

/** Writes it all, with upkeep to its end after each segment. */
export function simulate(policy: Policy, ingest: Ingest): Outcome {
  const { workload, bytes, segmentBytes, history } = ingest;
  const store = policy.open(), sequence = { next: 1 };
  const segments = Math.max(1, Math.round(bytes / segmentBytes));
  const records = Math.round(segmentBytes / recordBytes);
  const random = pseudoRandom();
  const depth = new Track(), space = new Track();
  const run = { written: 0, stored: 0, largestMerge: 0, jobs: 0, debt: 0, peak: 0, end: 0 };
  for (let index = 0; index < segments; index++) {
    const firstLsn = index * records + 1, lastLsn = firstLsn + records - 1;
    const identity = {
      kind: "L0",
      level: 0,
      sequence: sequence.next++,
      firstLsn,
      lastLsn,
      horizon: 0,
    } as const;
    const keys = workload.distinct(records);
    const l0 = simLayer({ ...identity, keys }, workload.segment(index, segments, segmentBytes));
    store.add(l0);
    run.written += l0.byteLength;
    run.stored += l0.byteLength;
    // What a store is at its full size counts, not how it came there.
    const isLate = index >= segments / 2;
    if (isLate) { for (let i = 0; i < keysPerSegment; i++) depth.add(store.depthAt(random() * allKeys)); }
    const horizon = history >= 1 ? undefined : Math.floor(lastLsn * (1 - history));
    const before = run.written;
    run.peak = run.stored;
    const isLast = index === segments - 1;
    for (let job = store.plan(horizon, isLast); job !== undefined; job = store.plan(horizon, isLast)) {
      run.jobs++;
      if (job.work === "move") {
        const level = job.level;
        store.commit(job, (job.inputs as readonly SimLayer[]).map((layer) => ({ ...layer, level })));
        continue;
      }
      const taken = sizeOf(job.inputs as readonly SimLayer[]);
      const outputs = mergeLayers(job, withHorizon(store, horizon), workload, sequence);
      const came = sizeOf(outputs);
      run.written += came;
      run.peak = Math.max(run.peak, run.stored + came);
      run.stored += came - taken;
      run.largestMerge = Math.max(run.largestMerge, taken);
      store.commit(job, outputs);
    }
    run.debt = Math.max(run.debt, run.written - before);
    const needed = neededBytes(workload, lastLsn, horizon ?? 0);
    if (isLate) space.add(run.stored / needed, run.peak / needed);
    run.end = run.stored / needed;
  }
  return {
    depth: { mean: depth.mean, max: depth.max },
    read: {
      mean: 1 + falsePositives * Math.max(0, depth.mean - 1),
      max: 1 + falsePositives * Math.max(0, depth.max - 1),
    },
    written: run.written / (segments * segmentBytes),
    space: { mean: space.mean, max: space.max, end: run.end },
    debt: run.debt,
    largestMerge: run.largestMerge,
    layers: store.count,
    jobs: run.jobs,
  };
}

function withHorizon({ settings }: SimStore, horizon: number | undefined): SimStore["settings"] {
  return { ...settings, horizon };
}

function sizeOf(layers: readonly SimLayer[]): number {
  return layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The mean and the most of many numbers. */
class Track {
  #sum = 0;
  #count = 0;
  max = 0;

  add(value: number, most = value): void {
    this.#sum += value;
    this.#count++;
    this.max = Math.max(this.max, most);
  }

  get mean(): number {
    return this.#sum / Math.max(1, this.#count);
  }
}

/** Numbers from 0 to below 1, always the same: mulberry32 (Tommy Ettinger, public domain). */
function pseudoRandom(): () => number {
  let state = 1;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let t = state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}
