/** The rows of an old store: records in random order, after upkeep; and two rows of a young one beside them. */

import { keyBytes } from "../keys.ts";
import type { FigureName } from "../measurement.ts";
import { quickScale, type Row, rowsOf, type Scale } from "../rows.ts";
import type { Dataset, Work } from "../work.ts";

const MiB = 2 ** 20;
const valueBytes = 100;
const batchRecords = 256;

/** How much of each work is done. */
export interface OldScale {
  /** How many records the old store has, in whole batches: `db_bench` writes no part of one. */
  records: number;
  /** The payload that a smaller data set is overwritten with, in bytes. */
  overwriteBytes: number;
  /** Single gets. */
  reads: number;
  /** Batches of 64 random keys. */
  batches: number;
  /** Adjacent keys of one run. */
  adjacent: number;
}

/** The payload of so many records in bytes. */
export function payloadBytesOf(records: number): number {
  return records * (keyBytes + valueBytes);
}

/** Sizes for figures that mean something. */
export function fullOldScale(
  records: number,
  overwriteBytes: number = payloadBytesOf(records) * 2,
): OldScale {
  return { records: inBatches(records), overwriteBytes, reads: 20_000, batches: 1_500, adjacent: 10_000 };
}

/** Sizes for a look at whether everything still runs. */
export function quickOldScale(records: number, overwriteBytes: number = payloadBytesOf(records)): OldScale {
  return { records: inBatches(records), overwriteBytes, reads: 200, batches: 10, adjacent: 1_000 };
}

/** The sizes of the young rows: theirs are those of `bench:peers` at its default size, if the old store is larger. */
export function youngScale({ records }: OldScale, quick: boolean): Scale {
  if (quick) return quickScale();
  const sizeBytes = Math.min(1024 * MiB, payloadBytesOf(records) * 4);
  return {
    sizeBytes,
    memoryBytes: sizeBytes,
    replayBytes: 0,
    reads: 20_000,
    batches: 1_500,
    adjacent: 10_000,
    commits: 4_000,
  };
}

/** All rows; the one that fills the store comes first, and those that read what it filled after it. */
export function oldRows(scale: OldScale, young: Scale): Row[] {
  const dataset: Dataset = { order: "random", valueBytes, records: scale.records, age: "old" };
  return [
    ...fillRows(dataset),
    ...cacheRows(scale, dataset, 32),
    ...cacheRows(scale, dataset, 256),
    ...wholeRows(scale, dataset),
    ...busyRows(scale, dataset),
    ...spaceRows(scale),
    ...rowsOf(young).filter(({ id }) => id === "commit.1" || id === "vector.100B"),
  ];
}

function inBatches(records: number): number {
  return Math.max(1, Math.floor(records / batchRecords)) * batchRecords;
}

/** One piece of work and what is taken from it: the ends of names, titles, figures. */
function rowsFor(
  work: Work,
  id: string,
  title: string,
  parts: readonly [string, string, FigureName][],
): Row[] {
  return parts.map(([end, words, figure]) => ({ id: id + end, title: title + words, work, figure }));
}

function fillRows(dataset: Dataset): Row[] {
  const title = "Ingest of 100B values, random keys, batches of 256, until no debt is left";
  const parts: [string, string, FigureName][] = [
    ["", "", "records"],
    [".toDisk", ": bytes to disk by byte of payload", "toDisk"],
    [".memory", ": peak memory", "above"],
    [".delay", ": event loop delay", "loopDelay"],
  ];
  const drawn: Work = { kind: "fill", dataset: { ...dataset, age: undefined }, keys: "drawn" };
  return [
    ...rowsFor({ kind: "fill", dataset, keys: "once" }, "old.ingest", `${title}, each key once`, parts),
    ...rowsFor(drawn, "old.drawn", `${title}, keys drawn with replacement`, parts.slice(0, 2)).map((row) => {
      return { ...row, onlyByName: true };
    }),
  ];
}

function cacheRows(scale: OldScale, dataset: Dataset, mebibytes: number): Row[] {
  const cacheBytes = mebibytes * MiB;
  const get: Work = { kind: "get", dataset, cache: "cold", reads: scale.reads, cacheBytes };
  const vector: Work = { kind: "vector", dataset, keys: 64, batches: scale.batches, cacheBytes };
  const end = `${mebibytes}MiB`;
  return [
    ...rowsFor(get, `old.get.${end}`, `Get from an old store, cache of ${mebibytes} MiB`, [
      ["", "", "p50"],
      [".p99", ": tail", "p99"],
    ]),
    ...rowsFor(
      vector,
      `old.vector.${end}`,
      `64 random keys at once from an old store, cache of ${mebibytes} MiB`,
      [
        ["", "", "keys"],
      ],
    ),
  ];
}

function wholeRows(scale: OldScale, dataset: Dataset): Row[] {
  const { adjacent, reads } = scale;
  const warm: Work = { kind: "get", dataset, cache: "warm", reads };
  const adjacentRows = (["vector", "gets"] as const).flatMap((by) => {
    const work: Work = { kind: "adjacent", dataset, keys: adjacent, runs: by === "vector" ? 20 : 2, by };
    const title = `${adjacent} adjacent keys of an old store, ${by === "vector" ? "at once" : "one by one"}`;
    return rowsFor(work, `old.adjacent.${by}`, title, [["", "", "keys"]]);
  });
  return [
    ...rowsFor(warm, "old.get.warm", "Warm get from an old store", [["", "", "p50"]]),
    ...adjacentRows,
    ...rowsFor({ kind: "scan", dataset }, "old.scan", "Full scan of an old store", [["", "", "records"]]),
    ...rowsFor({ kind: "open", dataset }, "old.open", "Open of an old store", [["", "", "milliseconds"]]),
  ];
}

function busyRows({ reads }: OldScale, dataset: Dataset): Row[] {
  const work: Work = { kind: "busy", dataset, reads, mostSeconds: 60, cacheBytes: 64 * MiB };
  return rowsFor(work, "old.busy", "Get from an old store while ingesting and compacting", [
    ["", ": tail", "p99"],
    [".idle", ": tail before, idle", "idle"],
    [".delay", ": event loop delay", "loopDelay"],
    [".written", ": ingest meanwhile", "written"],
  ]);
}

/** A data set that is overwritten eight times; history is a thousand batches. */
function spaceRows({ overwriteBytes }: OldScale): Row[] {
  const records = inBatches(overwriteBytes / payloadBytesOf(1));
  const dataset: Dataset = { order: "random", valueBytes, records: inBatches(records / 8) };
  const work: Work = { kind: "overwrite", dataset, records, historyLsns: 1000 };
  return rowsFor(work, "old.space", "Space of a data set that was overwritten at random", [
    ["", ", by what it holds", "space"],
    [".kept", ", by what it holds and the history that is kept", "spaceOfKept"],
  ]);
}
