/**
 * Feeds every parser with bytes that nearly make sense, and counts what came of it. An input is made of its number and
 * the seed alone, so that it can be made again.
 */

import { Random } from "../../random.ts";
import { makeGoldenLog } from "../log/golden_log.ts";
import { logParsers } from "../log/log_parsers.ts";
import { blockParsers } from "./block_parsers.ts";
import { makeGolden } from "./golden.ts";
import { manifestParsers } from "./manifest_parsers.ts";
import { mutate } from "./mutator.ts";
import type { Bytes, Parser } from "./parser.ts";
import { storeParsers } from "./store_parsers.ts";
import { textParsers } from "./text_parsers.ts";

/** How much is done. */
export interface FuzzBudget {
  /** How many inputs all parsers together are fed with. */
  readonly inputs: number;
}

/** How it is done. */
export interface FuzzOptions {
  /** What every input is made of. */
  readonly seed: number;
  /** Only parsers with this in their name are fed. */
  readonly only?: string | undefined;
}

/** What was done, and what came of it. */
export interface FuzzCounts {
  readonly fuzzInputs: number;
  readonly accepted: number;
  /** By parser, how many inputs were taken, and how many there were. */
  readonly parsers: Readonly<Record<string, { readonly accepted: number; readonly inputs: number }>>;
  /** Broken promises, in words that say how to see them again. */
  readonly failures: string[];
  readonly seed: number;
  readonly milliseconds: number;
}

/** Three of four inputs have checksums that are right. */
const unrepairedEvery = 4;
/** No input is longer than some tens of KiB: more milliseconds, and more memory than before, it must not take. */
const mostMilliseconds = 2000;
const mostBytes = 384 * 1024 * 1024;
/** How many inputs there are between looks at the memory. */
const inputsPerLook = 1024;
/** After so many broken promises a parser is fed no more. */
const mostFailures = 3;
/** Inputs that each parser is fed with at least, and those of the least weight. */
const leastInputs = 300, leastOfCostly = 150, costlyWeight = 0.02;
/** Parsers whose inputs cost most are fed with fewer. */
const weights: Readonly<Record<string, number>> = {
  "segment": 0.1,
  "manifest": 0.1,
  "frames of a manifest": 0.4,
  "store with a page that lies": 0.05,
  "store with a manifest that lies": 0.05,
  "store with a segment that lies": 0.05,
  "log with an index that lies": 0.02,
  "log with a manifest that lies": 0.02,
  "log with a segment that lies": 0.02,
};

/** Fuzzes every parser within a budget. */
export async function fuzz({ inputs }: FuzzBudget, { seed, only = "" }: FuzzOptions): Promise<FuzzCounts> {
  const start = performance.now(), failures: string[] = [];
  const parsers = (await everyParser(seed)).filter(({ name }) => name.includes(only));
  const weightOf = ({ name }: Parser) => weights[name] ?? 1;
  const sum = parsers.reduce((total, parser) => total + weightOf(parser), 0);
  const found: [string, { accepted: number; inputs: number }][] = [];
  for (const parser of parsers) {
    const least = weightOf(parser) <= costlyWeight ? leastOfCostly : leastInputs;
    const share = Math.max(least, Math.ceil(inputs * weightOf(parser) / sum));
    found.push([parser.name, { accepted: await fuzzOne(parser, share, seed, failures), inputs: share }]);
  }
  return {
    fuzzInputs: found.reduce((total, [, { inputs }]) => total + inputs, 0),
    accepted: found.reduce((total, [, { accepted }]) => total + accepted, 0),
    parsers: Object.fromEntries(found),
    failures,
    seed,
    milliseconds: Math.round(performance.now() - start),
  };
}

/** Every parser, with a corpus from a small store or log. */
export async function everyParser(seed: number): Promise<readonly Parser[]> {
  const { killed, closed } = await makeGolden(seed);
  return [
    ...blockParsers(killed),
    ...await manifestParsers(closed),
    ...textParsers,
    ...storeParsers({ killed, closed }),
    ...logParsers((await makeGoldenLog(seed, "pad")).killed),
  ];
}

async function fuzzOne(parser: Parser, inputs: number, seed: number, failures: string[]): Promise<number> {
  const before = heldBytes(), most = failures.length + mostFailures;
  let accepted = 0;
  for (let number = 0; number < inputs && failures.length < most; number++) {
    const start = performance.now();
    try {
      if (await feed(parser, seed, number)) accepted++;
      const took = performance.now() - start;
      if (took > mostMilliseconds) throw new Error(`it took ${took} ms`);
      const held = number % inputsPerLook === 0 ? heldBytes() - before : 0;
      if (held > mostBytes) throw new Error(`${held} bytes more are held`);
    } catch (error) {
      failures.push(`${parser.name}, seed ${seed}, input ${number}: ${describe(error)}`);
    }
  }
  return accepted;
}

function heldBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Feeds a parser with an input; returns whether it was taken, and throws if a promise was broken. */
async function feed(
  { corpus, byteLength, repair, refusals, parse }: Parser,
  seed: number,
  number: number,
): Promise<boolean> {
  const random = new Random(Math.imul(number + 1, 0x9e3779b1) ^ seed);
  const bytes = resized(mutate(random.pick(corpus), random, random.pick(corpus)), byteLength);
  if (number % unrepairedEvery !== 0) repair?.(bytes);
  try {
    const taken = parse(bytes, random);
    return typeof taken === "boolean" ? taken : await taken;
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return false;
    throw error;
  }
}

/** Bytes of a length, cut or with zeros behind them. */
function resized(bytes: Bytes, length: number = bytes.length): Bytes {
  if (bytes.length === length) return bytes;
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.stack}` : `${error}`;
}
