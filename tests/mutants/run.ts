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
import { findErrors, type Trial, tryMutant, type Untouched } from "./trial.ts";

/** How many are tried at once, each in a copy of its own. */
const atOnce = 2;

/** Tries all that wait, one after the other, in one copy of the project. */
async function work(tree: Tree, waiting: Mutant[], untouched: Untouched, trials: Trial[]): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const trial = await tryMutant(tree, mutant, untouched);
    trials.push(trial);
    const seconds = (trial.milliseconds / 1000).toFixed(1);
    console.log(
      `${trial.verdict.padEnd(14)} ${mutant.name.padEnd(44)} ${seconds.padStart(5)} s  ${trial.why}`,
    );
    if (trial.verdict !== "killed") {
      console.log(`  ${mutant.breaks}\n  ${mutant.file}\n  ${mutant.caughtBy}: ${mutant.filter}`);
    }
  }
}

async function tryAll(chosen: readonly Mutant[]): Promise<Trial[]> {
  await using stack = new AsyncDisposableStack();
  const trees: Tree[] = [];
  while (trees.length < Math.min(atOnce, chosen.length)) trees.push(stack.use(await Tree.copy()));
  const errors = await findErrors(trees[0], chosen);
  if (errors !== undefined) throw new Error(`Cannot try mutants that are no sound code: ${errors}`);
  const waiting = [...chosen], untouched: Untouched = new Map(), trials: Trial[] = [];
  await Promise.all(trees.map((tree) => work(tree, waiting, untouched, trials)));
  return trials;
}

async function main(): Promise<void> {
  const { json, ...options } = parseOptions(Deno.args, crypto.getRandomValues(new Uint32Array(1))[0]);
  const chosen = chooseMutants(mutants, options);
  if (options.sample !== undefined) console.log(`seed ${options.seed}`);
  const trials = await tryAll(chosen);
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
