/** What a harness did, as a ledger takes it, and how long it may go on. */

import { type Counts as Wanted, isEnough, sumOf } from "../ledger/part.ts";

/** Something that does not hold. */
export interface Failure {
  /** The seed, or where in which script it happened. */
  readonly trace: string;
  /** What repeats it. */
  readonly command: string;
  /** What was found. */
  readonly message: string;
  /** As few steps as still fail, if it was made simpler. */
  readonly script?: readonly string[];
}

/** What a harness did. It can be written as JSON. */
export interface Counts {
  /** `engineOperations` and `calls` together. */
  operations: number;
  /** Operations that simulated engines were asked for; every transfer of a batch is one. */
  engineOperations: number;
  /** Calls of the public API: openings, closings, appends, syncs, freezes, timelines made, reads. */
  calls: number;
  /** Moments before and after an operation at which a crash was tried. */
  boundaries: number;
  /** States that crashes left; many are the same as others. */
  crashStates: number;
  /** Stores that were opened after a crash or a failure and checked, no two from the same state of a disk. */
  recoveries: number;
  /** Sequences of operations. */
  sequences: number;
  /** Runs of a script in which one operation fails, once or from then on. */
  failNth: number;
  /** Damages to a disk at rest, after which a store was opened. */
  damages: number;
  /** Random programs. */
  seeds: number;
  /** Processes of random programs that died, or whose machine did. */
  deaths: number;
  /** Random programs that were run twice and did the same both times. */
  replayedHashes: number;
  /** What did not hold. */
  failures: Failure[];
}

/** Nothing done. */
export function noCounts(): Counts {
  return {
    operations: 0,
    engineOperations: 0,
    calls: 0,
    boundaries: 0,
    crashStates: 0,
    recoveries: 0,
    sequences: 0,
    failNth: 0,
    damages: 0,
    seeds: 0,
    deaths: 0,
    replayedHashes: 0,
    failures: [],
  };
}

/** The sum of what harnesses did. */
export function sumCounts(all: readonly Counts[]): Counts {
  const numbers = all.map(({ failures: _, ...numbers }) => numbers);
  return { ...noCounts(), ...sumOf(numbers), failures: all.flatMap(({ failures }) => failures) };
}

/** How long a harness may go on. What is left out is no limit. */
export interface Budget {
  /** Seconds, after which nothing new is begun. */
  readonly seconds?: number | undefined;
  /** How many scripts, sequences, runs or seeds, whatever the harness counts. */
  readonly runs?: number | undefined;
  /** Counts that are enough: a harness that would go on without end ends when it has reached all of them. */
  readonly enough?: Wanted | undefined;
}

/** Whether a harness has done enough. */
export function hasEnough({ failures: _, ...counts }: Counts, { enough }: Budget): boolean {
  return isEnough({ ...counts }, enough);
}

/** Which share of the work a process does: every `count`th piece, from `index` on. */
export interface Share {
  /** Which of them, from 0. */
  readonly index: number;
  /** How many processes there are. */
  readonly count: number;
}

/** The pieces of work that a process does while its budget lasts. */
export function* within<T>(
  pieces: Iterable<T>,
  { seconds = Infinity, runs = Infinity }: Budget,
  { index, count }: Share = { index: 0, count: 1 },
): Generator<T> {
  const end = performance.now() + seconds * 1000;
  let at = 0, done = 0;
  for (const piece of pieces) {
    if (at++ % count !== index) continue;
    if (done++ >= runs || performance.now() >= end) return;
    yield piece;
  }
}

/** Pieces of work with their numbers, by which one of them is done again. */
export function numbered<T>(pieces: Iterable<T>): Iterable<[nth: number, piece: T]> {
  return Iterator.from(pieces).map((piece, nth) => [nth, piece]);
}

/** The share of one piece of work alone. */
export function onlyPiece(nth: number): Share {
  return { index: nth, count: Infinity };
}

/** The command that does a piece of the work of a harness again. */
export function commandOf(harness: string, options: Readonly<Record<string, number>>): string {
  return [
    "deno task soak:sim",
    harness,
    ...Object.entries(options).map(([name, value]) => `--${name} ${value}`),
  ]
    .join(" ");
}

/** Counts that were written as JSON. */
export function readCounts(json: string): Counts {
  return { ...noCounts(), ...JSON.parse(json) };
}

/** What was found, in words. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
