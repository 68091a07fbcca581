/**
 * What reads are asked for, and the checks of it.
 *
 * @module
 */

import {
  boundBytes,
  checkFlag,
  checkLimit,
  checkLsn,
  checkNames,
  compareKeys,
  type Key,
  type KeyPrefix,
  type Lsn,
  prefixBounds,
  typeName,
} from "../../base/mod.ts";

/** Options of reads. */
export interface ReadOptions {
  /**
   * Read as of this LSN, inclusive; 0 is before all history. It must not be below the horizon. The default is the last
   * LSN at the call.
   */
  lsn?: Lsn | undefined;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * What a stream does when it comes to a record that cannot be read: `"throw"`, the default, ends it with the error;
   * `"report"` yields a {@linkcode DamagedEntry} in the entry's place and goes on.
   */
  damage?: "throw" | undefined;
}

/** Options of reads that give one thing, or all of it: damage is thrown. */
export type WholeReadOptions = Omit<ReadOptions, "damage">;

/** Options of a snapshot's reads, which have the snapshot's LSN. */
export type SnapshotReadOptions = Omit<ReadOptions, "lsn">;

/** Options of a stream that reports damage and goes on. */
export type ReportDamage<Options> = Omit<Options, "damage"> & {
  /** See {@linkcode ReadOptions.damage}. */
  damage: "report";
};

/** Options of reads, whatever they do about damage. */
export type AnyReadOptions = ReadOptions | ReportDamage<ReadOptions>;

/** Which keys a scan reads. */
export interface ScanRange {
  /** The first key. The default is the least. */
  start?: Key | undefined;
  /** The first key that is left out. The default is none. */
  end?: Key | undefined;
  /**
   * Only keys that start with this: with these bytes, or with these parts, so that `["user"]` is not the prefix of
   * `["user\0"]`.
   */
  prefix?: Key | undefined;
  /** Whether keys come from the largest to the smallest. The default is `false`. */
  reverse?: boolean | undefined;
  /** The most entries. The default is no limit. */
  limit?: number | undefined;
  /**
   * Whether only keys and LSNs are wanted, so that no value is read, but where it lies beside its key in a layer that was
   * merged. The default is `false`.
   */
  keysOnly?: false | undefined;
}

/** Which keys a scan reads of which no value is wanted. */
export type KeysOnly<Range = ScanRange> = Omit<Range, "keysOnly"> & {
  /** See {@linkcode ScanRange.keysOnly}. */
  keysOnly: true;
  /** Whether keys that are deleted come too, with the LSN of the deletion. The default is `false`. */
  deleted?: boolean | undefined;
};

/** A range, whether values are wanted or not. */
export type AnyScanRange = ScanRange | KeysOnly;

/** Which keys are counted: those that a scan without a limit reads. */
export type CountRange = Pick<ScanRange, "start" | "end" | "prefix">;

/** Which versions a history reads. */
export interface HistoryOptions {
  /** The first LSN that counts, not below the horizon. The default is the horizon, or 1. */
  from?: Lsn | undefined;
  /** The last LSN that counts. The default is the last LSN at the call. */
  to?: Lsn | undefined;
  /** Whether versions come from the newest to the oldest. The default is `false`. */
  reverse?: boolean | undefined;
  /** The most versions. The default is no limit. */
  limit?: number | undefined;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** See {@linkcode ReadOptions.damage}. */
  damage?: "throw" | undefined;
}

/** Options of histories, whatever they do about damage. */
export type AnyHistoryOptions = HistoryOptions | ReportDamage<HistoryOptions>;

/** What a read is asked for beside its keys, checked. */
export interface ReadPlan {
  /** The LSN; `undefined` for the last. */
  readonly lsn: Lsn | undefined;
  /** What stops it. */
  readonly signal: AbortSignal | undefined;
  /** What it does about damage. */
  readonly damage: "throw" | "report";
}

const none: ReadPlan = { lsn: undefined, signal: undefined, damage: "throw" };

/**
 * Checks the options of a read.
 *
 * @param options What the caller gave.
 * @param names Which names it may have.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 */
export function planRead(
  options: AnyReadOptions | undefined,
  names: readonly string[] = timelineReadNames.stream,
): ReadPlan {
  if (options === undefined) return none;
  checkNames("read", options, names);
  const { lsn, signal, damage } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot read: expected "signal" to be an AbortSignal, found ${typeName(signal)}`);
  }
  return { lsn: lsn === undefined ? undefined : checkLsn(lsn), signal, damage: checkDamage(damage) };
}

/** Which options reads may have. */
export interface ReadNames {
  /** Those that give one thing, or all of it. */
  readonly whole: readonly string[];
  /** Those that give streams. */
  readonly stream: readonly string[];
}

/** Which options a timeline's reads may have. */
export const timelineReadNames: ReadNames = { whole: ["lsn", "signal"], stream: ["lsn", "signal", "damage"] };
/** Which options a snapshot's reads may have: they have its LSN, and no other. */
export const snapshotReadNames: ReadNames = { whole: ["signal"], stream: ["signal", "damage"] };
const rangeNames = ["start", "end", "prefix", "reverse", "limit", "keysOnly", "deleted"];
/** What a count's range may have. */
export const countNames: readonly string[] = ["start", "end", "prefix"];
const historyNames = ["from", "to", "reverse", "limit", "signal", "damage"];

function checkDamage(damage: unknown): "throw" | "report" {
  if (damage === undefined || damage === "throw") return "throw";
  if (damage === "report") return damage;
  throw new TypeError(`Cannot read: expected "damage" to be "throw" or "report", found ${String(damage)}`);
}

/** A history's options, checked. */
export type HistoryReadPlan = ReadPlan & {
  /** The first LSN that counts; `undefined` for the first that there is. */
  readonly from: Lsn | undefined;
  /** Whether versions come from the newest to the oldest. */
  readonly reverse: boolean;
  /** The most versions. */
  readonly limit: number;
};

/**
 * Checks the options of a history.
 *
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {RangeError} If an LSN or the limit is out of range.
 */
export function planHistory(options: AnyHistoryOptions = {}): HistoryReadPlan {
  checkNames("read history", options, historyNames);
  const { from, to, reverse, limit, signal, damage } = options;
  return {
    ...planRead({ lsn: to, signal, damage } as AnyReadOptions),
    from: from === undefined ? undefined : checkLsn(from),
    reverse: checkFlag("read history", "reverse", reverse),
    limit: checkLimit("read history", limit),
  };
}

/** A range of keys, checked. */
export interface ScanPlan {
  /** The first key that counts, or the least there is. */
  readonly start: Uint8Array | undefined;
  /** The first key that does not count any more, or none. */
  readonly end: Uint8Array | undefined;
  /** Whether keys come from the largest to the smallest. */
  readonly reverse: boolean;
  /** The most entries. */
  readonly limit: number;
  /** Whether no value is wanted. */
  readonly keysOnly: boolean;
  /** Whether deleted keys are wanted too. */
  readonly deleted: boolean;
}

/**
 * Checks a range and joins its bounds with its prefix. The plan shares no memory with it.
 *
 * @param range What the caller gave.
 * @param names Which names it may have.
 * @param prefix What stands before each of its keys. The default is nothing.
 * @throws {RangeError} If `limit` is not a whole number.
 * @throws {TypeError} If a bound or `limit` is of a wrong type, or deleted keys are wanted with values.
 */
export function planScan(
  range: AnyScanRange,
  names: readonly string[] = rangeNames,
  prefix?: KeyPrefix,
): ScanPlan {
  checkNames("scan", range, names);
  const limit = checkLimit("scan", range.limit);
  const reverse = checkFlag("scan", "reverse", range.reverse);
  const keysOnly = checkFlag("scan", "keysOnly", range.keysOnly);
  const deleted = checkFlag("scan", "deleted", "deleted" in range ? range.deleted : undefined);
  if (deleted && !keysOnly) throw new TypeError('Cannot scan: expected "keysOnly" beside "deleted"');
  let start: Uint8Array | undefined = range.start === undefined
    ? undefined
    : new Uint8Array(boundBytes(range.start));
  let end: Uint8Array | undefined = range.end === undefined
    ? undefined
    : new Uint8Array(boundBytes(range.end));
  if (range.prefix !== undefined) {
    const bounds = prefixBounds(range.prefix);
    if (start === undefined || compareKeys(bounds.start, start) > 0) start = bounds.start;
    end = least(end, bounds.end);
  }
  if (prefix !== undefined) {
    start = prefix.join(start);
    end = least(end && prefix.join(end), prefix.end);
  }
  return { start, end, reverse, limit, keysOnly, deleted };
}

/** The first of two bounds; `undefined` is behind all. */
function least(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareKeys(a, b) <= 0 ? a : b;
}
