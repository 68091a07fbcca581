/**
 * Breaks one promise of the engine after another, each in a copy of the project, and says whether the tests notice.
 *
 * ```
 * deno task mutants [--only name] [--sample N --seed S] [--json file]
 * ```
 */

// deno-lint-ignore-file no-console
import { mutants } from "./catalog/mod.ts";
import { chooseMutants, parseOptions } from "./choose.ts";
import type { Mutant } from "./mutant.ts";
import { Tree } from "./tree.ts";
import { findErrors, judgeMutant, type Tested, testMutant, type Trial, withoutMutants } from "./trial.ts";

/** Prints what came of a mutant. */
function print({ mutant, verdict, why, milliseconds }: Trial): void {
  const seconds = (milliseconds / 1000).toFixed(1).padStart(5);
  console.log(`${verdict.padEnd(14)} ${mutant.name.padEnd(44)} ${seconds} s  ${why}`);
  if (verdict === "killed") return;
  console.log(`  ${mutant.breaks}\n  ${mutant.file}\n  ${mutant.caughtBy}: ${mutant.filter}`);
}

/**
 * Tries mutants.
 *
 * @param chosen Which.
 * @param atOnce How many at once, each in a copy of the project of its own.
 * @param tell Is told of each.
 * @param signal Ends it before the next one.
 * @returns What came of them.
 * @throws {Error} If one is no sound code.
 */
export async function tryAll(
  chosen: readonly Mutant[],
  atOnce: number,
  tell: (trial: Trial) => void,
  signal?: AbortSignal,
): Promise<Trial[]> {
  await using stack = new AsyncDisposableStack();
  const trees: Tree[] = [];
  while (trees.length < Math.min(atOnce, chosen.length)) trees.push(stack.use(await Tree.copy()));
  const errors = await findErrors(trees[0], chosen);
  if (errors !== undefined) throw new Error(`Cannot try mutants that are no sound code: ${errors}`);
  const waiting = [...chosen], tested: Tested[] = [], trials: Trial[] = [];
  await Promise.all(trees.map(async (tree) => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      if (signal?.aborted) return;
      tested.push(await testMutant(tree, mutant));
    }
  }));
  const untouched = withoutMutants(trees[0], tested);
  for (const one of tested) {
    const trial = await judgeMutant(one, untouched);
    trials.push(trial);
    tell(trial);
  }
  return trials;
}

async function main(): Promise<void> {
  const { json, ...options } = parseOptions(Deno.args, crypto.getRandomValues(new Uint32Array(1))[0]);
  const chosen = chooseMutants(mutants, options);
  if (options.sample !== undefined) console.log(`seed ${options.seed}`);
  const trials = await tryAll(chosen, 2, print);
  const killed = trials.filter(({ verdict }) => verdict === "killed").length;
  console.log(
    `${chosen.length} of ${mutants.length} mutants: ${killed} killed, ${chosen.length - killed} not`,
  );
  if (json !== undefined) {
    await Deno.writeTextFile(json, `${JSON.stringify(trials.map(lineOf), undefined, 2)}\n`);
  }
  Deno.exit(killed === chosen.length ? 0 : 1);
}

function lineOf({ mutant: { name, breaks, file }, verdict, why, milliseconds }: Trial): unknown {
  return { name, breaks, file, verdict, why, milliseconds };
}

if (import.meta.main) await main();
