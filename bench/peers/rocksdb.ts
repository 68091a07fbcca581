/**
 * RocksDB, as its own `db_bench` drives it.
 *
 * `db_bench` is a C++ loop without a language boundary: it makes a key, copies a value, and calls the engine. Its
 * report leaves out opening and closing. Its figures here are:
 *
 * - ingest: the time that it reports, plus the time that this harness needs to `fdatasync` its log after it has
 *   exited (in RocksDB's favour: the kernel has been writing the log back meanwhile). *sealed* adds the time of the
 *   last flush of a memtable, as RocksDB's own LOG tells it;
 * - CPU, memory and written bytes are those of the whole process.
 */

import { errorLine, outputOf, runChild } from "./child.ts";
import { keyBytes } from "./keys.ts";
import type { Latency, Measurement } from "./measurement.ts";
import type { Assignment, Peer, PeerPresence } from "./peer.ts";
import { type Dataset, payloadOf, type Work } from "./work.ts";

const MiB = 1024 * 1024;

/** What one benchmark of a `db_bench` run reported. */
interface BenchReport {
  seconds: number;
  operations: number;
  latency: Latency | undefined;
}

/** RocksDB through `db_bench`, one record or several in a write batch. */
export class RocksDbPeer implements Peer {
  readonly name: string;
  readonly family: string = "rocksdb";
  readonly byDefault: boolean = true;
  readonly settings: readonly string[];
  readonly #batched: boolean;

  /** Makes a peer that writes one record at a time, as `fillrandom` does, or batches of the size that Varve is given. */
  constructor(options: { batched: boolean }) {
    this.#batched = options.batched;
    this.name = options.batched ? "rocksdb-batch" : "rocksdb";
    this.settings = options.batched
      ? ["as rocksdb, with --batch_size set to the batch that Varve is given; ingest only"]
      : settings;
  }

  async probe(): Promise<PeerPresence | { absent: string }> {
    const version = await outputOf(["db_bench", "--version"]);
    if (version === undefined) {
      return { absent: "there is no db_bench on the PATH (Debian: apt install rocksdb-tools)" };
    }
    return { version: version.trim().replace("db_bench version ", ""), notes: await buildNotes() };
  }

  supports(work: Work): boolean {
    if (work.kind === "ingest") return work.via === "batch";
    return !this.#batched && work.kind !== "sink" && !(work.kind === "adjacent" && work.by === "gets");
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    const fill = dataset.order === "sequential" ? "fillseq" : "filluniquerandom";
    // It waits for no less than 5 s, which one memtable does not need.
    const small = payloadOf(dataset.records, dataset.valueBytes) < 64 * MiB;
    await runDbBench([
      ...common(directory),
      `--benchmarks=${fill},flush,compact${small ? "" : ",waitforcompaction"}`,
      `--num=${dataset.records}`,
      `--value_size=${dataset.valueBytes}`,
    ]);
  }

  async measure(assignment: Assignment): Promise<Measurement> {
    const { work } = assignment;
    switch (work.kind) {
      case "ingest":
        return await measureIngest(assignment, this.#batched ? work.batchRecords : 1);
      case "replay":
        return await measureReplay(assignment);
      case "open":
        return await measureOpen(assignment);
      default:
        return await measureReported(assignment);
    }
  }
}

const settings: readonly string[] = [
  "--use_direct_reads --use_direct_io_for_flush_and_compaction; the log is always written through the page cache, RocksDB has no direct log",
  "--compression_type=none (values are random bytes), --key_size=18, --bloom_bits=10, log on",
  "--write_buffer_size=64 MiB, --max_write_buffer_number=4: larger or fewer were no faster here",
  "--level_compaction_dynamic_level_bytes, --max_background_jobs=4, --open_files=-1: index and filters of every file stay in memory",
  "--cache_size=8 MiB for cold reads, 1 GiB for warm ones",
  "datasets are compacted to the end before they are read",
  "multireadrandom with --multiread_batched; commit is fillrandom with --sync=1",
  "adjacent keys are read by seekrandom with --seek_nexts",
];

/** The settings of every run. */
function common(directory: string): string[] {
  return [
    `--db=${directory}`,
    `--key_size=${keyBytes}`,
    "--compression_type=none",
    "--use_direct_reads=true",
    "--use_direct_io_for_flush_and_compaction=true",
    `--write_buffer_size=${64 * MiB}`,
    "--max_write_buffer_number=4",
    "--max_background_jobs=4",
    "--level_compaction_dynamic_level_bytes=true",
    "--bloom_bits=10",
    "--open_files=-1",
    "--seed=1",
    "--report_open_timing=true",
  ];
}

/** The arguments of a work that is measured by what `db_bench` reports of one benchmark. */
function reportedArguments(assignment: Assignment): { benchmark: string; options: string[] } {
  const { work, directory, dataset } = assignment;
  const read = (
    records: number,
    valueBytes: number,
  ) => [...common(dataset ?? ""), "--use_existing_db=1", `--num=${records}`, `--value_size=${valueBytes}`];
  switch (work.kind) {
    case "commit":
      return {
        benchmark: "fillrandom",
        options: [
          ...common(directory),
          "--sync=1",
          "--histogram=1",
          `--threads=${work.committers}`,
          `--num=${Math.floor(work.commits / work.committers)}`,
          `--value_size=${work.valueBytes}`,
        ],
      };
    case "get": {
      // A warm read draws from the first 1,000 keys; the gets that warm the cache are part of the run, 5 % of it.
      const records = work.cache === "warm" ? 1000 : work.dataset.records;
      return {
        benchmark: "readrandom",
        options: [
          ...read(records, work.dataset.valueBytes),
          "--histogram=1",
          `--reads=${work.reads}`,
          `--cache_size=${work.cache === "warm" ? 1024 * MiB : 8 * MiB}`,
        ],
      };
    }
    case "vector":
      return {
        benchmark: "multireadrandom",
        options: [
          ...read(work.dataset.records, work.dataset.valueBytes),
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
          ...read(work.dataset.records - work.keys, work.dataset.valueBytes),
          "--histogram=1",
          `--seek_nexts=${work.keys}`,
          `--reads=${work.runs}`,
        ],
      };
    case "scan":
      return { benchmark: "readseq", options: read(work.dataset.records, work.dataset.valueBytes) };
    default:
      throw new RangeError(`Cannot give db_bench this work: ${work.kind}`);
  }
}

async function measureReported(assignment: Assignment): Promise<Measurement> {
  const { work, accountPath } = assignment;
  if (work.kind === "mixed") return await measureMixed(assignment);
  const { benchmark, options } = reportedArguments(assignment);
  const outcome = await runDbBench([...options, `--benchmarks=${benchmark}`], accountPath);
  const report = reportOf(outcome.stdout, benchmark);
  const keysPerOperation = work.kind === "adjacent" ? work.keys : 1;
  const valueBytes = work.kind === "commit" ? work.valueBytes : valueBytesOf(work);
  const operations = report.operations * keysPerOperation;
  return {
    seconds: report.seconds,
    operations,
    payloadBytes: payloadOf(operations, valueBytes),
    latency: report.latency,
    ...usage(outcome),
  };
}

async function measureIngest(assignment: Assignment, batchRecords: number): Promise<Measurement> {
  const { work, directory, accountPath } = assignment;
  if (work.kind !== "ingest") throw new RangeError(`Cannot ingest this work: ${work.kind}`);
  const benchmark = work.order === "sequential" ? "fillseq" : "fillrandom";
  const keys = work.order === "hot" ? [`--num=1024`, `--writes=${work.records}`] : [`--num=${work.records}`];
  const outcome = await runDbBench([
    ...common(directory),
    `--benchmarks=${benchmark}${work.seal ? ",flush" : ""}`,
    ...keys,
    `--value_size=${work.valueBytes}`,
    `--batch_size=${batchRecords}`,
  ], accountPath);
  const report = reportOf(outcome.stdout, benchmark);
  const syncSeconds = await syncLogs(directory);
  const flushSeconds = work.seal ? await manualFlushSeconds(directory) : 0;
  return {
    seconds: report.seconds + syncSeconds + flushSeconds,
    operations: report.operations,
    payloadBytes: payloadOf(report.operations, work.valueBytes),
    ...usage(outcome),
  };
}

/** Gets while another thread writes. `db_bench` has no batched reads while writing. */
async function measureMixed(assignment: Assignment): Promise<Measurement> {
  const { work, directory, accountPath } = assignment;
  if (work.kind !== "mixed") throw new RangeError(`Cannot mix this work: ${work.kind}`);
  const outcome = await runDbBench([
    ...common(directory),
    "--benchmarks=filluniquerandom,flush,readwhilewriting",
    `--num=${work.dataset.records}`,
    `--value_size=${work.dataset.valueBytes}`,
    `--reads=${work.reads * work.keys}`,
    "--threads=1",
    "--histogram=1",
  ], accountPath);
  const report = reportOf(outcome.stdout, "readwhilewriting");
  return {
    seconds: report.seconds,
    operations: report.operations,
    payloadBytes: payloadOf(report.operations, work.dataset.valueBytes),
    latency: report.latency,
    ...usage(outcome),
    notes: work.keys === 1
      ? undefined
      : ["db_bench reads single keys here: it has no batched read while writing"],
  };
}

async function measureOpen(assignment: Assignment): Promise<Measurement> {
  const { work, dataset, accountPath } = assignment;
  if (work.kind !== "open") throw new RangeError(`Cannot open this work: ${work.kind}`);
  const outcome = await openExisting(dataset ?? "", work.dataset.valueBytes, 64 * MiB, accountPath);
  return openMeasurement(outcome, work.dataset);
}

/** Fills a log without a flush, as one that is killed would leave it, and opens it. */
async function measureReplay(assignment: Assignment): Promise<Measurement> {
  const { work, directory, accountPath } = assignment;
  if (work.kind !== "replay") throw new RangeError(`Cannot replay this work: ${work.kind}`);
  const { records, valueBytes } = work.dataset;
  const bufferBytes = 4096 * MiB;
  await runDbBench([
    ...common(directory),
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
    ...common(directory),
    "--benchmarks=readrandom",
    "--use_existing_db=1",
    "--num=1",
    "--reads=1",
    `--value_size=${valueBytes}`,
    `--write_buffer_size=${writeBufferBytes}`,
  ], accountPath);
}

function openMeasurement(outcome: Awaited<ReturnType<typeof runDbBench>>, dataset: Dataset): Measurement {
  const match = outcome.stdout.match(/^OpenDb:\s+([\d.e+-]+) milliseconds/m);
  if (match === null) throw new Error("Cannot read the report of db_bench: it tells no time of opening");
  return {
    seconds: Number(match[1]) / 1000,
    operations: dataset.records,
    payloadBytes: payloadOf(dataset.records, dataset.valueBytes),
    ...usage(outcome),
  };
}

async function runDbBench(options: readonly string[], accountPath?: string) {
  const outcome = await runChild(["db_bench", ...options], { accountPath });
  if (outcome.code !== 0) throw new Error(`db_bench failed: ${errorLine(outcome)}`);
  return outcome;
}

function usage(
  outcome: Awaited<ReturnType<typeof runDbBench>>,
): Pick<Measurement, "cpuSeconds" | "peakBytes" | "writtenBytes"> {
  const { cpuSeconds, peakBytes, writtenBytes } = outcome;
  return { cpuSeconds, peakBytes, writtenBytes };
}

function valueBytesOf(work: Work): number {
  return "dataset" in work ? work.dataset.valueBytes : 0;
}

/** Reads `name : 5.1 micros/op 193672 ops/sec 1.033 seconds 200000 operations; …` and the histogram after it. */
function reportOf(stdout: string, benchmark: string): BenchReport {
  const line = new RegExp(
    `^${benchmark}\\s+:\\s+[\\d.]+ micros/op (\\d+) ops/sec ([\\d.]+) seconds (\\d+) operations`,
    "m",
  );
  const match = stdout.match(line);
  if (match === null) {
    throw new Error(`Cannot read the report of db_bench: it has no line for "${benchmark}"`);
  }
  const operations = Number(match[3]);
  // Short runs round to 0.000 seconds; the rate has more digits.
  const seconds = Number(match[2]) >= 0.1 ? Number(match[2]) : operations / Math.max(1, Number(match[1]));
  return { seconds, operations, latency: latencyIn(stdout.slice(match.index)) };
}

function latencyIn(text: string): Latency | undefined {
  const percentiles = text.match(/^Percentiles: P50: ([\d.]+) P75: [\d.]+ P99: ([\d.]+) P99.9: ([\d.]+)/m);
  const largest = text.match(/^Min: \d+\s+Median: [\d.]+\s+Max: (\d+)/m);
  if (percentiles === null || largest === null) return undefined;
  const [, p50, p99, p999] = percentiles.map(Number);
  return { p50, p99, p999, max: Number(largest[1]) };
}

/** Makes the log durable, which `db_bench` does not; returns how many seconds it took. */
async function syncLogs(directory: string): Promise<number> {
  const begin = performance.now();
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.name.endsWith(".log")) continue;
    using file = await Deno.open(`${directory}/${entry.name}`, { write: true });
    await file.syncData();
  }
  return (performance.now() - begin) / 1000;
}

/** How long the last flush took that was asked for by hand, as RocksDB's LOG tells it, in seconds. */
async function manualFlushSeconds(directory: string): Promise<number> {
  const started = new Map<number, number>();
  let seconds = 0;
  for (const line of (await Deno.readTextFile(`${directory}/LOG`)).split("\n")) {
    const at = line.indexOf("EVENT_LOG_v1 ");
    if (at < 0) continue;
    const event: { event?: string; job?: number; "time_micros"?: number; "flush_reason"?: string } = JSON
      .parse(
        line.slice(at + "EVENT_LOG_v1 ".length),
      );
    const { job, time_micros: time } = event;
    if (job === undefined || time === undefined) continue;
    if (event.event === "flush_started" && event.flush_reason === "Manual Flush") started.set(job, time);
    if (event.event === "flush_finished") seconds = (time - (started.get(job) ?? time)) / 1e6;
  }
  return seconds;
}

/** What should be known about this build: Debian's asserts, and a MultiGet that reads one block after the other. */
async function buildNotes(): Promise<string[]> {
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
  try {
    const run = await runChild(["db_bench", `--db=${directory}`, "--benchmarks=fillseq", "--num=10"]);
    const notes = [];
    if (/Assertions are enabled/.test(run.stdout + run.stderr)) {
      notes.push("this db_bench is built with assertions enabled, which it says make it slower");
    }
    const program = (await outputOf(["sh", "-c", "ldd $(command -v db_bench)"])) ?? "";
    if (!program.includes("liburing")) {
      notes.push("built without liburing: a MultiGet reads its blocks in turn");
    }
    return notes;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
