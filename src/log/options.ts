/**
 * The options of a log, checked.
 *
 * @module
 */

import { checkFlag, checkNames, maxSegmentBytes, minSegmentBytes, typeName } from "../base/mod.ts";
import type { IoEngine, IoMode } from "../io/mod.ts";
import type { SegmentTail } from "../segment/mod.ts";

const MiB = 1024 * 1024;

/** Options of {@linkcode Log.append}. */
export interface LogAppendOptions {
  /** Whether it resolves once the records are durable. The default is `false`. */
  sync?: boolean | undefined;
}

/** How much of a log is kept. */
export interface LogRetention {
  /** The bytes that its segments may take together, beside the one that is appended to. The default is no bound. */
  bytes?: number | undefined;
  /** How long ago the last record of a segment may have been appended, in milliseconds. The default is no bound. */
  milliseconds?: number | undefined;
}

/** Options of {@linkcode Log.open}. */
export interface LogOptions {
  /** Whether a log is made where there is none. The default is `true`. */
  create?: boolean | undefined;
  /**
   * Whether nothing is written and nobody is kept out, such as to follow another process. What there is is what was found
   * by the opening; what is written since is found while somebody follows. The default is `false`.
   */
  readOnly?: boolean | undefined;
  /** What bypasses the page cache: nothing, reads, or reads and writes. The default is `"direct-rw"`. */
  ioMode?: IoMode | undefined;
  /** What does the IO. The default is `"auto"`: io_uring, then threads, then `node:fs`, whichever works first. */
  ioEngine?: "auto" | "uring" | "threads" | "node" | IoEngine | undefined;
  /** Whether it is an error not to obtain the mode, or the engine that was named. The default is `false`. */
  strict?: boolean | undefined;
  /** The size at which a segment ends and the next begins, 64 KiB to 1 GiB in bytes. The default is 64 MiB. */
  segmentBytes?: number | undefined;
  /**
   * What a sync does with an unfinished block: `"pad"` fills it, so that a block that holds durable bytes is never written
   * again; `"rewrite"` writes it as it is, and again when it has grown, which is denser. The default is `"pad"`.
   */
  tail?: "pad" | "rewrite" | undefined;
  /**
   * How long a record that nobody syncs may stay in memory before it is written to its file, 1 to 60,000 in whole
   * milliseconds. A process that is killed loses no more, a loss of power may. The default is 100.
   */
  flushMilliseconds?: number | undefined;
  /**
   * How much is kept: segments that are over either bound are removed, the oldest first, whole ones only, and never the
   * one that is appended to. The default is all. The option is the opening's: the log does not remember it.
   */
  retain?: LogRetention | undefined;
}

const names = [
  "create",
  "readOnly",
  "ioMode",
  "ioEngine",
  "strict",
  "segmentBytes",
  "tail",
  "flushMilliseconds",
  "retain",
];

/** Options of a log with every default filled in. */
export interface LogSettings {
  /** Whether a log is made where there is none. */
  readonly mayCreate: boolean;
  /** Whether nothing is written. */
  readonly readOnly: boolean;
  /** The size at which a segment ends. */
  readonly segmentBytes: number;
  /** What a sync does with an unfinished block. */
  readonly tail: SegmentTail;
  /** How long a record may stay in memory. */
  readonly flushMilliseconds: number;
  /** How many bytes of segments are kept; `Infinity` if all are. */
  readonly keptBytes: number;
  /** How long segments are kept; `Infinity` if for ever. */
  readonly keptMilliseconds: number;
}

/**
 * Checks options and fills in defaults. Those of IO are checked where they are used.
 *
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {RangeError} If a size, a time or a word is out of range.
 */
export function checkLogOptions(options: LogOptions): LogSettings {
  checkNames("open log", options, names);
  const { retain = {}, tail = "pad" } = options;
  checkNames('open log with "retain"', retain, ["bytes", "milliseconds"]);
  const create = options.create === undefined || checkFlag("open log", "create", options.create);
  const readOnly = checkFlag("open log", "readOnly", options.readOnly);
  if (typeof tail !== "string") {
    throw new TypeError(`Cannot open log: expected "tail" to be a string, found ${typeName(tail)}`);
  }
  if (tail !== "pad" && tail !== "rewrite") {
    throw new RangeError(`Cannot open log: expected "tail" to be "pad" or "rewrite", found "${tail}"`);
  }
  return {
    mayCreate: create && !readOnly,
    readOnly,
    segmentBytes: whole("segmentBytes", options.segmentBytes, 64 * MiB, minSegmentBytes, maxSegmentBytes),
    tail,
    flushMilliseconds: whole("flushMilliseconds", options.flushMilliseconds, 100, 1, 60_000),
    keptBytes: whole("retain.bytes", retain.bytes, Infinity, 0),
    keptMilliseconds: whole("retain.milliseconds", retain.milliseconds, Infinity, 1),
  };
}

function whole(name: string, value: unknown, otherwise: number, least: number, most?: number): number {
  return value === undefined ? otherwise : checkWhole("open log", name, value, least, most);
}

/**
 * Checks an offset.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is no whole number of 0 or more.
 */
export function checkOffset(action: string, name: string, value: unknown): number {
  return checkWhole(action, name, value, 0);
}

function checkWhole(
  action: string,
  name: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: expected "${name}" to be a number, found ${typeName(value)}`);
  }
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const expected = `to be a whole number from ${least} to ${most}`;
  throw new RangeError(`Cannot ${action}: expected "${name}" ${expected}, found ${value}`);
}
