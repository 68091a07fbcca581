/** Runs `db_bench`, RocksDB's own benchmark, and reads what it reports. */

import { type ChildOutcome, errorLine, outputOf, runChild } from "../machine/child.ts";
import { keyBytes } from "../keys.ts";
import type { Latency, Measurement } from "../measurement.ts";

const MiB = 1024 * 1024;

/** What one benchmark of a `db_bench` run reported. */
export interface BenchReport {
  /** How long it took, without opening and closing. */
  seconds: number;
  /** How many records, keys or seeks. */
  operations: number;
  /** The latency of one operation, where a histogram was asked for. */
  latency: Latency | undefined;
}

/** The arguments that every run has. */
export function commonArguments(directory: string): string[] {
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

/** Runs it to its end; the same argument given twice counts as it was given last. */
export async function runDbBench(options: readonly string[], accountPath?: string): Promise<ChildOutcome> {
  const outcome = await runChild(["db_bench", ...options], { accountPath });
  if (outcome.code !== 0) throw new Error(`db_bench failed: ${errorLine(outcome)}`);
  return outcome;
}

/** What a run used. */
export function usageOf(
  outcome: ChildOutcome,
): Pick<Measurement, "cpuSeconds" | "peakBytes" | "writtenBytes"> {
  const { cpuSeconds, peakBytes, writtenBytes } = outcome;
  return { cpuSeconds, peakBytes, writtenBytes };
}

/** Reads `name : 5.1 micros/op 193672 ops/sec 1.033 seconds 200000 operations; …` and the histogram after it. */
export function reportOf(stdout: string, benchmark: string): BenchReport {
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

/** Reads how long opening took, in seconds. */
export function openSecondsOf(stdout: string): number {
  const match = stdout.match(/^OpenDb:\s+([\d.e+-]+) milliseconds/m);
  if (match === null) throw new Error("Cannot read the report of db_bench: it tells no time of opening");
  return Number(match[1]) / 1000;
}

/** Makes the log durable, which `db_bench` does not; returns how many seconds it took. */
export async function syncLogs(directory: string): Promise<number> {
  const begin = performance.now();
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.name.endsWith(".log")) continue;
    using file = await Deno.open(`${directory}/${entry.name}`, { write: true });
    await file.syncData();
  }
  return (performance.now() - begin) / 1000;
}

/** How long the last flush took that was asked for by hand, as RocksDB's LOG tells it, in seconds. */
export async function manualFlushSeconds(directory: string): Promise<number> {
  const started = new Map<number, number>();
  let seconds = 0;
  for (const line of (await Deno.readTextFile(`${directory}/LOG`)).split("\n")) {
    const at = line.indexOf("EVENT_LOG_v1 ");
    if (at < 0) continue;
    const event: { event?: string; job?: number; "time_micros"?: number; "flush_reason"?: string } = JSON
      .parse(line.slice(at + "EVENT_LOG_v1 ".length));
    const { job, time_micros: time } = event;
    if (job === undefined || time === undefined) continue;
    if (event.event === "flush_started" && event.flush_reason === "Manual Flush") started.set(job, time);
    if (event.event === "flush_finished") seconds = (time - (started.get(job) ?? time)) / 1e6;
  }
  return seconds;
}

/**
 * How long RocksDB went on after a flush was asked for by hand until its last flush or compaction was done, in seconds,
 * as the stamps of its LOG tell it. `waitforcompaction` itself looks every ten seconds only.
 *
 * @param log The text of the LOG.
 * @throws {Error} If it tells of no flush by hand.
 */
export function upkeepSecondsOf(log: string): number {
  let begin: number | undefined, end = 0;
  for (const line of log.split("\n")) {
    if (line.includes("Manual flush start")) begin = stampOf(line);
    else if (/"event": "(?:flush|compaction)_finished"/.test(line)) end = stampOf(line);
  }
  if (begin === undefined) throw new Error("Cannot read the LOG of RocksDB: it tells of no flush by hand");
  return Math.max(0, end - begin);
}

/** Reads `2026/11/22-00:08:17.902981 23279 …` in seconds. */
function stampOf(line: string): number {
  const [, year, month, day, hours, minutes, seconds] =
    line.match(/^(\d+)\/(\d+)\/(\d+)-(\d+):(\d+):([\d.]+)/)?.map(Number) ?? [];
  const stamp = Date.UTC(year, month - 1, day, hours, minutes) / 1000 + seconds;
  if (Number.isFinite(stamp)) return stamp;
  throw new Error(`Cannot read the LOG of RocksDB: "${line.slice(0, 40)}" has no time`);
}

/** What should be known about this build: Debian's asserts, and a MultiGet that reads one block after the other. */
export async function buildNotes(): Promise<string[]> {
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

function latencyIn(text: string): Latency | undefined {
  const percentiles = text.match(/^Percentiles: P50: ([\d.]+) P75: [\d.]+ P99: ([\d.]+) P99.9: ([\d.]+)/m);
  const largest = text.match(/^Min: \d+\s+Median: [\d.]+\s+Max: (\d+)/m);
  if (percentiles === null || largest === null) return undefined;
  const [, p50, p99, p999] = percentiles.map(Number);
  return { p50, p99, p999, max: Number(largest[1]) };
}
