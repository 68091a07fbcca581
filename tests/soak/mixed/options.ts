/** What `deno task soak:mixed` is asked for on the command line. */

import { parseArgs } from "node:util";

/** What was asked for. */
export interface Options {
  /** How long it goes on. */
  readonly minutes: number;
  /** What everything is chosen by. */
  readonly seed: number;
  /** Batches a second, and as many reads. */
  readonly rate: number;
  /** The file that the result is written to. */
  readonly json: string | undefined;
  /** Whether a snapshot is never given up, which the bounds must notice. */
  readonly leak: boolean;
}

const defaultMinutes = 60, defaultRate = 250;
const text = { type: "string" } as const;

/**
 * Reads the command line.
 *
 * @param args What stands there.
 * @param freshSeed The seed if none is given.
 * @throws {TypeError} If it asks for what there is not.
 */
export function parseOptions(args: readonly string[], freshSeed: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: text, seed: text, rate: text, json: text, leak: { type: "boolean" } },
  });
  const { minutes, seed, rate, json, leak } = values;
  return {
    minutes: above("--minutes", minutes) ?? defaultMinutes,
    seed: wholeNumber("--seed", seed) ?? freshSeed,
    rate: above("--rate", rate) ?? defaultRate,
    json,
    leak: leak ?? false,
  };
}

function above(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (Number(given) > 0 && Number.isFinite(Number(given))) return Number(given);
  throw new TypeError(`Cannot use ${name} "${given}": expected a number above 0`);
}

function wholeNumber(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given) && Number(given) < 2 ** 32) return Number(given);
  throw new TypeError(`Cannot use ${name} "${given}": expected a whole number below 2 ** 32`);
}
