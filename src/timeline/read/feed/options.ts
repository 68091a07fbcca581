/**
 * What a feed of changes is asked for, and the checks of it.
 *
 * @module
 */

import {
  belowHorizon,
  checkFlag,
  checkLsn,
  checkNames,
  type Key,
  type KeyPrefix,
  type Lsn,
  LsnError,
} from "../../../base/mod.ts";
import { countNames, planRead, planScan } from "../options.ts";

/** Which changes are read. */
export interface ChangesOptions {
  /**
   * The first LSN that counts: not below the horizon, and not more than one behind the last LSN. The default is the
   * horizon, or 1: the first LSN of which every change is still there. Of what was written before the horizon, and has not
   * changed since, nothing is told, and the first patches may stand on it: a copy begins with a scan as of the horizon.
   */
  from?: Lsn | undefined;
  /** The last LSN that counts. The default is the last LSN at the call. */
  to?: Lsn | undefined;
  /** Whether the stream goes on with what is appended later, until it is cancelled. The default is `false`. */
  follow?: boolean | undefined;
  /** Only keys that start with this, with these bytes or these parts; a batch without any is left out. */
  prefix?: Key | undefined;
  /** Ends the stream, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Which keys count. */
export interface KeyRange {
  /** The first one, or the least there is. */
  readonly start: Uint8Array | undefined;
  /** The first one that does not count any more, or none. */
  readonly end: Uint8Array | undefined;
}

/** Which changes are read, checked. */
export interface ChangesPlan {
  /** The first LSN that counts; `undefined` for the first that is whole. */
  readonly from: Lsn | undefined;
  /** The last LSN that counts; `undefined` for the last. */
  readonly to: Lsn | undefined;
  /** Whether what is appended later counts too. */
  readonly follow: boolean;
  /** Which keys count. */
  readonly range: KeyRange;
  /** What ends it. */
  readonly signal: AbortSignal | undefined;
}

const names = ["from", "to", "follow", "prefix", "signal"];

/**
 * Checks the options of a feed. The plan shares no memory with them.
 *
 * @param options What the caller gave.
 * @param within What stands before each key. The default is nothing.
 * @throws {TypeError} If an option is unknown or of a wrong type, or a feed that follows is to end.
 * @throws {RangeError} If an LSN is out of range, or the last one stands before the first.
 */
export function planChanges(options: ChangesOptions, within?: KeyPrefix): ChangesPlan {
  checkNames("read changes", options, names);
  const from = options.from === undefined ? undefined : checkLsn(options.from);
  const to = options.to === undefined ? undefined : checkLsn(options.to);
  const follow = checkFlag("read changes", "follow", options.follow);
  if (follow && to !== undefined) {
    throw new TypeError('Cannot read changes: "follow" goes on behind any "to"');
  }
  if (from !== undefined && to !== undefined && to < from) {
    throw new RangeError(`Cannot read changes: LSN ${to}, where they end, stands before LSN ${from}`);
  }
  const { signal } = planRead({ signal: options.signal });
  return { from, to, follow, range: rangeOf(options.prefix, within), signal };
}

function rangeOf(prefix: Key | undefined, within: KeyPrefix | undefined): KeyRange {
  const { start, end } = planScan({ prefix }, countNames, within);
  return { start: start?.length === 0 ? undefined : start, end };
}

/**
 * The LSN that a feed starts at.
 *
 * Of each key a merge keeps the newest version at or before the horizon, and all that are newer: so from the horizon on,
 * the horizon included, no change is missing.
 *
 * @param from What the caller gave.
 * @param lastLsn The end of history.
 * @param horizon The horizon.
 * @throws {LsnError} If it is below the horizon, or behind what is appended next.
 */
export function firstChange(from: Lsn | undefined, lastLsn: Lsn, horizon: Lsn): Lsn {
  const first = from ?? Math.max(1, horizon);
  if (first < horizon) throw belowHorizon("read changes from", first, lastLsn, horizon);
  if (first <= lastLsn + 1) return first;
  const message = `Cannot read changes from LSN ${first}: the last LSN is ${lastLsn}`;
  throw new LsnError(message, { lsn: first, lastLsn });
}
