/** What the page tells, line by line: what Varve gave, what stands beside it in the same run, and what is asked of it. */

import { findResult, findRow, type PeersResult } from "../result.ts";
import { formatNumber } from "./number.ts";
import { besideOf, type Cell, type Goal, goal, type Line, varve } from "./line.ts";
import { oldLines } from "./old_goals.ts";

/** A line with what was reached, in words; a part that there is not is empty. */
export interface Outcome {
  /** What is done. */
  work: string;
  /** What Varve gave, with its unit. */
  ours: string;
  /** What stands beside it, with its name. */
  beside: string;
  /** What Varve gave by what stands beside it. */
  ratio: string;
  /** What is asked. */
  goal: string;
  /** Whether it is met. */
  verdict: "met" | "missed" | "";
  /** By how much: by which factor what was reached is better or worse than what is asked. */
  margin: string;
  /** Whether the README has it too. */
  first: boolean;
}

const rocksdb = (row: string, name = "RocksDB") => ({ name, peer: "rocksdb", row });
const fio = besideOf("fio");

const lines: readonly Line[] = [
  {
    work: "ingest, 100 B, random keys, batches of 256, sealed",
    ours: varve("ingest.100B.random.batch.sealed"),
    beside: rocksdb("ingest.100B.random.batch.sealed", "RocksDB, the same batches, flushed"),
    goal: goal("≥", 5),
    first: true,
  },
  {
    work: "ingest, 100 B, random keys, single appends, sealed",
    ours: varve("ingest.100B.random.single.sealed"),
    beside: rocksdb("ingest.100B.random.single.sealed", "RocksDB, single writes, flushed"),
    goal: goal("≥", 4),
    first: true,
  },
  {
    work: "ingest, 100 B, sequential keys, batches of 256, sealed",
    ours: varve("ingest.100B.sequential.batch.sealed"),
    beside: rocksdb("ingest.100B.sequential.batch.sealed", "RocksDB, the same batches, flushed"),
    goal: goal("≥", 2),
    first: true,
  },
  {
    work: "ingest, 8 KiB, random keys, batches of 16, sealed",
    ours: varve("ingest.8KiB.random.batch.sealed"),
    beside: rocksdb("ingest.8KiB.random.batch.sealed", "RocksDB, the same batches, flushed"),
    first: true,
  },
  {
    work: "the same beside the disk",
    ours: varve("ingest.8KiB.random.batch.sealed"),
    beside: fio("ingest.8KiB.random.batch.sealed", "fio, 1 MiB writes, depth 3"),
    goal: goal("≥", 0.8),
  },
  {
    work: "64 random keys at once, cold, 100 B",
    ours: varve("vector.100B"),
    beside: rocksdb("vector.100B", "RocksDB, MultiGet of 64"),
    first: true,
  },
  {
    work: "the same beside the disk",
    ours: varve("vector.100B"),
    beside: fio("vector.100B", "fio, batches of 64"),
    goal: goal("≥", 0.85),
  },
  {
    work: "one get, cold, 100 B",
    ours: varve("get.100B.cold"),
    beside: fio("get.100B.cold", "fio, depth 1"),
    goal: goal("≤", 1.2),
    first: true,
  },
  {
    work: "one get, warm, 100 B",
    ours: varve("get.100B.warm"),
    beside: { name: "lmdb, in node", row: "get.100B.warm", peer: "lmdb" },
    goal: goal("≤", 3, "µs"),
  },
  {
    work: "10,000 adjacent keys at once, written in order",
    ours: varve("adjacent.sequential.vector"),
    beside: { name: "one by one", ...varve("adjacent.sequential.gets") },
    goal: goal("≥", 20),
  },
  {
    work: "10,000 adjacent keys at once, written in random order",
    ours: varve("adjacent.random.vector"),
    beside: { name: "one by one", ...varve("adjacent.random.gets") },
    goal: goal("≥", 20),
  },
  {
    work: "full scan, 100 B, written in random order",
    ours: varve("scan.100B"),
    beside: rocksdb("scan.100B", "RocksDB, compacted"),
    first: true,
  },
  {
    work: "durable commits of 200 B, 1 committer",
    ours: varve("commit.1"),
    beside: rocksdb("commit.1"),
    goal: goal("≥", 0.9),
    first: true,
  },
  {
    work: "durable commits of 200 B, 16 committers",
    ours: varve("commit.16"),
    beside: rocksdb("commit.16"),
    goal: goal("≥", 1.3),
    first: true,
  },
  {
    work: "get p99 while ingesting at full speed",
    ours: varve("mixed.get.p99"),
    beside: { name: "idle", ...varve("get.100B.cold.p99") },
    goal: goal("≤", 3),
  },
  { work: "event loop delay, ingest of 100 B", ours: varve("delay.100B.sealed"), goal: goal("≤", 10, "ms") },
  { work: "event loop delay, ingest of 8 KiB", ours: varve("delay.8KiB.sealed"), goal: goal("≤", 10, "ms") },
  {
    // memoryBytes and cacheBytes as they come, and 100 MiB.
    work: "memory over a long ingest, 8 KiB",
    ours: varve("memory.peak"),
    beside: rocksdb("memory.peak"),
    goal: goal("≤", 256 + 64 + 100, "MiB"),
    first: true,
  },
  { work: "open of a cleanly closed store", ours: varve("open"), goal: goal("≤", 50, "ms") },
  { work: "replay of an unsealed log, 100 B", ours: varve("replay.100B"), goal: goal("≥", 1024, "MiB/s") },
];

/** Holds a result against the goals of its bench; every line that is not optional is there, measured or not. */
export function judgeGoals(result: PeersResult): Outcome[] {
  return (result.old === undefined ? lines : oldLines)
    .filter((line) => !line.optional || findRow(result, line.ours.row) !== undefined)
    .map((line) => judge(result, line));
}

function judge(result: PeersResult, { work, ours, beside, goal, first }: Line): Outcome {
  const figure = medianOf(result, ours);
  const other = beside === undefined ? undefined : medianOf(result, beside);
  const ratio = ratioOf(figure, other);
  const cell = ({ row }: Cell, value: number | undefined) =>
    value === undefined ? "not measured" : `${formatNumber(value)} ${findRow(result, row)?.unit}`;
  const reached = goal?.unit === "×" ? ratio : figure;
  return {
    work,
    ours: cell(ours, figure),
    beside: beside === undefined ? "" : `${beside.name}: ${cell(beside, other)}`,
    ratio: ratio === undefined ? "" : `${formatNumber(ratio)} ×`,
    goal: goal === undefined ? "" : `${goal.bound} ${goal.limit} ${goal.unit}`,
    verdict: verdictOf(goal, reached),
    margin: marginOf(goal, reached),
    first: first ?? false,
  };
}

function verdictOf(goal: Goal | undefined, reached: number | undefined): Outcome["verdict"] {
  if (goal === undefined || reached === undefined) return "";
  const isMet = goal.bound === "≥" ? reached >= goal.limit : reached <= goal.limit;
  return isMet ? "met" : "missed";
}

/** One by the other; where one is below nothing, as memory may be below what settings grant, there is no ratio. */
function ratioOf(figure: number | undefined, other: number | undefined): number | undefined {
  if (figure === undefined || other === undefined || figure <= 0 || other <= 0) return undefined;
  return figure / other;
}

/** How far it is from the goal, as a factor of at least 1; below nothing there is none. */
function marginOf(goal: Goal | undefined, reached: number | undefined): string {
  if (goal === undefined || reached === undefined || reached <= 0) return "";
  const factor = reached / goal.limit;
  return `${formatNumber(Math.max(factor, 1 / factor))} ×`;
}

function medianOf(result: PeersResult, { row, peer }: Cell): number | undefined {
  return findResult(result, row, peer)?.figure?.median;
}
