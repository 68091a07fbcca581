/** The rows of the table: which work, and which figure of it. */

import type { FigureName } from "./measurement.ts";
import { type Dataset, type IngestWork, recordsIn, type Work } from "./work.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** How much of each work is done. */
export interface Scale {
  /** Payload of an ingest of 8 KiB values in bytes; of 100 B values it is a quarter. */
  sizeBytes: number;
  /** Payload of the ingest that memory is watched over, in bytes. */
  memoryBytes: number;
  /** The log that is replayed, in bytes. */
  replayBytes: number;
  /** Single gets. */
  reads: number;
  /** Batches of 64 random keys. */
  batches: number;
  /** Adjacent keys of one run. */
  adjacent: number;
  /** Durable commits of one committer; 16 do four times as many. */
  commits: number;
}

/** A row of the table. */
export interface Row {
  /** Its name, from the general to the particular: `ingest.100B.random.batch.log`. */
  id: string;
  /** What it measures, in words. */
  title: string;
  /** What is done. Rows with equal work share their runs. */
  work: Work;
  /** Which figure of it. */
  figure: FigureName;
  /** Whether it is left out unless somebody names it. */
  onlyByName?: boolean | undefined;
}

/** Sizes for figures that mean something, given the payload of an 8 KiB ingest. */
export function fullScale(sizeBytes: number, memoryBytes: number): Scale {
  return {
    sizeBytes,
    memoryBytes,
    replayBytes: Math.min(sizeBytes, 512 * MiB),
    reads: 20_000,
    batches: 1_500,
    adjacent: 10_000,
    commits: 4_000,
  };
}

/** Sizes for a look at whether everything still runs. */
export function quickScale(): Scale {
  return {
    sizeBytes: 8 * MiB,
    memoryBytes: 16 * MiB,
    replayBytes: 4 * MiB,
    reads: 200,
    batches: 10,
    adjacent: 1_000,
    commits: 50,
  };
}

/** All rows, those that share a dataset side by side. */
export function rowsOf(scale: Scale): Row[] {
  return [
    ...ingestRows(scale),
    ...streamRows(scale),
    ...commitRows(scale),
    ...sinkRows(scale),
    ...readRows(scale, "100B", 100),
    ...readRows(scale, "8KiB", 8 * KiB),
    ...adjacentRows(scale),
    ...mixedRows(scale),
    ...recoveryRows(scale),
    ...memoryRows(scale),
  ];
}

/** The payload of a row with values of `valueBytes`. */
function bytesFor(scale: Scale, valueBytes: number): number {
  return valueBytes < KiB ? scale.sizeBytes / 4 : scale.sizeBytes;
}

function ingestWork(bytes: number, valueBytes: number, change: Partial<IngestWork>): IngestWork {
  return {
    kind: "ingest",
    order: "random",
    valueBytes,
    records: recordsIn(bytes, valueBytes),
    batchRecords: valueBytes < KiB ? 256 : 16,
    seal: false,
    via: "batch",
    watchMemory: false,
    ...change,
  };
}

type IngestEnd = "log" | "sealed";

/** An ingest, with the same batches on all sides, and where its time ends. */
interface Ingest {
  id: string;
  valueBytes: number;
  order: IngestWork["order"];
  batchRecords: number;
  ends: readonly IngestEnd[];
}

const ingests: readonly Ingest[] = [
  { id: "100B.random.batch", valueBytes: 100, order: "random", batchRecords: 256, ends: ["log", "sealed"] },
  { id: "100B.random.single", valueBytes: 100, order: "random", batchRecords: 1, ends: ["log", "sealed"] },
  {
    id: "100B.sequential.batch",
    valueBytes: 100,
    order: "sequential",
    batchRecords: 256,
    ends: ["log", "sealed"],
  },
  { id: "100B.hot.batch", valueBytes: 100, order: "hot", batchRecords: 256, ends: ["log"] },
  {
    id: "8KiB.random.batch",
    valueBytes: 8 * KiB,
    order: "random",
    batchRecords: 16,
    ends: ["log", "sealed"],
  },
];

function ingestRows(scale: Scale): Row[] {
  return ingests.flatMap((ingest) => ingest.ends.flatMap((end) => ingestRowsTo(end, ingest, scale)));
}

/** The rate of an ingest, and how late the event loop was meanwhile if its keys and batches are the usual ones. */
function ingestRowsTo(end: IngestEnd, ingest: Ingest, scale: Scale): Row[] {
  const { id, valueBytes, order, batchRecords } = ingest;
  const work = ingestWork(bytesFor(scale, valueBytes), valueBytes, {
    order,
    batchRecords,
    seal: end === "sealed",
  });
  const name = valueBytes < KiB ? `${valueBytes}B` : `${valueBytes / KiB}KiB`;
  const batches = batchRecords === 1 ? "one by one" : `batches of ${batchRecords}`;
  const keys = order === "hot" ? "1,024 hot keys" : `${order} keys`;
  const until = work.seal ? "sealed" : "log durable";
  const rate: Row = {
    id: `ingest.${id}.${end}`,
    title: `Ingest of ${name} values, ${keys}, ${batches}, ${until}`,
    work,
    figure: valueBytes < KiB ? "records" : "bytes",
  };
  if (!id.endsWith("random.batch")) return [rate];
  const title = `Event loop delay, ingest of ${name} values, ${work.seal ? "sealed" : "log only"}`;
  return [rate, { id: `delay.${name}.${end}`, title, work, figure: "loopDelay" }];
}

function streamRows(scale: Scale): Row[] {
  const work = ingestWork(scale.sizeBytes / 16, 100, { via: "stream", batchRecords: 1 });
  return [{
    id: "stream.100B",
    title: "Ingest of 100B values, random keys, one change per chunk of a stream",
    work,
    figure: "records",
  }];
}

function commitRows(scale: Scale): Row[] {
  return [1, 16].flatMap((committers): Row[] => {
    const work: Work = {
      kind: "commit",
      valueBytes: 182,
      committers,
      commits: scale.commits * (committers === 1 ? 1 : 4),
    };
    const title = `Durable commits of 200 bytes, ${committers} at once`;
    return [
      { id: `commit.${committers}`, title, work, figure: "commits" },
      { id: `commit.${committers}.p99`, title: `${title}: latency`, work, figure: "p99" },
    ];
  });
}

function sinkRows(scale: Scale): Row[] {
  const work: Work = { kind: "sink", chunkBytes: MiB, bytes: Math.ceil(scale.sizeBytes * 2 / MiB) * MiB };
  return [{ id: "sink.1MiB", title: "Sequential sink of 1 MiB chunks", work, figure: "bytes" }];
}

function readRows(scale: Scale, name: string, valueBytes: number): Row[] {
  const dataset: Dataset = {
    order: "random",
    valueBytes,
    records: recordsIn(bytesFor(scale, valueBytes), valueBytes),
  };
  const cold: Work = { kind: "get", dataset, cache: "cold", reads: scale.reads };
  const warm: Work = { kind: "get", dataset, cache: "warm", reads: scale.reads };
  const vector: Work = { kind: "vector", dataset, keys: 64, batches: scale.batches };
  const scan: Work = { kind: "scan", dataset };
  const rows: Row[] = [
    { id: `get.${name}.cold`, title: `Cold get, ${name} values`, work: cold, figure: "p50" },
    { id: `get.${name}.cold.p99`, title: `Cold get, ${name} values: tail`, work: cold, figure: "p99" },
    {
      id: `vector.${name}`,
      title: `64 random keys at once, cold, ${name} values`,
      work: vector,
      figure: "keys",
    },
  ];
  if (valueBytes >= KiB) return rows;
  return [
    ...rows,
    { id: `get.${name}.warm`, title: `Warm get, ${name} values`, work: warm, figure: "p50" },
    { id: `scan.${name}`, title: `Full scan, ${name} values`, work: scan, figure: "records" },
  ];
}

function adjacentRows(scale: Scale): Row[] {
  const records = Math.max(recordsIn(bytesFor(scale, 100), 100), scale.adjacent * 2);
  return (["random", "sequential"] as const).flatMap((order) => {
    const dataset: Dataset = { order, valueBytes: 100, records };
    return (["vector", "gets"] as const).map((by): Row => ({
      id: `adjacent.${order}.${by}`,
      title: `${scale.adjacent} adjacent keys written in ${order} order, ${
        by === "vector" ? "at once" : "one by one"
      }`,
      work: { kind: "adjacent", dataset, keys: scale.adjacent, runs: by === "vector" ? 20 : 2, by },
      figure: "keys",
    }));
  });
}

function mixedRows(scale: Scale): Row[] {
  const dataset: Dataset = {
    order: "random",
    valueBytes: 100,
    records: recordsIn(bytesFor(scale, 100) / 2, 100),
  };
  const get: Work = { kind: "mixed", dataset, keys: 1, reads: scale.reads / 4, batchRecords: 256 };
  const vector: Work = { kind: "mixed", dataset, keys: 64, reads: scale.batches / 5, batchRecords: 256 };
  return [
    { id: "mixed.get", title: "Get while ingesting", work: get, figure: "p50" },
    { id: "mixed.get.p99", title: "Get while ingesting: tail", work: get, figure: "p99" },
    { id: "mixed.get.delay", title: "Event loop delay, get while ingesting", work: get, figure: "loopDelay" },
    { id: "mixed.get.written", title: "Ingest beside those gets", work: get, figure: "written" },
    { id: "mixed.vector", title: "64 random keys at once while ingesting", work: vector, figure: "keys" },
  ];
}

function recoveryRows(scale: Scale): Row[] {
  const opened: Dataset = {
    order: "random",
    valueBytes: 8 * KiB,
    records: recordsIn(scale.memoryBytes, 8 * KiB),
  };
  const replays = ([["100B", 100], ["8KiB", 8 * KiB]] as const).map(([name, bytes]): Row => {
    const dataset: Dataset = {
      order: "random",
      valueBytes: bytes,
      records: recordsIn(scale.replayBytes, bytes),
    };
    return {
      id: `replay.${name}`,
      title: `Replay of an unsealed log of ${name} values`,
      work: { kind: "replay", dataset },
      figure: "bytes",
    };
  });
  const open: Row = {
    id: "open",
    title: "Open of a cleanly closed store",
    work: { kind: "open", dataset: opened },
    figure: "milliseconds",
  };
  return [open, ...replays];
}

function memoryRows(scale: Scale): Row[] {
  const work = ingestWork(scale.memoryBytes, 8 * KiB, { seal: true, watchMemory: true });
  return [
    { id: "memory.peak", title: "Peak memory over a long ingest, 8KiB values", work, figure: "peak" },
    {
      id: "memory.growth",
      title: "Memory over a long ingest, 8KiB values: second half against first",
      work,
      figure: "growth",
    },
    { id: "memory.rate", title: "Rate of a long ingest, 8KiB values", work, figure: "bytes" },
  ];
}
