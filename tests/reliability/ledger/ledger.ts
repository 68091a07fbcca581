/** What all parts of a run did, in print and as JSON. */

import { type Counts, type Failure, isEnough, type Part, type PartResult } from "./part.ts";

/** What a part did, and how long it took. */
export interface Entry extends PartResult {
  /** The part. */
  readonly name: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/** A run of the trials. */
export interface Ledger {
  /** When it began, as an ISO date. */
  readonly date: string;
  /** The command that makes another. */
  readonly command: string;
  /** The seed. */
  readonly seed: number;
  /** How long all of it took, in seconds. */
  readonly seconds: number;
  /** What each part did. */
  readonly parts: readonly Entry[];
}

/** What did not hold in a run, and what parts did too little of, in words. */
export function complaints(ledger: Ledger, parts: readonly Part[], mustReach: boolean): string[] {
  return ledger.parts.flatMap((entry) => {
    const { name, failures } = entry, part = parts.find((one) => one.name === name);
    const missed = mustReach && part !== undefined ? missedBy(entry, part) : [];
    return [...failures.map((failure) => `${name}: ${inWords(failure)}`), ...missed];
  });
}

/** What a part did too little of, and whether it was for want of time. What a machine cannot try has no goals. */
function missedBy({ name, seconds, counts, skipped }: Entry, part: Part): string[] {
  if (skipped.length > 0 || isEnough(counts, part.goals)) return [];
  const why = seconds < part.seconds ? "did too little" : `did too little in ${part.seconds} s`;
  return [`${name}: ${why}: ${shortfall(counts, part.goals)}`];
}

function inWords({ message, command }: Failure): string {
  return `${message}\n    again: ${command}`;
}

function shortfall(counts: Counts, goals: Counts): string {
  return Object.entries(goals).filter(([name, least]) => (counts[name] ?? 0) < least)
    .map(([name, least]) => `${number(counts[name] ?? 0)} of ${number(least)} ${words(name)}`).join(", ");
}

/** The table of a run, as lines of Markdown. */
export function tableOf(ledger: Ledger): string[] {
  const rows = ledger.parts.map(({ name, seconds, counts, skipped, failures }) => [
    name,
    Object.entries(counts).filter(([, count]) => count > 0).map(([what, count]) =>
      `${number(count)} ${words(what)}`
    )
      .concat(skipped.map((what) => `_left out: ${what}_`)).join(", "),
    `${number(failures.length)}`,
    `${Math.round(seconds)} s`,
  ]);
  return [["part", "what was done", "failed", "time"], ["---", "---", "---:", "---:"], ...rows]
    .map((row) => `| ${row.join(" | ")} |`);
}

function number(count: number): string {
  return count.toLocaleString("en-US");
}

/** The name of a count as words: `fullDisks` is "full disks". */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
