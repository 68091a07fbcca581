/**
 * What a difference is asked for, and the checks of it.
 *
 * @module
 */

import { checkLsn, checkNames, compareKeys, type KeyPrefix, type Lsn } from "../../../base/mod.ts";
import { countNames, type CountRange, planRead, planScan, type ScanPlan } from "../options.ts";

/** Which keys are compared. */
export interface DiffRange extends CountRange {
  /** Stops the read, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * A key whose value is not the same as of two LSNs.
 *
 * @typeParam T What values are.
 */
export interface Difference<T = Uint8Array<ArrayBuffer>> {
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Its value as of the first LSN; `undefined` if it had none. */
  readonly before: T | undefined;
  /** Its value as of the second LSN; `undefined` if it had none. */
  readonly after: T | undefined;
}

/** Which keys are compared, checked. */
export interface DiffPlan {
  /** Which keys may have changed: a scan of keys, those that were deleted too. */
  readonly keys: ScanPlan;
  /** What stops it. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks what is compared.
 *
 * @param before The first LSN.
 * @param after The second LSN.
 * @param range What the caller gave.
 * @param prefix What stands before each key of it. The default is nothing.
 * @throws {RangeError} If an LSN is out of range, the second stands before the first, or no key can be in the range.
 * @throws {TypeError} If a bound, an LSN or the signal is of a wrong type, or an option unknown.
 */
export function planDiff(before: Lsn, after: Lsn, range: DiffRange, prefix?: KeyPrefix): DiffPlan {
  checkNames("compare", range, [...countNames, "signal"]);
  if (checkLsn(after) < checkLsn(before)) {
    throw new RangeError(`Cannot compare: LSN ${after} stands before LSN ${before}`);
  }
  const { signal: given, ...bounds } = range, { signal } = planRead({ signal: given });
  const plan = planScan(bounds, countNames, prefix), { start, end } = plan;
  if (start !== undefined && end !== undefined) {
    const order = compareKeys(start, end);
    if (order > 0 || order === 0 && range.prefix !== undefined) {
      throw new RangeError("Cannot compare: no key can be in the range, its bounds contradict each other");
    }
  }
  return { keys: { ...plan, keysOnly: true, deleted: true }, signal };
}
