/**
 * The options of a store, checked.
 *
 * @module
 */

import {
  checkNames,
  maxSegmentBytes,
  minSegmentBytes,
  Shard,
  type ShardOptions,
  typeName,
} from "../base/mod.ts";
import type { IoEngine, IoMode } from "../io/mod.ts";
import {
  checkHistory,
  type HistoryPolicy,
  moduleUrl,
  type Redo,
  type RedoModule,
  type TimelineSettings,
  type UpkeepMode,
} from "../timeline/mod.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Options of {@linkcode Store.open}. */
export interface StoreOptions {
  /** Whether a store is made where there is none. The default is `true`. */
  create?: boolean | undefined;
  /**
   * Whether nothing is written and nobody is kept out: what a writer in another process merges stays as long as this
   * store is open. The default is `false`.
   */
  readOnly?: boolean | undefined;
  /** What bypasses the page cache: nothing, reads, or reads and writes. The default is `"direct-rw"`. */
  ioMode?: IoMode | undefined;
  /** What does the IO. The default is `"auto"`: io_uring, then threads, then `node:fs`, whichever works first. */
  ioEngine?: "auto" | "uring" | "threads" | "node" | IoEngine | undefined;
  /** Whether it is an error not to obtain the mode, or the engine that was named. The default is `false`. */
  strict?: boolean | undefined;
  /** The size at which a segment is frozen and sealed, 64 KiB to 1 GiB in bytes. The default is 64 MiB. */
  segmentBytes?: number | undefined;
  /** The memory for indexes and buffers of a timeline, 16 MiB or more in bytes. The default is 256 MiB. */
  memoryBytes?: number | undefined;
  /** The memory for cached pages of indexes and records, 64 KiB or more in bytes. The default is 64 MiB. */
  cacheBytes?: number | undefined;
  /**
   * How long a batch that nobody syncs may stay in memory before it is written to its file, 1 to 60,000 in whole
   * milliseconds. A process that is killed loses no more, a loss of power may. One that ends without closing the store, or
   * a sync, loses as much as one that is killed: no timer of the store keeps it from ending. The default is 100.
   */
  flushMilliseconds?: number | undefined;
  /**
   * Whether layers are merged by themselves, and where they are sealed and merged: `"worker"`, by themselves, in a Worker
   * that is started when there is something worth it; `"slices"`, by themselves, on this thread, a few milliseconds at a
   * time; `"manual"`, only when {@linkcode Timeline.compact} or {@linkcode Timeline.gc} is called. The default is
   * `"worker"`, and slices where no Worker is to be had: the notes of {@linkcode Store.io} say so. Appends are slowed,
   * then held, while merging lags far behind; never with `"manual"`.
   */
  upkeep?: UpkeepMode | undefined;
  /**
   * How much history is kept: `"all"`, which is the default, or so many of the last LSNs, 0 or more, or what was not over
   * that many milliseconds ago, by the host's clock. Where both are given, what either of them keeps is kept. What is
   * older is given up bit by bit, as layers are merged, and by {@linkcode Timeline.gc}; for ever. The option is the
   * opening's, not the store's: an opening without it gives up nothing more.
   */
  history?: HistoryPolicy | undefined;
  /**
   * What makes a value of patches, and of what they stand on, when a key is read or merged that has any: a function, or a
   * module that exports it as `redo`, which is loaded when the store is opened, and in its Worker too. With a function,
   * merges that give up history of keys with patches are done on this thread, in slices. Without it such keys cannot be
   * read, and are kept as they are. The option is the opening's, not the store's: each must make the same of the same.
   */
  redo?: Redo | RedoModule | undefined;
  /**
   * How often the metrics are written to the file `metrics` in the store's directory, 100 to 3,600,000 in whole
   * milliseconds, so that `varve top` and other processes see reads, cache and latencies of this one. It costs a small
   * write that is not synced; closing removes the file. Left out, or with `readOnly`, nothing is written.
   */
  metricsMilliseconds?: number | undefined;
  /**
   * Which of several stores this is, among which keys are divided as {@linkcode shardOf} says. A key of another is refused
   * with a `ShardError`, in an append, nothing of which is applied, and in reads that name it; a range is what of it is
   * here. The option is the opening's: the store does not remember it, so give the same at every opening. Left out, the
   * store takes every key.
   */
  shard?: ShardOptions | undefined;
}

const names = [
  "create",
  "readOnly",
  "ioMode",
  "ioEngine",
  "strict",
  "segmentBytes",
  "memoryBytes",
  "cacheBytes",
  "flushMilliseconds",
  "upkeep",
  "history",
  "redo",
  "metricsMilliseconds",
  "shard",
];
const upkeepModes: readonly UpkeepMode[] = ["worker", "slices", "manual"];

/** Options with every default filled in. */
export interface CheckedOptions {
  /** Whether a store is made where there is none. */
  readonly mayCreate: boolean;
  /** Whether nothing is written. */
  readonly readOnly: boolean;
  /** The memory for cached pages and records in bytes. */
  readonly cacheBytes: number;
  /** Whether layers are merged by themselves, and where; `undefined` if nobody said so. */
  readonly upkeep: UpkeepMode | undefined;
  /** How often metrics are written; `undefined` if never. */
  readonly metricsMilliseconds: number | undefined;
  /** What makes values of patches: a function, or the URL of a module. */
  readonly redo: Redo | string | undefined;
  /** How large a timeline may become, and how long it may wait. */
  readonly settings: TimelineSettings;
  /** Which of several stores this is; `undefined` if it is the only one. */
  readonly shard: Shard | undefined;
}

/**
 * Checks options and fills in defaults. Those of IO are checked where they are used.
 *
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {RangeError} If a size or a time is out of range.
 */
export function checkOptions(options: StoreOptions): CheckedOptions {
  checkNames("open store", options, names);
  const create = typed("create", options.create, true);
  const readOnly = typed("readOnly", options.readOnly, false);
  const segmentBytes = whole(
    "segmentBytes",
    options.segmentBytes,
    64 * MiB,
    minSegmentBytes,
    maxSegmentBytes,
  );
  const memoryBytes = whole("memoryBytes", options.memoryBytes, 256 * MiB, 16 * MiB);
  const cacheBytes = whole("cacheBytes", options.cacheBytes, 64 * MiB, 64 * KiB);
  const flushMilliseconds = whole("flushMilliseconds", options.flushMilliseconds, 100, 1, 60_000);
  const indexBytes = Math.floor(memoryBytes / 6);
  const history = checkHistory("open store", options.history);
  const settings = { segmentBytes, indexBytes, waitingBytes: memoryBytes, flushMilliseconds, history };
  const upkeep = options.upkeep === undefined ? undefined : oneOf("upkeep", options.upkeep, upkeepModes);
  const often = whole("metricsMilliseconds", options.metricsMilliseconds, 1000, 100, 3_600_000);
  const metricsMilliseconds = readOnly || options.metricsMilliseconds === undefined ? undefined : often;
  const shard = options.shard === undefined ? undefined : new Shard("open store", options.shard);
  const redo = redoOf(options.redo);
  return {
    mayCreate: create && !readOnly,
    readOnly,
    cacheBytes,
    upkeep,
    metricsMilliseconds,
    redo,
    settings,
    shard,
  };
}

/** An option, which is of the type of its default. */
function typed<T>(name: string, value: unknown, otherwise: T): T {
  if (value === undefined) return otherwise;
  if (typeof value === typeof otherwise) return value as T;
  const expected = `expected "${name}" to be a ${typeof otherwise}`;
  throw new TypeError(`Cannot open store: ${expected}, found ${typeName(value)}`);
}

function redoOf(redo: unknown): Redo | string | undefined {
  if (redo === undefined || typeof redo === "function") return redo as Redo | undefined;
  const module = typeof redo === "object" && redo !== null ? (redo as Partial<RedoModule>).module : undefined;
  if (module instanceof URL || typeof module === "string") {
    checkNames("open store", redo as object, ["module"]);
    return moduleUrl(module);
  }
  const expected = 'expected "redo" to be a function or { module }';
  throw new TypeError(`Cannot open store: ${expected}, found ${typeName(redo)}`);
}

/** One of a few words, the first of which is the default. */
function oneOf<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  const word = typed<string>(name, value, words[0]);
  const found = words.find((known) => known === word);
  if (found !== undefined) return found;
  const expected = words.map((known) => `"${known}"`).join(" or ");
  throw new RangeError(`Cannot open store: expected "${name}" to be ${expected}, found "${word}"`);
}

function whole(
  name: string,
  value: unknown,
  otherwise: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  const bytes = typed(name, value, otherwise);
  if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return bytes;
  throw new RangeError(`Cannot open store: expected "${name}" from ${least} to ${most}, found ${bytes}`);
}
