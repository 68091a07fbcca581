/**
 * Tests that failed with a mutant, without any: all of them in one process, which is far cheaper than one for each. Of
 * what did not pass there, the tests of its mutant are run alone.
 */

import type { Mutant } from "./mutant.ts";
import type { Outcome } from "./tree.ts";

/** Runs those tests of files whose names match a filter. */
export type RunTests = (filter: string, files: readonly string[]) => Promise<Outcome>;

/** A test. */
export interface NamedTest {
  /** Where it stands. */
  readonly file: string;
  /** What it is called. */
  readonly name: string;
}

/** See the top of the file. */
export class Untouched {
  readonly #run: RunTests;
  readonly #passed: Promise<readonly NamedTest[]>;
  readonly #alone = new Map<string, Promise<Outcome>>();

  /**
   * Runs tests again.
   *
   * @param failed Which, of any number of mutants.
   * @param run Runs them where there is no mutant.
   */
  constructor(failed: readonly NamedTest[], run: RunTests) {
    this.#run = run;
    this.#passed = this.#runAll(failed);
  }

  async #runAll(failed: readonly NamedTest[]): Promise<readonly NamedTest[]> {
    if (failed.length === 0) return [];
    const files = new Set(failed.map(({ file }) => file));
    return passedTests((await this.#run(filterOf(failed.map(({ name }) => name)), [...files])).output);
  }

  /**
   * What came of the tests of a mutant without it.
   *
   * @param mutant The mutant.
   * @param name The test that failed with it; `undefined` if that is not known.
   */
  async of(
    { caughtBy, filter }: Mutant,
    name: string | undefined,
  ): Promise<Pick<Outcome, "success" | "output">> {
    const passed = await this.#passed;
    if (passed.some((test) => test.name === name && test.file === caughtBy)) {
      return { success: true, output: "" };
    }
    const command = `${caughtBy} ${filter}`;
    const alone = this.#alone.get(command) ?? this.#run(filter, [caughtBy]);
    this.#alone.set(command, alone);
    return await alone;
  }
}

/** A filter that lets tests pass that are called exactly so: a regular expression, between slashes. */
export function filterOf(names: readonly string[]): string {
  const escaped = names.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return `/^(${[...new Set(escaped)].join("|")})$/`;
}

/** The tests that Deno says have passed. */
export function passedTests(output: string): NamedTest[] {
  return output.split(/^running \d+ tests? from \.\//m).flatMap((part) => {
    const [file] = part.split("\n", 1);
    return Array.from(part.matchAll(/^(.+) \.\.\. ok \(.*\)$/gm), ([, name]) => ({ file, name }));
  });
}
