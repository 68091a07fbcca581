/**
 * What is to be read of a log, checked.
 *
 * @module
 */

import { checkFlag, checkNames, typeName } from "../../base/mod.ts";
import { OffsetError, type OffsetErrorContext } from "../offset_error.ts";
import { checkOffset } from "../options.ts";

/** Options of {@linkcode Log.readable}. */
export interface LogReadOptions {
  /** The offset of the first record. The default is the first that is kept. */
  from?: number | undefined;
  /** The offset behind the last record. The default is the end at the call. */
  to?: number | undefined;
  /** Whether it goes on with what is appended. The default is `false`. */
  follow?: boolean | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/** What is to be read. */
export interface LogReadPlan {
  /** The offset of the first record. */
  readonly from: number;
  /** The offset behind the last; `Infinity` if it follows. */
  readonly to: number;
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks what is to be read.
 *
 * @param options What the caller gave.
 * @param bounds Where records are.
 * @throws {OffsetError} If an offset is before the first record or beyond the end.
 * @throws {TypeError} If an option is unknown or of a wrong type, or it follows and has an end.
 * @throws {RangeError} If an offset is no whole number of 0 or more, or the end stands before the start.
 */
export function planRead(options: LogReadOptions, bounds: Omit<OffsetErrorContext, "offset">): LogReadPlan {
  checkNames("read", options, ["from", "to", "follow", "signal"]);
  const follow = checkFlag("read", "follow", options.follow), { firstOffset, nextOffset } = bounds;
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot read: expected "signal" to be an AbortSignal, found ${typeName(signal)}`);
  }
  const from = options.from === undefined ? firstOffset : checkOffset("read", "from", options.from);
  const to = options.to === undefined ? Math.max(from, nextOffset) : checkOffset("read", "to", options.to);
  if (follow && options.to !== undefined) {
    throw new TypeError('Cannot read: "follow" goes on behind any "to"');
  }
  if (to < from) throw new RangeError(`Cannot read to offset ${to}: it stands before offset ${from}`);
  if (from < firstOffset || from > nextOffset) {
    throw new OffsetError("read from", { offset: from, ...bounds });
  }
  if (to > nextOffset) throw new OffsetError("read to", { offset: to, ...bounds });
  return { from, to: follow ? Infinity : to, signal };
}
