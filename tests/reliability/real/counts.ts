/** What the trials on real files have counted, in a form that can be summed and written down as JSON. */

import { sumOf } from "../ledger/part.ts";

/** A trial that failed, and how it is run again. */
export interface Failure {
  /** The part that it belongs to. */
  readonly part: string;
  /** What it was chosen by. */
  readonly seed: number;
  /** The command that runs it again. */
  readonly command: string;
  /** What did not hold. */
  readonly message: string;
}

/** How much was tried. */
export interface Tallies {
  /** Processes that were killed while they appended, opened or closed. */
  kills: number;
  /** Those of them that were killed while they opened a store. */
  openingKills: number;
  /** Stores that were opened and compared with what had been written to them. */
  recoveries: number;
  /** Runs in which a system call failed on purpose. */
  syscallFaults: number;
  /** Runs that were killed at a system call. */
  syscallKills: number;
  /** Runs that did not come to the call which was to fail. */
  syscallMisses: number;
  /** Runs in which an entry of a ring failed on purpose, or came back short. */
  ringFaults: number;
  /** Runs that were killed at an entry of a ring. */
  ringKills: number;
  /** Runs that did not come to the entry which was to fail. */
  ringMisses: number;
  /** Runs on a file system that became full. */
  tmpfsRuns: number;
  /** How often such a file system refused an append. */
  fullDisks: number;
  /** Races of two processes for one store. */
  races: number;
  /** Readers of which every system call was looked at. */
  tracedReaders: number;
}

/** How much was tried, what this machine cannot try, and what failed. */
export interface Counts extends Tallies {
  /** What was left out, and why. */
  readonly skipped: string[];
  /** What failed. */
  readonly failures: Failure[];
}

/** Counts of nothing. */
export function noCounts(): Counts {
  return {
    kills: 0,
    openingKills: 0,
    recoveries: 0,
    syscallFaults: 0,
    syscallKills: 0,
    syscallMisses: 0,
    ringFaults: 0,
    ringKills: 0,
    ringMisses: 0,
    tmpfsRuns: 0,
    fullDisks: 0,
    races: 0,
    tracedReaders: 0,
    skipped: [],
    failures: [],
  };
}

/** The sum of counts. */
export function sumCounts(all: readonly Counts[]): Counts {
  const tallies = all.map(({ skipped: _, failures: __, ...tallies }) => tallies);
  return {
    ...noCounts(),
    ...sumOf(tallies),
    skipped: all.flatMap(({ skipped }) => skipped),
    failures: all.flatMap(({ failures }) => failures),
  };
}
