/**
 * Whether the tests notice a mutant.
 *
 * ```
 *   mutant in the copy ─► its tests ──pass──► survived
 *                             └──fail──► the same tests without it ──pass──► killed
 *                                                        └──fail──► they prove nothing
 * ```
 */

import { type Mutant, mutate } from "./mutant.ts";
import type { Outcome, Tree } from "./tree.ts";

/** How long the tests of one mutant may take. One that makes them hang is noticed too. */
const mostMilliseconds = 60_000;
const mostCheckMilliseconds = 300_000;
/** Trials with random seeds take this one, so that a mutant that is killed once is killed again. */
const testSeed = "1";

/** What came of a mutant. */
export type Verdict = "killed" | "survived" | "does not apply" | "proves nothing";

/** What came of a mutant, and how. */
export interface Trial {
  /** The mutant. */
  readonly mutant: Mutant;
  /** What came of it. */
  readonly verdict: Verdict;
  /** The test that noticed it, or what is wrong. */
  readonly why: string;
  /** How long it took. */
  readonly milliseconds: number;
}

/** Tests without any mutant, by their command, so that none is run twice for mutants that share it. */
export type Untouched = Map<string, Promise<Outcome>>;

/** Tries a mutant in a copy of the project, which is as before afterwards. */
export async function tryMutant(tree: Tree, mutant: Mutant, untouched: Untouched): Promise<Trial> {
  const started = performance.now();
  const [verdict, why] = await tryIn(tree, mutant, untouched);
  return { mutant, verdict, why, milliseconds: Math.round(performance.now() - started) };
}

async function tryIn(tree: Tree, mutant: Mutant, untouched: Untouched): Promise<[Verdict, string]> {
  const { file, caughtBy, filter } = mutant, original = await tree.read(file);
  const mutated = mutate(original, mutant);
  if (mutated === undefined) return ["does not apply", `${file} has not exactly one place for it`];
  await tree.write(file, mutated);
  const outcome = await runTests(tree, mutant).finally(() => tree.write(file, original));
  const command = `${caughtBy} ${filter}`;
  return await judge(outcome, async () => {
    const without = untouched.get(command) ?? runTests(tree, mutant);
    untouched.set(command, without);
    return await without;
  });
}

/**
 * What tests say of a mutant.
 *
 * @param outcome What came of them with it.
 * @param untouched Runs them without it.
 * @returns The verdict, and why.
 */
export async function judge(
  outcome: Outcome,
  untouched: () => Promise<Outcome>,
): Promise<[Verdict, string]> {
  if (outcome.success && !/\b[1-9]\d* passed/.test(outcome.output)) return ["proves nothing", "no test ran"];
  if (outcome.success) return ["survived", "no test failed"];
  const failed = outcome.hangs ? "its tests hang" : failedTest(outcome.output);
  if (failed === undefined) return ["proves nothing", `no test failed: ${outcome.output}`];
  const { success, output } = await untouched();
  return success ? ["killed", failed] : ["proves nothing", `its tests fail without it: ${output}`];
}

function runTests(tree: Tree, { caughtBy, filter }: Mutant): Promise<Outcome> {
  const args = ["test", "-P=test", "--no-prompt", "--no-check", "--fail-fast", "--filter", filter, caughtBy];
  return tree.deno(args, mostMilliseconds, { VARVE_SEED: testSeed });
}

/** The name of the first test that failed, as Deno lists them behind all others, or that an error elsewhere ended. */
export function failedTest(output: string): string | undefined {
  return (/^(.+) => \.\/tests\/\S+$/m.exec(output) ?? /^(.+) \.\.\. cancelled\b/m.exec(output))?.[1];
}

/**
 * Finds out whether mutants are sound code: one that does not compile is no proof that a test looks at what it breaks.
 *
 * @returns What the compiler says; `undefined` if it says nothing.
 */
export async function findErrors(tree: Tree, mutants: readonly Mutant[]): Promise<string | undefined> {
  const paths: string[] = [];
  for (const mutant of mutants) {
    const text = mutate(await tree.read(mutant.file), mutant);
    if (text === undefined) continue;
    const path = mutant.file.replace(/\.ts$/, `.${mutant.name}.ts`);
    await tree.write(path, text);
    paths.push(path);
  }
  try {
    const { success, output } = await tree.deno(["check", ...paths], mostCheckMilliseconds);
    return success ? undefined : output;
  } finally {
    for (const path of paths) await tree.remove(path);
  }
}
