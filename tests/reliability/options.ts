/** What `deno task reliability` is asked for on the command line. */

import { parseArgs } from "node:util";
import type { Part } from "./ledger/part.ts";

/** What was asked for. */
export interface Options {
  /** How long a soak goes on; left out, the short form is run. */
  readonly minutes: number | undefined;
  /** Which parts. */
  readonly parts: readonly Part[];
  /** What they choose by. */
  readonly seed: number;
  /** The one slice of a part to do. */
  readonly slice: number | undefined;
  /** Whether something else runs beside them until standard input ends. */
  readonly beside: boolean;
  /** The file that the ledger is written to. */
  readonly json: string | undefined;
  /** Where in the documents the ledger is put. */
  readonly publish: string | undefined;
  /** The file of an earlier ledger, which is published instead. */
  readonly from: string | undefined;
}

const kinds: readonly string[] = ["ci", "soak"];
const text = { type: "string" } as const;

/**
 * Reads the command line.
 *
 * @param args What stands there.
 * @param all Every part.
 * @param freshSeed The seed if none is given.
 * @throws {TypeError} If it asks for what there is not.
 */
export function parseOptions(args: readonly string[], all: readonly Part[], freshSeed: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: text,
      only: text,
      seed: text,
      slice: text,
      beside: { type: "boolean" },
      json: text,
      publish: text,
      from: text,
    },
  });
  const { minutes, only, seed, json, publish, from } = values;
  if (publish !== undefined && !kinds.includes(publish)) {
    throw expected("--publish", `one of ${kinds.join(", ")}`, publish);
  }
  const parts = only === undefined ? all : only.split(",").map((name) => partOf(all, name));
  const slice = wholeNumber("--slice", values.slice);
  if (slice !== undefined && parts.some(({ isSliced }) => isSliced !== true)) {
    const sliced = all.filter(({ isSliced }) => isSliced).map(({ name }) => name);
    throw new TypeError(`Cannot use --slice without --only of ${sliced.join(", ")}`);
  }
  return {
    minutes: minutesOf(minutes),
    parts,
    seed: wholeNumber("--seed", seed) ?? freshSeed,
    slice,
    beside: values.beside === true,
    json,
    publish,
    from,
  };
}

function partOf(all: readonly Part[], name: string): Part {
  const part = all.find((one) => one.name === name);
  if (part === undefined) throw expected("--only", `some of ${all.map((one) => one.name).join(", ")}`, name);
  return part;
}

function minutesOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const minutes = Number(given);
  if (minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw expected("--minutes", "a number above 0", given);
}

function wholeNumber(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given) && Number.isSafeInteger(Number(given))) return Number(given);
  throw expected(name, "a whole number", given);
}

function expected(name: string, what: string, found: string): TypeError {
  return new TypeError(`Cannot use ${name} "${found}": expected ${what}`);
}
