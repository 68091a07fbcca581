/**
 * `fio`: what the disk gives to a program that does nothing else. It is the ceiling, not a store.
 *
 * It counts payload only, needs no index, and reads and writes whole aligned blocks; its files are laid out by itself.
 */

import { errorLine, outputOf, runChild } from "./machine/child.ts";
import { keyBytes } from "./keys.ts";
import type { Latency, Measurement } from "./measurement.ts";
import type { Assignment, Peer, PeerPresence } from "./peer.ts";
import { type Dataset, payloadOf, type Work } from "./work.ts";

const MiB = 1024 * 1024;
const block = 4096;
/** The depth at which Varve writes its files. */
const writeDepth = 3;

/** The part of fio's JSON that is read. */
interface FioSide {
  "total_ios": number;
  "io_bytes": number;
  runtime: number;
  "lat_ns": { max: number };
  "clat_ns": { percentile?: Record<string, number> };
}

/** What fio reported of its reads, or of its writes where it did not read. */
export interface FioReport {
  /** How long it took, at least a millisecond. */
  seconds: number;
  /** How many transfers. */
  transfers: number;
  /** How many bytes. */
  bytes: number;
  /** The latency of a transfer from its submission on. */
  latency: Latency;
}

/** The disk itself, as `fio` drives it. */
export class FioPeer implements Peer {
  readonly name: string = "fio";
  readonly family: string = "fio";
  readonly byDefault: boolean = true;
  readonly settings: readonly string[] = [
    "--direct=1; writes end with --end_fsync=1; a fresh file for each write, preallocated as fio does by itself",
    "ingest of 8 KiB values and the sink: sequential 1 MiB writes, io_uring, depth 3, as many as Varve has in flight",
    "get: random reads of the whole blocks a record needs (4 KiB, or 12 KiB for 8 KiB values), psync, depth 1",
    "64 random keys: the same, io_uring, in batches of 64, each awaited whole; scan: sequential 1 MiB reads, io_uring, depth 4",
    "commit: sequential 4 KiB writes with O_DSYNC, depth 1",
  ];

  async probe(): Promise<PeerPresence | { absent: string }> {
    const version = await outputOf(["fio", "--version"]);
    if (version === undefined) return { absent: "there is no fio on the PATH (Debian: apt install fio)" };
    return { version: version.trim(), notes: [] };
  }

  supports(work: Work): boolean {
    switch (work.kind) {
      case "ingest":
        return work.valueBytes >= block && work.order !== "hot" && work.via === "batch" && !work.watchMemory;
      case "commit":
        return work.committers === 1;
      case "get":
        return work.cache === "cold";
      default:
        return work.kind === "vector" || work.kind === "scan" || work.kind === "sink";
    }
  }

  async prepare(dataset: Dataset, directory: string): Promise<void> {
    await runFio(["--rw=write", "--bs=1M", `--size=${bytesOf(dataset)}`, `--filename=${directory}/data`]);
  }

  measure(assignment: Assignment): Promise<Measurement> {
    const { work, directory, dataset } = assignment;
    return measureFio(argumentsOf(work, directory, dataset), work, assignment.accountPath);
  }
}

/** The bytes of a dataset, in whole MiB. */
function bytesOf(dataset: Dataset): number {
  return Math.ceil(payloadOf(dataset.records, dataset.valueBytes) / MiB) * MiB;
}

/** The whole blocks that a record needs, wherever it begins, for most of its places. */
function readBlockOf(dataset: Dataset): number {
  return Math.ceil((dataset.valueBytes + keyBytes) / block) * block;
}

function argumentsOf(work: Work, directory: string, dataset: string | undefined): string[] {
  const stream = ["--rw=write", "--ioengine=io_uring", `--iodepth=${writeDepth}`, "--end_fsync=1"];
  const written = `--filename=${directory}/data`;
  const read = `--filename=${dataset}/data`;
  switch (work.kind) {
    case "ingest": {
      const bytes = Math.ceil(payloadOf(work.records, work.valueBytes) / MiB) * MiB;
      return [...stream, "--bs=1M", `--size=${bytes}`, written];
    }
    case "sink":
      return [...stream, `--bs=${work.chunkBytes}`, `--size=${work.bytes}`, written];
    case "commit":
      return ["--rw=write", "--bs=4k", "--sync=dsync", `--size=${work.commits * block}`, written];
    case "scan":
      return [
        "--rw=read",
        "--bs=1M",
        "--ioengine=io_uring",
        "--iodepth=4",
        `--size=${bytesOf(work.dataset)}`,
        read,
      ];
    case "get":
    case "vector": {
      const reads = work.kind === "get" ? work.reads : work.keys * work.batches;
      const depth = work.kind === "get" ? [] : batchesOf(work.keys);
      return [
        "--rw=randread",
        "--norandommap",
        `--bs=${readBlockOf(work.dataset)}`,
        ...depth,
        `--size=${bytesOf(work.dataset)}`,
        `--io_size=${reads * readBlockOf(work.dataset)}`,
        read,
      ];
    }
    default:
      throw new RangeError(`Cannot give fio this work: ${work.kind}`);
  }
}

/** Batches that are submitted together and awaited together, as those of `getVectored` are. */
function batchesOf(reads: number): string[] {
  return [
    "--ioengine=io_uring",
    `--iodepth=${reads}`,
    `--iodepth_batch_submit=${reads}`,
    `--iodepth_batch_complete_min=${reads}`,
    `--iodepth_batch_complete_max=${reads}`,
  ];
}

async function runFio(job: readonly string[], accountPath?: string) {
  const command = [
    "fio",
    "--name=peer",
    "--direct=1",
    "--ioengine=psync",
    "--thread",
    "--randrepeat=0",
    "--percentile_list=50:99:99.9",
    "--output-format=json",
    ...job,
  ];
  const outcome = await runChild(command, { accountPath });
  if (outcome.code !== 0) throw new Error(`fio failed: ${errorLine(outcome)}`);
  return outcome;
}

/** Reads the JSON of a run, before which fio may print warnings. */
export function fioReportOf(stdout: string): FioReport {
  const begin = stdout.indexOf("{");
  if (begin < 0) throw new Error(`Cannot read the report of fio: "${stdout.trim().slice(0, 100)}"`);
  const parsed: { jobs: { read: FioSide; write: FioSide }[] } = JSON.parse(stdout.slice(begin));
  const { read, write } = parsed.jobs[0];
  const side = read.total_ios > 0 ? read : write;
  const percentile = side.clat_ns.percentile ?? {};
  const microseconds = (key: string) => (percentile[key] ?? 0) / 1000;
  return {
    seconds: Math.max(side.runtime, 1) / 1000,
    transfers: side.total_ios,
    bytes: side.io_bytes,
    latency: {
      p50: microseconds("50.000000"),
      p99: microseconds("99.000000"),
      p999: microseconds("99.900000"),
      max: side.lat_ns.max / 1000,
    },
  };
}

async function measureFio(
  job: readonly string[],
  work: Work,
  accountPath: string,
): Promise<Measurement> {
  const outcome = await runFio(job, accountPath);
  const { seconds, transfers, bytes, latency } = fioReportOf(outcome.stdout);
  return {
    seconds,
    operations: operationsOf(work, transfers),
    payloadBytes: bytes,
    latency,
    cpuSeconds: outcome.cpuSeconds,
    peakBytes: outcome.peakBytes,
    writtenBytes: outcome.writtenBytes,
  };
}

/** The records that fio's transfers would have held. */
function operationsOf(work: Work, transfers: number): number {
  if (work.kind === "ingest") return work.records;
  if (work.kind === "scan") return work.dataset.records;
  return transfers;
}
