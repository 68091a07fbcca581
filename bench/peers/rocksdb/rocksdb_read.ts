/** What `db_bench` does for a read of a dataset. */

import type { Measurement } from "../measurement.ts";
import type { Assignment } from "../peer.ts";
import {
  type AdjacentWork,
  type GetWork,
  payloadOf,
  readsToFill,
  type ScanWork,
  type VectorWork,
} from "../work.ts";
import { commonArguments, reportOf, runDbBench, usageOf } from "./db_bench.ts";

/** Works that read from a dataset. */
type ReadWork = GetWork | VectorWork | AdjacentWork | ScanWork;

const MiB = 1024 * 1024;

/** Measures reads. */
export async function measureRead(
  work: ReadWork,
  { dataset, accountPath }: Assignment,
): Promise<Measurement> {
  const { benchmark, options } = argumentsOf(work);
  const { cacheBytes } = work.kind === "get" || work.kind === "vector" ? work : { cacheBytes: undefined };
  const outcome = await runDbBench([
    ...commonArguments(dataset ?? ""),
    "--use_existing_db=1",
    `--num=${work.dataset.records}`,
    `--value_size=${work.dataset.valueBytes}`,
    ...options,
    ...(cacheBytes === undefined ? [] : [`--cache_size=${cacheBytes}`]),
    `--benchmarks=${benchmark}${cacheBytes === undefined ? "" : warmUpOf(cacheBytes, work)}`,
  ], accountPath);
  const { seconds, operations, latency } = reportOf(outcome.stdout, benchmark);
  const read = operations * (work.kind === "adjacent" ? work.keys : 1);
  const payloadBytes = payloadOf(read, work.dataset.valueBytes);
  return { seconds, operations: read, payloadBytes, latency, ...usageOf(outcome) };
}

/** Repeats the benchmark before it is reported, until the cache is full. */
function warmUpOf(cacheBytes: number, work: ReadWork): string {
  const reads = work.kind === "vector" ? work.keys * work.batches : work.kind === "get" ? work.reads : 1;
  return `[W${Math.ceil(readsToFill(cacheBytes, work.dataset.records) / reads)}]`;
}

function argumentsOf(work: ReadWork): { benchmark: string; options: string[] } {
  switch (work.kind) {
    case "get":
      return {
        benchmark: "readrandom",
        options: [
          // A warm read draws from the first 1,000 keys; the gets that warm the cache are 5 % of the run.
          ...(work.cache === "warm" ? ["--num=1000"] : []),
          "--histogram=1",
          `--reads=${work.reads}`,
          `--cache_size=${work.cache === "warm" ? 1024 * MiB : 8 * MiB}`,
        ],
      };
    case "vector":
      return {
        benchmark: "multireadrandom",
        options: [
          "--histogram=1",
          "--multiread_batched=true",
          `--batch_size=${work.keys}`,
          `--reads=${work.keys * work.batches}`,
        ],
      };
    case "adjacent":
      return {
        benchmark: "seekrandom",
        options: [
          // Starts near the end would give short runs, which the figure would count as whole.
          `--num=${work.dataset.records - work.keys}`,
          "--histogram=1",
          `--seek_nexts=${work.keys}`,
          `--reads=${work.runs}`,
        ],
      };
    case "scan":
      return { benchmark: "readseq", options: [] };
  }
}
