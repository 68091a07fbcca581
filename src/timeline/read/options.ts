/**
 * What reads are asked for, and the checks of it.
 *
 * @module
 */

import { boundBytes, compareKeys, type Key, type Lsn, prefixEnd, typeName } from "../../base/mod.ts";

/** Options of reads. */
export interface ReadOptions {
  /** Read as of this LSN, inclusive; 0 is before all history. The default is the last LSN at the call. */
  lsn?: Lsn | undefined;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * What a stream does when it comes to a record that cannot be read: `"throw"`, the default, ends it with the error;
   * `"report"` yields a {@linkcode DamagedEntry} in the entry's place and goes on.
   */
  damage?: "throw" | undefined;
}

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
  /** Only keys that start with this. */
  prefix?: Key | undefined;
  /** Whether keys come from the largest to the smallest. The default is `false`. */
  reverse?: boolean | undefined;
  /** The most entries. The default is no limit. */
  limit?: number | undefined;
}

/** Which versions a history reads. */
export interface HistoryOptions {
  /** The first LSN that counts. The default is 1. */
  from?: Lsn | undefined;
  /** The last LSN that counts. The default is the last LSN at the call. */
  to?: Lsn | undefined;
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** See {@linkcode ReadOptions.damage}. */
  damage?: "throw" | undefined;
}

/** Options of histories, whatever they do about damage. */
export type AnyHistoryOptions = HistoryOptions | ReportDamage<HistoryOptions>;

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
}

/**
 * Checks a range and joins its bounds with its prefix. The plan shares no memory with it.
 *
 * @throws {RangeError} If `limit` is not a whole number.
 * @throws {TypeError} If a bound or `limit` is of a wrong type.
 */
export function planScan(range: ScanRange): ScanPlan {
  const limit = range.limit ?? Infinity;
  if (typeof limit !== "number") {
    throw new TypeError(`Cannot scan: expected "limit" to be a number, found ${typeName(limit)}`);
  }
  if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw new RangeError(`Cannot scan: expected a limit of 0 or more, found ${limit}`);
  }
  let start: Uint8Array | undefined = range.start === undefined
    ? undefined
    : new Uint8Array(boundBytes(range.start));
  let end: Uint8Array | undefined = range.end === undefined
    ? undefined
    : new Uint8Array(boundBytes(range.end));
  if (range.prefix !== undefined) {
    const prefix = new Uint8Array(boundBytes(range.prefix));
    const after = prefixEnd(prefix);
    if (start === undefined || compareKeys(prefix, start) > 0) start = prefix;
    if (after !== undefined && (end === undefined || compareKeys(after, end) < 0)) end = after;
  }
  return { start, end, reverse: range.reverse === true, limit };
}
