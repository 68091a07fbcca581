/**
 * Whether the tests notice a mutant.
 *
 * ```
 *   mutant in the copy ─► its tests ──pass──► survived
 *                             └──fail──► what failed, without it ──pass──► killed
 *                                                      └──fail──► it proves nothing
 * ```
 */

import { type Mutant, mutate } from "./mutant.ts";
import type { Outcome, Tree } from "./tree.ts";
import { type RunTests, Untouched } from "./untouched.ts";

/** How long the tests of one mutant may take. One that makes them hang is noticed too. */
const mostMilliseconds = 60_000;
/** How long what failed with any mutant may take without, and the check of all of them. */
const mostTogetherMilliseconds = 300_000;
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

/** A mutant, and what came of its tests with it. */
export interface Tested {
  /** The mutant. */
  readonly mutant: Mutant;
  /** What came of them; `undefined` if the mutant does not fit the code. */
  readonly outcome: Outcome | undefined;
  /** How long they took. */
  readonly milliseconds: number;
}

/** Runs the tests of a mutant in a copy of the project, which is as before afterwards. */
export async function testMutant(tree: Tree, mutant: Mutant): Promise<Tested> {
  const started = performance.now();
  const { file, caughtBy, filter } = mutant, original = await tree.read(file);
  const mutated = mutate(original, mutant);
  if (mutated === undefined) return { mutant, outcome: undefined, milliseconds: 0 };
  await tree.write(file, mutated);
  const run = testsIn(tree, "--fail-fast")(filter, [caughtBy]);
  const outcome = await run.finally(() => tree.write(file, original));
  return { mutant, outcome, milliseconds: Math.round(performance.now() - started) };
}

/** Runs what failed with mutants in a copy of the project without any, in which nothing else is done until that is over. */
export function withoutMutants(tree: Tree, tested: readonly Tested[]): Untouched {
  const failed = tested.flatMap(({ mutant, outcome }) => {
    const name = outcome === undefined || outcome.success ? undefined : failedTest(outcome.output);
    return name === undefined ? [] : [{ file: mutant.caughtBy, name }];
  });
  return new Untouched(failed, testsIn(tree));
}

/** Runs tests in a copy of the project. */
function testsIn(tree: Tree, ...flags: readonly string[]): RunTests {
  const args = ["test", "-P=test", "--no-prompt", "--no-check", ...flags];
  return (filter, files) => {
    const most = files.length === 1 ? mostMilliseconds : mostTogetherMilliseconds;
    return tree.deno([...args, "--filter", filter, ...files], most, { VARVE_SEED: testSeed });
  };
}

/** Says what came of a mutant. */
export async function judgeMutant(tested: Tested, untouched: Untouched): Promise<Trial> {
  const { mutant, outcome, milliseconds } = tested;
  const [verdict, why] = outcome === undefined
    ? ["does not apply", `${mutant.file} has not exactly one place for it`] as const
    : await judge(outcome, (failed) => untouched.of(mutant, failed));
  return { mutant, verdict, why, milliseconds };
}

/**
 * What tests say of a mutant.
 *
 * @param outcome What came of them with it.
 * @param untouched What came of them without it; the one that failed is named, if it is known.
 * @returns The verdict, and why.
 */
export async function judge(
  outcome: Outcome,
  untouched: (failed: string | undefined) => Promise<Pick<Outcome, "success" | "output">>,
): Promise<[Verdict, string]> {
  if (outcome.success && !/\b[1-9]\d* passed/.test(outcome.output)) return ["proves nothing", "no test ran"];
  if (outcome.success) return ["survived", "no test failed"];
  const failed = outcome.hangs ? undefined : failedTest(outcome.output);
  const noticed = outcome.hangs ? "its tests hang" : failed;
  if (noticed === undefined) return ["proves nothing", `no test failed: ${outcome.output}`];
  const { success, output } = await untouched(failed);
  return success ? ["killed", noticed] : ["proves nothing", `its tests fail without it: ${output}`];
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
    const { success, output } = await tree.deno(["check", ...paths], mostTogetherMilliseconds);
    return success ? undefined : output;
  } finally {
    for (const path of paths) await tree.remove(path);
  }
}
