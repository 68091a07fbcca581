/** Trials that are chosen by seeds, two at a time, for as long as there is time. */

import { type Counts, noCounts } from "./counts.ts";

/** How long a part may take. */
export interface Budget {
  /** After how many milliseconds no trial is begun any more. */
  readonly milliseconds: number;
  /** The most trials. The default is as many as there is time for. */
  readonly most?: number | undefined;
}

/** Which trials a part does. */
export interface TrialOptions {
  /** The one trial to do. The default is fresh ones, until the budget is used up. */
  readonly seed?: number | undefined;
}

/** Does one trial; throws what does not hold. */
export type Trial = (seed: number, counts: Counts) => Promise<void>;

const lanes = 2;

/** Works through seeds; what throws is counted as a failure, and does not stop the others. */
export async function runTrials(
  part: string,
  budget: Budget,
  { seed: only }: TrialOptions,
  trial: Trial,
): Promise<Counts> {
  const counts = noCounts();
  const end = performance.now() + budget.milliseconds;
  let left = only === undefined ? budget.most ?? Infinity : 1;
  const work = async () => {
    while (left > 0 && (only !== undefined || performance.now() < end)) {
      left--;
      const seed = only ?? crypto.getRandomValues(new Uint32Array(1))[0];
      await trial(seed, counts).catch((error) => {
        const command = `deno task reliability:real ${part} 1 ${seed}`;
        counts.failures.push({ part, seed, command, message: `${(error as Error).stack ?? error}` });
      });
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return counts;
}
