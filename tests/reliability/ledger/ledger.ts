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

/** What of its goals a part reaches on the slowest machine: one that does less in its time does not work. */
const leastShare = 0.1;

/** What did not hold in a run, and what parts did too little of, in words. */
export function complaints(ledger: Ledger, parts: readonly Part[], mustReach: boolean): string[] {
  return ledger.parts.flatMap((entry) => {
    const { name, counts, failures, skipped } = entry;
    const least = leastOf(entry, parts.find((part) => part.name === name));
    const isShort = mustReach && skipped.length === 0 && !isEnough(counts, least);
    const missed = isShort ? [`${name}: did too little: ${shortfall(counts, least)}`] : [];
    return [...failures.map((failure) => `${name}: ${inWords(failure)}`), ...missed];
  });
}

/** What a part has to have done: its goals, or a share of them where its time was up before. */
function leastOf({ seconds }: Entry, part: Part | undefined): Counts {
  if (part === undefined || seconds < part.seconds) return part?.goals ?? {};
  return Object.fromEntries(
    Object.entries(part.goals).map(([name, goal]) => [name, Math.ceil(goal * leastShare)]),
  );
}

/** The parts whose time was up before their goals were reached, as on a machine that is slow or busy, in words. */
export function cutShort(ledger: Ledger, parts: readonly Part[]): string[] {
  return ledger.parts.flatMap(({ name, seconds, counts, skipped }) => {
    const part = parts.find((one) => one.name === name);
    if (part === undefined || skipped.length > 0 || seconds < part.seconds) return [];
    if (isEnough(counts, part.goals)) return [];
    return [`${name}: its time was up after ${shortfall(counts, part.goals)}`];
  });
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
