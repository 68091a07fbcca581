/**
 * `deno task bench:ingest`: how fast Varve takes records, in every mode and engine.
 *
 * Keys have 18 bytes and come in random order; the time ends when the log is durable and every layer is sealed, but
 * for the stream, where it ends with the close. With `--memory` it shows instead how much memory ingests of 1, 2, 4
 * and 8 GiB need.
 *
 * Options: `--size 1GiB`, `--runs 3`, `--only direct-rw:uring`, `--dir DIR`, `--memory`.
 */

import { figures } from "./peers/measurement.ts";
import { type IngestWork, recordsIn } from "./peers/work.ts";
import { type Column, parseSweep, sweep } from "./sweep.ts";

const KiB = 1024;
const GiB = 2 ** 30;

function work(bytes: number, valueBytes: number, change: Partial<IngestWork> = {}): IngestWork {
  return {
    kind: "ingest",
    order: "random",
    valueBytes,
    records: recordsIn(bytes, valueBytes),
    batchRecords: valueBytes < KiB ? 256 : 16,
    seal: true,
    via: "batch",
    watchMemory: false,
    ...change,
  };
}

function rateColumns(sizeBytes: number): Column[] {
  const small = work(sizeBytes / 4, 100);
  const large = work(sizeBytes, 8 * KiB);
  const stream = work(sizeBytes / 16, 100, { via: "stream", batchRecords: 1, seal: false });
  return [
    { title: "100 B records/s", work: small, of: figures.records.of },
    { title: "100 B MiB/s", work: small, of: figures.bytes.of },
    { title: "loop p99.9 ms", work: small, of: figures.loopDelay.of },
    { title: "8 KiB MiB/s", work: large, of: figures.bytes.of },
    { title: "loop p99.9 ms", work: large, of: figures.loopDelay.of },
    { title: "peak MiB", work: large, of: figures.peak.of },
    { title: "CPU s", work: large, of: (m) => m.cpuSeconds },
    { title: "stream changes/s", work: stream, of: figures.records.of },
  ];
}

function memoryColumns(): Column[] {
  return [1, 2, 4, 8].map((size) => ({
    title: `${size} GiB: peak MiB`,
    work: work(size * GiB, 8 * KiB, { watchMemory: true }),
    of: figures.peak.of,
  }));
}

if (import.meta.main) {
  const options = parseSweep(Deno.args);
  await sweep(options.memory ? memoryColumns() : rateColumns(options.sizeBytes), options);
}
