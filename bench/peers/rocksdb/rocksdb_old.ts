/** What `db_bench` does to fill an old store, to read from a busy one, and to overwrite one. */

import type { ChildOutcome } from "../machine/child.ts";
import { bytesBelow, copyDirectory } from "../machine/files.ts";
import type { Measurement } from "../measurement.ts";
import type { Assignment } from "../peer.ts";
import { type BusyWork, type FillWork, type OverwriteWork, payloadOf, readsToFill } from "../work.ts";
import { commonArguments, reportOf, runDbBench, upkeepSecondsOf, usageOf } from "./db_bench.ts";

const MiB = 2 ** 20;
const batchRecords = 256;
/** The memtables of `commonArguments`, and the cache that `db_bench` has by itself. */
const settingsBytes = 4 * 64 * MiB + 8 * MiB;

/** Fills an empty directory, and waits until nothing is left to be compacted. */
export function fillOld(work: FillWork, directory: string, accountPath?: string): Promise<ChildOutcome> {
  const { records, valueBytes } = work.dataset;
  return runDbBench([
    ...commonArguments(directory),
    `--benchmarks=${fillOf(work)},flush,waitforcompaction`,
    `--num=${records}`,
    `--value_size=${valueBytes}`,
    `--batch_size=${batchRecords}`,
  ], accountPath);
}

/** Measures an ingest until no debt is left. */
export async function measureFill(
  work: FillWork,
  { directory, accountPath }: Assignment,
): Promise<Measurement> {
  const outcome = await fillOld(work, directory, accountPath);
  const { seconds, operations } = reportOf(outcome.stdout, fillOf(work));
  return {
    seconds: seconds + upkeepSecondsOf(await Deno.readTextFile(`${directory}/LOG`)),
    operations,
    payloadBytes: payloadOf(operations, work.dataset.valueBytes),
    ...usageOf(outcome),
    settingsBytes,
  };
}

/** Measures gets from a copy: idle, then while another thread puts single records; `db_bench` has no other writer beside gets. */
export async function measureBusy(
  work: BusyWork,
  { dataset, directory, accountPath }: Assignment,
): Promise<Measurement> {
  await copyDirectory(dataset ?? "", directory);
  const warmUps = Math.ceil(readsToFill(work.cacheBytes, work.dataset.records) / work.reads);
  const outcome = await runDbBench([
    ...commonArguments(directory),
    `--cache_size=${work.cacheBytes}`,
    `--benchmarks=readrandom[W${warmUps}],readwhilewriting`,
    "--use_existing_db=1",
    `--num=${work.dataset.records}`,
    `--value_size=${work.dataset.valueBytes}`,
    `--reads=${work.reads}`,
    "--threads=1",
    "--histogram=1",
  ], accountPath);
  const idle = reportOf(outcome.stdout, "readrandom");
  const { seconds, operations, latency } = reportOf(outcome.stdout, "readwhilewriting");
  return {
    seconds,
    operations,
    payloadBytes: payloadOf(operations, work.dataset.valueBytes),
    latency,
    idle: idle.latency,
    ...usageOf(outcome),
    notes: ["its writer puts single records, db_bench has no other beside reads"],
  };
}

/** Measures a data set that is overwritten at random, and the space it takes when nothing is left to be compacted. */
export async function measureOverwrite(
  work: OverwriteWork,
  { directory, accountPath }: Assignment,
): Promise<Measurement> {
  const { dataset, records } = work;
  const shape = [
    ...commonArguments(directory),
    `--num=${dataset.records}`,
    `--value_size=${dataset.valueBytes}`,
    `--batch_size=${batchRecords}`,
  ];
  await runDbBench([...shape, "--benchmarks=filluniquerandom,flush"]);
  const outcome = await runDbBench([
    ...shape,
    "--benchmarks=overwrite,flush,waitforcompaction",
    "--use_existing_db=1",
    `--writes=${records}`,
  ], accountPath);
  const { seconds, operations } = reportOf(outcome.stdout, "overwrite");
  return {
    seconds: seconds + upkeepSecondsOf(await Deno.readTextFile(`${directory}/LOG`)),
    operations,
    payloadBytes: payloadOf(operations, dataset.valueBytes),
    ...usageOf(outcome),
    space: await bytesBelow(directory) / payloadOf(dataset.records, dataset.valueBytes),
    notes: ["it keeps the last version of each key alone"],
  };
}

function fillOf({ keys }: FillWork): string {
  return keys === "once" ? "filluniquerandom" : "fillrandom";
}
