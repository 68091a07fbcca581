/**
 * What is measured: the work that every peer does, as plain data that can be given to a child process.
 *
 * Sizes are in bytes. A record is a key of 18 bytes and a value; payload is both.
 */

import { keyBytes } from "./keys.ts";

/** Records that a peer holds before it is read from: each key once, written in order or not, settled, closed. */
export interface Dataset {
  /** The order in which they were written. */
  order: "sequential" | "random";
  /** The length of a value. */
  valueBytes: number;
  /** How many there are; their keys are the numbers below it. */
  records: number;
  /** Whether upkeep ran until nothing was left to do; left out, it is as young as it was when its log was sealed. */
  age?: "old" | undefined;
}

/**
 * Fills an empty store with a dataset in batches of 256, and lets upkeep run until nothing is left to do. What that
 * gives is the dataset: works that read it take it over.
 */
export interface FillWork {
  /** Tells the works apart. */
  kind: "fill";
  /** What is written. */
  dataset: Dataset;
  /** Each key once, or keys drawn with replacement, as `fillrandom` does: nothing can be read from those. */
  keys: "once" | "drawn";
}

/** Writes records as fast as they are taken, until they are durable. */
export interface IngestWork {
  /** Tells the works apart. */
  kind: "ingest";
  /** The order of keys: rising, random with replacement, or round 1,024 hot keys. */
  order: "sequential" | "random" | "hot";
  /** The length of a value. */
  valueBytes: number;
  /** How many records. */
  records: number;
  /** How many records make a batch, on every side; 1 is a record by itself. */
  batchRecords: number;
  /** Whether the time includes turning the log into sorted or indexed files. */
  seal: boolean;
  /** How Varve is given the records: in batches, or one change per chunk of a `WritableStream`. */
  via: "batch" | "stream";
  /** Whether it is long, for its memory to be watched. */
  watchMemory: boolean;
}

/** Makes small batches durable, one sync each, by several committers at once. */
export interface CommitWork {
  /** Tells the works apart. */
  kind: "commit";
  /** The length of a value; a batch is one record. */
  valueBytes: number;
  /** How many commit at once. */
  committers: number;
  /** How many commits in all. */
  commits: number;
}

/** Reads single keys, one after the other. */
export interface GetWork {
  /** Tells the works apart. */
  kind: "get";
  /** What is read from. */
  dataset: Dataset;
  /** Random keys of the whole, or of a set of 1,000 that were read before. */
  cache: "cold" | "warm";
  /** How many gets. */
  reads: number;
  /** The cache that a peer with one has for it, in bytes, and that is full before it begins. */
  cacheBytes?: number | undefined;
}

/** Reads batches of random keys. */
export interface VectorWork {
  /** Tells the works apart. */
  kind: "vector";
  /** What is read from. */
  dataset: Dataset;
  /** How many keys in a batch. */
  keys: number;
  /** How many batches. */
  batches: number;
  /** The cache that a peer with one has for it, in bytes, and that is full before it begins. */
  cacheBytes?: number | undefined;
}

/** Reads runs of adjacent keys. */
export interface AdjacentWork {
  /** Tells the works apart. */
  kind: "adjacent";
  /** What is read from. */
  dataset: Dataset;
  /** How many keys in a run. */
  keys: number;
  /** How many runs. */
  runs: number;
  /** By one vectored read or one range, or by as many single gets. */
  by: "vector" | "gets";
}

/** Reads everything in the order of keys. */
export interface ScanWork {
  /** Tells the works apart. */
  kind: "scan";
  /** What is read from. */
  dataset: Dataset;
}

/** Reads as {@linkcode GetWork} and {@linkcode VectorWork} do, while a writer writes as fast as it can. */
export interface MixedWork {
  /** Tells the works apart. */
  kind: "mixed";
  /** What is read from; it is written for each run, because the writer changes it. */
  dataset: Dataset;
  /** How many keys are read at a time; 1 is a get. */
  keys: number;
  /** How many reads. */
  reads: number;
  /** How many records make a batch of the writer. */
  batchRecords: number;
}

/**
 * Reads single keys from a copy of a dataset, first while nothing else goes on, then while a writer writes as fast as
 * it can and upkeep goes on.
 */
export interface BusyWork {
  /** Tells the works apart. */
  kind: "busy";
  /** What is read from. */
  dataset: Dataset;
  /** How many gets before, and how many meanwhile. */
  reads: number;
  /** After how long Varve reads no more, in seconds: its writer shares the thread, and the disk would fill. */
  mostSeconds: number;
  /** The cache in bytes. */
  cacheBytes: number;
}

/** Overwrites the keys of a dataset at random, lets upkeep run until nothing is left to do, and looks what it takes. */
export interface OverwriteWork {
  /** Tells the works apart. */
  kind: "overwrite";
  /** What is overwritten, from the first record on. */
  dataset: Dataset;
  /** How many records are written in all. */
  records: number;
  /** How many LSNs of history a peer with history keeps. */
  historyLsns: number;
}

/** Writes bytes to one file in order. */
export interface SinkWork {
  /** Tells the works apart. */
  kind: "sink";
  /** The length of a chunk. */
  chunkBytes: number;
  /** How many bytes in all. */
  bytes: number;
}

/** Opens a store that was closed cleanly. */
export interface OpenWork {
  /** Tells the works apart. */
  kind: "open";
  /** What it holds. */
  dataset: Dataset;
}

/** Opens a store whose process died before its log was sealed. */
export interface ReplayWork {
  /** Tells the works apart. */
  kind: "replay";
  /** What the log holds. */
  dataset: Dataset;
}

/** One piece of work. */
export type Work =
  | IngestWork
  | FillWork
  | CommitWork
  | GetWork
  | VectorWork
  | AdjacentWork
  | ScanWork
  | MixedWork
  | BusyWork
  | OverwriteWork
  | SinkWork
  | OpenWork
  | ReplayWork;

/**
 * How many random reads fill a cache: one brings a page of 8 KiB or two of 4 KiB, and four times as many are read as it
 * holds, but no more than there are records.
 */
export function readsToFill(cacheBytes: number, records: number): number {
  return Math.min(records, Math.ceil(4 * cacheBytes / 8192));
}

/** The payload of `records` records. */
export function payloadOf(records: number, valueBytes: number): number {
  return records * (keyBytes + valueBytes);
}

/** The records whose payload is about `bytes`, at least 2,048. */
export function recordsIn(bytes: number, valueBytes: number): number {
  return Math.max(2048, Math.floor(bytes / (keyBytes + valueBytes)));
}

/** The dataset that must lie ready and closed before the work begins, or `undefined`. */
export function datasetOf(work: Work): Dataset | undefined {
  switch (work.kind) {
    case "get":
    case "vector":
    case "adjacent":
    case "scan":
    case "busy":
    case "open":
      return work.dataset;
    default:
      return undefined;
  }
}

/** A name for a dataset that can be part of a path. */
export function datasetName(dataset: Dataset): string {
  const { order, valueBytes, records, age } = dataset;
  return `${order}-${valueBytes}-${records}${age === undefined ? "" : `-${age}`}`;
}
