/**
 * What damaged files say when they are opened and read: the truth, a typed error, or, after a kill, the truth up to where
 * nothing that is whole is witness of more. Anything else breaks a promise.
 */

import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../../mod.ts";
import type { Damage } from "./damages.ts";
import type { Disk } from "./golden.ts";

/** What came of damage: `lost` is an acknowledged end that nothing else was witness of. */
export type Verdict = "harmless" | "detected" | "lost";

/** How damaged files are looked at. */
export interface Look {
  /** Whether they are opened as a reader. */
  readonly readOnly: boolean;
  /** Whether everything is read and they are opened again. */
  readonly isThorough: boolean;
  /** A number that decides which of several reads are made. */
  readonly turn: number;
}

/** What an opening came to. */
export interface Found {
  readonly verdict: Verdict;
  /** Why it was not opened. */
  readonly refusal?: string;
  /** Up to where its histories go. */
  readonly ends?: readonly number[];
}

/** Files on a disk, and what they held before. */
export interface Whole {
  readonly disk: Disk;
  /** Older contents of files, each from before something was appended, for blocks that are stale. */
  readonly older: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** What is damaged, and what judges what it says then. */
export interface Subject extends Whole {
  readonly name: string;
  /** Files that opening does not touch. */
  readonly sealed: ReadonlySet<string>;
  /** Opens what is damaged and reads it; throws if a promise is broken. */
  readonly lookOnce: (disk: Disk, damage: Damage, look: Look) => Promise<Found>;
}

/** Opens what is damaged, reads it, and judges what it says. */
export async function examine(
  { lookOnce }: Subject,
  disk: Disk,
  damage: Damage,
  look: Look,
): Promise<Verdict> {
  const before = historyOf(disk), first = await lookOnce(disk, damage, look);
  if (first.refusal !== undefined || look.readOnly) {
    assertEquals(historyOf(disk), before, "no file of history goes");
  }
  if (!look.isThorough) return first.verdict;
  const again = await lookOnce(disk, damage, look);
  if (first.refusal !== undefined || look.readOnly) {
    assertEquals(again.refusal, first.refusal, "it is refused again");
  }
  assertEquals(
    [again.ends, again.verdict === "lost"],
    [first.ends, first.verdict === "lost"],
    "it ends there",
  );
  return first.verdict;
}

function historyOf(disk: Disk): string[] {
  return disk.paths().filter((path) => /\.(seg|delta)$/.test(path));
}

/** What an error says, which must be one that says which file is damaged, or that there is nothing under a path. */
export function refusalOf(error: unknown, path: string): string {
  if (!(error instanceof VarveError)) throw unlike("an error with a type of ours", error);
  assert(error.message.includes(path), error.message);
  return error.message;
}

/** An error that says that another one is not what it should be. */
export function unlike(expected: string, error: unknown): Error {
  return new Error(`expected ${expected}, found ${describe(error)}`);
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.stack}` : `${error}`;
}
