/**
 * How much history is kept, and which horizon that asks for.
 *
 * @module
 */

import { checkNames, type Lsn, typeName } from "../../../base/mod.ts";

/** How much of the latest history can be read; where both are given, what either of them keeps is kept. */
export interface KeptHistory {
  /** So many of the last LSNs. */
  readonly lsns?: number | undefined;
  /** What was not over that many milliseconds ago. */
  readonly milliseconds?: number | undefined;
}

/** How much history is kept. */
export type HistoryPolicy = "all" | KeptHistory;

/**
 * Checks how much history is to be kept.
 *
 * @param action What it is for, such as `"open store"`.
 * @param history What the caller gave.
 * @returns The policy; `"all"` if it was left out.
 * @throws {TypeError} If it is of a wrong type, empty, or has an unknown name.
 * @throws {RangeError} If a number is not a whole one of 0 or more.
 */
export function checkHistory(action: string, history: HistoryPolicy | undefined): HistoryPolicy {
  if (history === undefined || history === "all") return "all";
  const refuse = (expected: string, found: string) =>
    `Cannot ${action}: expected ${expected}, found ${found}`;
  if (typeof history !== "object" || history === null) {
    const found = typeof history === "string" ? `"${history}"` : typeName(history);
    throw new TypeError(refuse('"history" to be "all" or an object', found));
  }
  checkNames(action, history, policyNames);
  const { lsns, milliseconds } = history;
  for (const [name, value] of Object.entries({ lsns, milliseconds })) {
    if (value === undefined || Number.isSafeInteger(value) && value >= 0) continue;
    if (typeof value !== "number") throw new TypeError(refuse(`"${name}" to be a number`, typeName(value)));
    throw new RangeError(refuse(`"${name}" to be a whole number of 0 or more`, `${value}`));
  }
  if (lsns !== undefined || milliseconds !== undefined) return { lsns, milliseconds };
  throw new TypeError(refuse('"lsns" or "milliseconds" in "history"', "neither"));
}

const policyNames = ["lsns", "milliseconds"];

/**
 * The horizon that a policy asks for.
 *
 * @param policy How much is kept.
 * @param durableLsn The last LSN that is durable: no horizon goes beyond it, or a crash could leave nothing to read.
 * @param lsnBefore The last LSN that had been appended so many milliseconds ago.
 * @returns The LSN; 0 if all is kept.
 */
export function horizonOf(
  policy: HistoryPolicy,
  durableLsn: Lsn,
  lsnBefore: (milliseconds: number) => Lsn,
): Lsn {
  if (policy === "all") return 0;
  const { lsns, milliseconds } = policy;
  const byCount = lsns === undefined ? Infinity : durableLsn - lsns;
  const byAge = milliseconds === undefined ? Infinity : lsnBefore(milliseconds);
  return Math.max(0, Math.min(byCount, byAge, durableLsn));
}

/**
 * Whether a step of the horizon is worth an edit of its own: a sixteenth of what is readable behind it.
 *
 * @param from Where it is.
 * @param to Where it would be.
 * @param lastLsn The last LSN.
 */
export function isWorthStep(from: Lsn, to: Lsn, lastLsn: Lsn): boolean {
  return to > from && to - from >= (lastLsn - to) / 16;
}
