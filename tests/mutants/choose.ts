/** Which mutants are tried. */

import { Random } from "../random.ts";
import type { Mutant } from "./mutant.ts";

/** What was asked for on the command line. */
export interface MutantOptions {
  /** The name of the only one that is tried. */
  readonly only: string | undefined;
  /** How many are tried, chosen at random; left out, all. */
  readonly sample: number | undefined;
  /** What the sample is chosen by. */
  readonly seed: number;
  /** The file that the results are written to. */
  readonly json: string | undefined;
}

const names: readonly string[] = ["only", "sample", "seed", "json"];

/**
 * Reads the command line.
 *
 * @param args `--name value`, any number of times.
 * @param seed What a sample is chosen by if nothing else is said.
 * @throws {TypeError} If anything else stands there.
 */
export function parseOptions(args: readonly string[], seed: number): MutantOptions {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at].replace(/^--/, "");
    if (!args[at].startsWith("--") || !names.includes(name) || at + 1 === args.length) {
      throw new TypeError(
        `Cannot use "${args[at]}": expected ${names.map((one) => `--${one} x`).join(", ")}`,
      );
    }
    given.set(name, args[at + 1]);
  }
  return {
    only: given.get("only"),
    sample: wholeNumber("sample", given.get("sample")),
    seed: wholeNumber("seed", given.get("seed")) ?? seed,
    json: given.get("json"),
  };
}

function wholeNumber(name: string, value: string | undefined): number | undefined {
  if (value === undefined || /^\d+$/.test(value)) return value === undefined ? undefined : Number(value);
  throw new TypeError(`Cannot use --${name} "${value}": expected a whole number`);
}

/**
 * Chooses mutants, in the order in which they are listed.
 *
 * @throws {TypeError} If there is none.
 */
export function chooseMutants(
  all: readonly Mutant[],
  { only, sample = all.length, seed }: Omit<MutantOptions, "json">,
): Mutant[] {
  const left = all.filter(({ name }) => only === undefined || name === only);
  const random = new Random(seed), chosen = new Set<Mutant>();
  while (left.length > 0 && chosen.size < sample) {
    const [mutant] = left.splice(random.below(left.length), 1);
    chosen.add(mutant);
  }
  if (chosen.size === 0) throw new TypeError(`Cannot find a mutant "${only ?? sample}"`);
  return all.filter((mutant) => chosen.has(mutant));
}
