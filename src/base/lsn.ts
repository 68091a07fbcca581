/** LSNs: where in history a batch stands. */

import { LsnError } from "./errors.ts";
import { maxLsn } from "./limits.ts";

/** A log sequence number: a safe integer ≥ 1; 0 stands before all history. */
export type Lsn = number;

/**
 * Checks that `lsn` is a safe integer of at least `least`.
 *
 * @param lsn What the caller gave.
 * @param least The smallest LSN that is allowed.
 * @returns `lsn`.
 * @throws {TypeError} If `lsn` is not a number.
 * @throws {RangeError} If `lsn` is fractional, below `least` or over 2^53 − 1.
 */
export function checkLsn(lsn: unknown, least = 0): Lsn {
  if (typeof lsn !== "number") throw new TypeError(`Cannot use LSN: expected a number, found ${typeof lsn}`);
  if (!Number.isSafeInteger(lsn) || lsn < least) {
    throw new RangeError(`Cannot use LSN ${lsn}: expected an integer from ${least} to ${maxLsn}`);
  }
  return lsn;
}

/**
 * Checks the LSN of a read against both ends of history.
 *
 * @param lsn What the caller gave, or `undefined` for the end of history.
 * @param lastLsn The end of history.
 * @param horizon The first LSN that can be read as of.
 * @returns The LSN to read as of.
 * @throws {LsnError} If `lsn` is beyond the end of history, or below the horizon.
 */
export function checkReadLsn(lsn: Lsn | undefined, lastLsn: Lsn, horizon: Lsn = 0): Lsn {
  if (lsn === undefined) return lastLsn;
  checkLsn(lsn);
  if (lsn < horizon) throw belowHorizon("read as of", lsn, lastLsn, horizon);
  if (lsn <= lastLsn) return lsn;
  throw new LsnError(`Cannot read as of LSN ${lsn}: the last LSN is ${lastLsn}`, { lsn, lastLsn });
}

/** The error of whoever asks for history that was given up. */
export function belowHorizon(action: string, lsn: Lsn, lastLsn: Lsn, horizon: Lsn): LsnError {
  const message = `Cannot ${action} LSN ${lsn}: it is below the horizon, which is at LSN ${horizon}`;
  return new LsnError(message, { lsn, lastLsn, horizon });
}
