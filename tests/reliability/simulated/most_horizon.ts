/** How far history may be given up. */

import type { HistoryPolicy } from "../../../mod.ts";
import type { IssuedBatch } from "./known.ts";

/**
 * Where a policy may put the horizon at the most: no clock shows less than an earlier one for what it counts.
 *
 * @param policy The policy.
 * @param batches What was appended, and when.
 * @param now The latest that the clock showed while the policy was followed.
 */
export function mostHorizonOf(
  policy: HistoryPolicy,
  batches: readonly Pick<IssuedBatch, "lsn" | "milliseconds">[],
  now: number,
): number {
  if (policy === "all") return 0;
  const { lsns, milliseconds } = policy, lastLsn = batches.at(-1)?.lsn ?? 0;
  const byCount = lsns === undefined ? Infinity : lastLsn - lsns;
  const young = milliseconds === undefined
    ? -1
    : batches.findIndex((batch) => batch.milliseconds > now - milliseconds);
  const byAge = young < 0 ? lastLsn : batches[young - 1]?.lsn ?? 0;
  return Math.max(0, Math.min(byCount, byAge));
}
