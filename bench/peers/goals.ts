/** The goals of the design, as ratios of rows of one run, and whether they are met. */

import { findResult, type PeersResult, timesBetter } from "./result.ts";

/** A goal with what was reached. */
export interface GoalOutcome {
  /** What is asked. */
  text: string;
  /** What was reached, with its unit; `undefined` if a part was not measured. */
  reached: string | undefined;
  /** Whether it is met; `undefined` if a part was not measured. */
  met: boolean | undefined;
}

/** A cell of the table. */
interface Cell {
  row: string;
  peer: string;
}

/** A goal: a ratio of two cells, or a bound of one. */
interface Goal {
  text: string;
  left: Cell;
  right?: Cell;
  bound: "at least" | "at most";
  limit: number;
}

const cell = (row: string, peer: string): Cell => ({ row, peer });
const varve = (row: string): Cell => cell(row, "varve");

function ratio(text: string, left: Cell, bound: Goal["bound"], limit: number, right: Cell): Goal {
  return { text, left, bound, limit, right };
}

const goals: readonly Goal[] = [
  ratio(
    "ingest 100 B random, sealed ≥ 6 × RocksDB fillrandom",
    varve("ingest.100B.random.sealed"),
    "at least",
    6,
    cell("ingest.100B.random.log", "rocksdb"),
  ),
  ratio(
    "ingest 8 KiB random, sealed ≥ 3 × RocksDB fillrandom",
    varve("ingest.8KiB.random.sealed"),
    "at least",
    3,
    cell("ingest.8KiB.random.log", "rocksdb"),
  ),
  ratio(
    "ingest 8 KiB random, sealed ≥ 0.7 × fio sequential 1 MiB writes",
    varve("ingest.8KiB.random.sealed"),
    "at least",
    0.7,
    cell("ingest.8KiB.random.log", "fio"),
  ),
  ratio(
    "64 random keys, cold ≥ 3.5 × RocksDB multireadrandom",
    varve("vector.100B"),
    "at least",
    3.5,
    cell("vector.100B", "rocksdb"),
  ),
  ratio(
    "64 random keys, cold ≥ 0.8 × fio at the same depth",
    varve("vector.100B"),
    "at least",
    0.8,
    cell("vector.100B", "fio"),
  ),
  ratio(
    "10,000 adjacent keys at once ≥ 20 × one by one",
    varve("adjacent.sequential.vector"),
    "at least",
    20,
    varve("adjacent.sequential.gets"),
  ),
  ratio(
    "the same, written in random order ≥ 20 ×",
    varve("adjacent.random.vector"),
    "at least",
    20,
    varve("adjacent.random.gets"),
  ),
  ratio(
    "cold get p50 ≤ 1.3 × fio depth 1",
    varve("get.100B.cold"),
    "at most",
    1.3,
    cell("get.100B.cold", "fio"),
  ),
  ratio("sink ≥ 0.9 × fio 1 MiB writes", varve("sink.1MiB"), "at least", 0.9, cell("sink.1MiB", "fio")),
  ratio("durable commits, 1 ≥ RocksDB", varve("commit.1"), "at least", 1, cell("commit.1", "rocksdb")),
  ratio("durable commits, 16 ≥ RocksDB", varve("commit.16"), "at least", 1, cell("commit.16", "rocksdb")),
  ratio(
    "get p99 while ingesting ≤ 3 × idle",
    varve("mixed.get.p99"),
    "at most",
    3,
    varve("get.100B.cold.p99"),
  ),
  {
    text: "event loop delay p99.9 ≤ 10 ms, 100 B",
    left: varve("delay.100B.sealed"),
    bound: "at most",
    limit: 10,
  },
  {
    text: "event loop delay p99.9 ≤ 10 ms, 8 KiB",
    left: varve("delay.8KiB.sealed"),
    bound: "at most",
    limit: 10,
  },
  {
    text: "memory flat: second half ≤ 1.1 × first",
    left: varve("memory.growth"),
    bound: "at most",
    limit: 1.1,
  },
  { text: "open of a closed store ≤ 50 ms", left: varve("open"), bound: "at most", limit: 50 },
  { text: "replay of 100 B values ≥ 1 GiB/s", left: varve("replay.100B"), bound: "at least", limit: 1024 },
  { text: "replay of 8 KiB values ≥ 1 GiB/s", left: varve("replay.8KiB"), bound: "at least", limit: 1024 },
];

/** Holds a result against the goals. */
export function judgeGoals(result: PeersResult): GoalOutcome[] {
  return [...goals.map((goal) => judge(result, goal)), ...judgeAhead(result)];
}

function judge(result: PeersResult, goal: Goal): GoalOutcome {
  const left = findResult(result, goal.left.row, goal.left.peer)?.figure?.median;
  const right = goal.right === undefined
    ? 1
    : findResult(result, goal.right.row, goal.right.peer)?.figure?.median;
  if (left === undefined || right === undefined) {
    return { text: goal.text, reached: undefined, met: undefined };
  }
  const value = left / right;
  const unit = goal.right === undefined ? unitOf(result, goal.left.row) : "×";
  return {
    text: goal.text,
    reached: `${Number(value.toPrecision(3))} ${unit}`,
    met: goal.bound === "at least" ? value >= goal.limit : value <= goal.limit,
  };
}

function unitOf(result: PeersResult, rowId: string): string {
  return result.rows.find((row) => row.id === rowId)?.unit ?? "";
}

/** Ahead of lmdb and classic-level in every row that they share with Varve. */
function judgeAhead(result: PeersResult): GoalOutcome[] {
  return ["lmdb", "classic-level"].map((peer): GoalOutcome => {
    const text = `ahead of ${peer} in every row`;
    const behind: string[] = [];
    let compared = 0;
    for (const row of result.rows) {
      const ours = findResult(result, row.id, "varve")?.figure?.median;
      const theirs = findResult(result, row.id, peer)?.figure?.median;
      if (ours === undefined || theirs === undefined) continue;
      compared++;
      const times = timesBetter(row.better, ours, theirs);
      if (times < 1) behind.push(`${row.id} (${times.toFixed(2)} ×)`);
    }
    if (compared === 0) return { text, reached: undefined, met: undefined };
    const reached = behind.length === 0 ? `${compared} rows` : `behind in ${behind.join(", ")}`;
    return { text, reached, met: behind.length === 0 };
  });
}
