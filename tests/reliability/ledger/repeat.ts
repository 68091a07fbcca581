/** Work in slices, until enough was done or the time is up. */

import { type Budget, type Failure, isEnough, type PartResult, sumOf } from "./part.ts";

/** After so many failures nobody reads on. */
const mostFailures = 20;

/**
 * Does slice after slice.
 *
 * @param budget How long.
 * @param slice Does some of the work, for so many milliseconds at the most; `nth` counts slices from 0.
 * @returns The sum of what they did.
 */
export async function repeat(
  budget: Budget,
  slice: (milliseconds: number, nth: number) => Promise<PartResult>,
): Promise<PartResult> {
  const end = performance.now() + budget.milliseconds;
  let counts: Record<string, number> = {};
  const skipped = new Set<string>(), failures: Failure[] = [];
  const first = budget.slice ?? 0;
  for (let nth = first; nth === first || performance.now() < end; nth++) {
    const result = await slice(end - performance.now(), nth);
    counts = sumOf([counts, result.counts]);
    for (const what of result.skipped) skipped.add(what);
    failures.push(...result.failures);
    const isIdle = Object.values(result.counts).every((count) => count === 0);
    if (
      nth === budget.slice || isIdle || isEnough(counts, budget.enough) || failures.length >= mostFailures
    ) break;
  }
  return { counts, skipped: [...skipped], failures };
}
