/**
 * RocksDB, as its own `db_bench` drives it.
 *
 * `db_bench` is a C++ loop without a language boundary: it makes a key, copies a value, and calls the engine. Its
 * report leaves out opening and closing. Its figures here are:
 *
 * - ingest: the time that it reports, with write batches of the size that the row names, plus the time that this
 *   harness needs to `fdatasync` its log after it has exited (in RocksDB's favour: the kernel has been writing the
 *   log back meanwhile). *sealed* adds the time of the last flush of a memtable, as RocksDB's own LOG tells it;
 * - CPU, memory and written bytes are those of the whole process.
 */

import { type ChildOutcome, outputOf } from "../machine/child.ts";
import type { Measurement } from "../measurement.ts";
import type { Assignment, Peer, PeerPresence } from "../peer.ts";
import {
  type CommitWork,
  type Dataset,
  type IngestWork,
  type MixedWork,
  type OpenWork,
  payloadOf,
  type ReplayWork,
  type Work,
} from "../work.ts";
import {
  buildNotes,
  commonArguments,
  manualFlushSeconds,
  openSecondsOf,
  reportOf,
  runDbBench,
  syncLogs,
  usageOf,
} from "./db_bench.ts";
import { fillOld, measureBusy, measureFill, measureOverwrite } from "./rocksdb_old.ts";
import { measureRead } from "./rocksdb_read.ts";

const MiB = 1024 * 1024;

/** RocksDB through `db_bench`. */
export class RocksDbPeer implements Peer {
  readonly name: string = "rocksdb";
  readonly family: string = "rocksdb";
  readonly byDefault: boolean = true;
  readonly settings: readonly string[] = [
    "--use_direct_reads --use_direct_io_for_flush_and_compaction; the log is always written through the page cache, RocksDB has no direct log",
    "--batch_size as the row names it, Varve's too",
    "--compression_type=none (values are random bytes), --key_size=18, --bloom_bits=10, log on",
    "--write_buffer_size=64 MiB, --max_write_buffer_number=4: larger or fewer were no faster here",
    "--level_compaction_dynamic_level_bytes, --max_background_jobs=4, --open_files=-1: index and filters of every file stay in memory",
    "--cache_size=8 MiB for cold reads, 1 GiB for warm ones",
    "datasets are compacted to the end before they are read; old ones are left as RocksDB's own compaction leaves them",
    "old: filluniquerandom (or fillrandom, where keys are drawn) in batches of 256, flush, until its LOG tells of no compaction any more",
    "a cache that a row names is full before it begins, and holds blocks of values alone: with index and filters in it as well, which do not fit 32 MiB, a get took milliseconds",
    "multireadrandom with --multiread_batched; commit is fillrandom with --sync=1",
    "adjacent keys are read by seekrandom with --seek_nexts",
  ];

  async probe(): Promise<PeerPresence | { absent: string }> {
    const version = await outputOf(["db_bench", "--version"]);
    if (version === undefined) {
      return { absent: "there is no db_bench on the PATH (Debian: apt install rocksdb-tools)" };
    }
    return { version: version.trim().replace("db_bench version ", ""), notes: await buildNotes() };
  }

  supports(work: Work): boolean {
    if (work.kind === "ingest") return work.via === "batch";
    return work.kind !== "sink" && !(work.kind === "adjacent" && work.by === "gets");
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    if (dataset.age === "old") return void await fillOld({ kind: "fill", dataset, keys: "once" }, directory);
    const fill = dataset.order === "sequential" ? "fillseq" : "filluniquerandom";
    // It waits for no less than 5 s, which one memtable does not need.
    const small = payloadOf(dataset.records, dataset.valueBytes) < 64 * MiB;
    await runDbBench([
      ...commonArguments(directory),
      `--benchmarks=${fill},flush,compact${small ? "" : ",waitforcompaction"}`,
      `--num=${dataset.records}`,
      `--value_size=${dataset.valueBytes}`,
    ]);
  }

  measure(assignment: Assignment): Promise<Measurement> {
    const { work } = assignment;
    switch (work.kind) {
      case "ingest":
        return measureIngest(work, assignment);
      case "commit":
        return measureCommit(work, assignment);
      case "mixed":
        return measureMixed(work, assignment);
      case "open":
        return measureOpen(work, assignment);
      case "replay":
        return measureReplay(work, assignment);
      case "fill":
        return measureFill(work, assignment);
      case "busy":
        return measureBusy(work, assignment);
      case "overwrite":
        return measureOverwrite(work, assignment);
      case "sink":
        throw new RangeError("Cannot give db_bench a sink");
      default:
        return measureRead(work, assignment);
    }
  }
}

async function measureIngest(work: IngestWork, { directory, accountPath }: Assignment): Promise<Measurement> {
  const benchmark = work.order === "sequential" ? "fillseq" : "fillrandom";
  const keys = work.order === "hot" ? [`--num=1024`, `--writes=${work.records}`] : [`--num=${work.records}`];
  const outcome = await runDbBench([
    ...commonArguments(directory),
    `--benchmarks=${benchmark}${work.seal ? ",flush" : ""}`,
    ...keys,
    `--value_size=${work.valueBytes}`,
    `--batch_size=${work.batchRecords}`,
  ], accountPath);
  const report = reportOf(outcome.stdout, benchmark);
  const syncSeconds = await syncLogs(directory);
  const flushSeconds = work.seal ? await manualFlushSeconds(directory) : 0;
  return {
    seconds: report.seconds + syncSeconds + flushSeconds,
    operations: report.operations,
    payloadBytes: payloadOf(report.operations, work.valueBytes),
    ...usageOf(outcome),
  };
}

async function measureCommit(work: CommitWork, { directory, accountPath }: Assignment): Promise<Measurement> {
  const outcome = await runDbBench([
    ...commonArguments(directory),
    "--benchmarks=fillrandom",
    "--sync=1",
    "--histogram=1",
    `--threads=${work.committers}`,
    `--num=${Math.floor(work.commits / work.committers)}`,
    `--value_size=${work.valueBytes}`,
  ], accountPath);
  const { seconds, operations, latency } = reportOf(outcome.stdout, "fillrandom");
  const payloadBytes = payloadOf(operations, work.valueBytes);
  return { seconds, operations, payloadBytes, latency, ...usageOf(outcome) };
}

/** Gets while another thread writes. `db_bench` has no batched reads while writing, and its writer no batches. */
async function measureMixed(work: MixedWork, { directory, accountPath }: Assignment): Promise<Measurement> {
  const outcome = await runDbBench([
    ...commonArguments(directory),
    "--benchmarks=filluniquerandom,flush,readwhilewriting",
    `--num=${work.dataset.records}`,
    `--value_size=${work.dataset.valueBytes}`,
    `--reads=${work.reads * work.keys}`,
    "--threads=1",
    "--histogram=1",
  ], accountPath);
  const { seconds, operations, latency } = reportOf(outcome.stdout, "readwhilewriting");
  const payloadBytes = payloadOf(operations, work.dataset.valueBytes);
  const notes = [
    "its writer puts single records, db_bench has no other beside reads",
    ...(work.keys === 1 ? [] : ["db_bench reads single keys here: it has no batched read while writing"]),
  ];
  return { seconds, operations, payloadBytes, latency, ...usageOf(outcome), notes };
}

async function measureOpen(work: OpenWork, { dataset, accountPath }: Assignment): Promise<Measurement> {
  const outcome = await openExisting(dataset ?? "", work.dataset.valueBytes, 64 * MiB, accountPath);
  return openMeasurement(outcome, work.dataset);
}

/** Fills a log without a flush, as one that is killed would leave it, and opens it. */
async function measureReplay(work: ReplayWork, { directory, accountPath }: Assignment): Promise<Measurement> {
  const { records, valueBytes } = work.dataset;
  const bufferBytes = 4096 * MiB;
  await runDbBench([
    ...commonArguments(directory),
    "--benchmarks=fillrandom",
    `--num=${records}`,
    `--value_size=${valueBytes}`,
    `--write_buffer_size=${bufferBytes}`,
  ]);
  await syncLogs(directory);
  const outcome = await openExisting(directory, valueBytes, bufferBytes, accountPath);
  return openMeasurement(outcome, work.dataset);
}

function openExisting(directory: string, valueBytes: number, writeBufferBytes: number, accountPath: string) {
  return runDbBench([
    ...commonArguments(directory),
    "--benchmarks=readrandom",
    "--use_existing_db=1",
    "--num=1",
    "--reads=1",
    `--value_size=${valueBytes}`,
    `--write_buffer_size=${writeBufferBytes}`,
  ], accountPath);
}

function openMeasurement(outcome: ChildOutcome, { records, valueBytes }: Dataset): Measurement {
  return {
    seconds: openSecondsOf(outcome.stdout),
    operations: records,
    payloadBytes: payloadOf(records, valueBytes),
    ...usageOf(outcome),
  };
}
