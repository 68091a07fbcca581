/** Random programs, one a seed, of which some are run twice and must do the same both times. */

import { type Budget, commandOf, type Counts, noCounts, type Share, within, wordsOf } from "./counts.ts";
import { type Plan, planOf } from "./programs/plan.ts";
import { runProgram } from "./programs/program.ts";
import { shrink } from "./programs/shrink.ts";

/** Which programs are run. */
export interface ProgramOptions {
  /** The first seed; those that follow are one more each. */
  readonly seed?: number | undefined;
  /** One in so many programs is run twice. The default is 20. */
  readonly replayOneIn?: number | undefined;
  /** How long a program that fails is made simpler, in seconds. The default is 20. */
  readonly shrinkSeconds?: number | undefined;
  /** Which part of the work is done here. */
  readonly share?: Share | undefined;
}

/** Runs programs; a run of the budget is one seed. */
export async function runPrograms(budget: Budget, options: ProgramOptions = {}): Promise<Counts> {
  const { seed: first = 1, replayOneIn = 20, shrinkSeconds = 20, share } = options;
  const counts = noCounts();
  for (const seed of within(seedsFrom(first), budget, share)) {
    counts.seeds++;
    const plan = planOf(seed);
    try {
      const hash = await runProgram(plan, counts);
      if (counts.seeds % replayOneIn !== 0) continue;
      if (await runProgram(plan, noCounts()) !== hash) {
        throw new Error("it did something else the second time");
      }
      counts.replayedHashes++;
    } catch (error) {
      const least = await shrink(plan, fails, shrinkSeconds * 1000);
      counts.failures.push({
        trace: `seed ${seed}`,
        command: commandOf("programs", { seed, runs: 1, replay: 1 }),
        message: wordsOf(error),
        script: linesOf(least),
      });
    }
  }
  return counts;
}

function* seedsFrom(first: number): Generator<number> {
  for (let seed = first;; seed++) yield seed;
}

async function fails(plan: Plan): Promise<boolean> {
  try {
    await runProgram(plan, noCounts());
    return false;
  } catch {
    return true;
  }
}

/** A program as lines to be read. */
function linesOf(plan: Plan): string[] {
  return plan.flatMap(({ steps, damages, ...life }) => [
    JSON.stringify(life),
    ...[...steps, ...damages].map((step) => `  ${JSON.stringify(step)}`),
  ]);
}
