/** How large the store of a mixed soak is, and what is done to it. */

import type { LinePlan } from "./planned_timeline.ts";

const KiB = 1024, MiB = 1024 * KiB;

/** See the top of the file. */
export interface Shape {
  /** The size of segments. */
  readonly segmentBytes: number;
  /** The memory for buffers and indexes, counted once for both timelines. */
  readonly memoryBytes: number;
  /** The memory for cached pages and records. */
  readonly cacheBytes: number;
  /** So many LSNs are kept. */
  readonly keptLsns: number;
  /** The timeline that is overwritten and keeps some history, then one that keeps all. */
  readonly lines: readonly [LinePlan, LinePlan];
  /** Batches of the first timeline for each of the second. */
  readonly sideEvery: number;
  /** After how many batches of the first timeline what is done again, on average. */
  readonly every: {
    readonly report: number;
    readonly sync: number;
    readonly freeze: number;
    readonly gc: number;
    readonly compact: number;
    readonly storm: number;
  };
  /** What a store takes beside its records when nothing is left to do. */
  readonly fixedBytes: number;
  /** For how many batches a snapshot is held at the most. */
  readonly heldBatches: number;
  /** How many batches lives have. */
  readonly lifeBatches: readonly number[];
}

const stride = 1024;

/** What a soak is by itself: some 80 MB that are live, and layers of 2 to 8 MiB. */
export const fullShape: Shape = {
  segmentBytes: 4 * MiB,
  memoryBytes: 256 * MiB,
  cacheBytes: 16 * MiB,
  keptLsns: 2000 * stride,
  lines: [
    {
      name: "main",
      stride,
      sets: [{ prefix: "soak/cold/", bits: 16, places: 8 }, { prefix: "soak/hot/", bits: 6, places: 2 }],
    },
    {
      name: "side",
      stride: 1,
      sets: [{ prefix: "side/cold/", bits: 12, places: 8 }, { prefix: "side/hot/", bits: 4, places: 2 }],
    },
  ],
  sideEvery: 10,
  every: { report: 300, sync: 30, freeze: 9000, gc: 9000, compact: 40_000, storm: 6000 },
  fixedBytes: 8 * MiB,
  heldBatches: 4000,
  lifeBatches: [50, 1000, 10_000, 30_000, 80_000],
};

/** What a soak is in a test: the same, smaller. */
export const shortShape: Shape = {
  ...fullShape,
  segmentBytes: 512 * KiB,
  cacheBytes: MiB,
  keptLsns: 60 * stride,
  lines: [
    {
      name: "main",
      stride,
      sets: [{ prefix: "soak/cold/", bits: 10, places: 8 }, { prefix: "soak/hot/", bits: 4, places: 2 }],
    },
    { name: "side", stride: 1, sets: [{ prefix: "side/", bits: 6, places: 4 }] },
  ],
  every: { report: 50, sync: 10, freeze: 300, gc: 300, compact: 800, storm: 200 },
  fixedBytes: MiB,
  heldBatches: 100,
  lifeBatches: [50, 400],
};
