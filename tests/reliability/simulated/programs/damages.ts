/** Damages a copy of a disk at rest, and says whether a store on it tells the truth. */

import { VarveError } from "../../../../mod.ts";
import {
  chance,
  type Choices,
  cut,
  flip,
  misdirect,
  pick,
  SeededChoices,
  type SimDisk,
  stale,
  swap,
  zero,
} from "../../../../src/sim/mod.ts";
import type { Counts } from "../counts.ts";
import { checkEnds, type Known, withoutFloor } from "../known.ts";
import { Machine } from "../machine.ts";
import { checkAnswers, endsOf } from "../oracle.ts";
import { questions } from "../questions.ts";
import type { DamagePlan } from "./damage_plan.ts";

const block = 4096;
/** Damage after which what is left proves what is gone. */
const areWhole: ReadonlySet<DamagePlan["kind"]> = new Set(["lose a file", "put older manifests back"]);
/** Damage to one block. */
const areSmall: ReadonlySet<DamagePlan["kind"]> = new Set(["flip a bit", "put an older block back"]);

/** What is known of a store at rest, and what else may stand in its place. */
export interface AtRest {
  /** What was known of it. */
  readonly known: Known;
  /** Whether it was closed, so that nothing in it may be taken for a torn end. */
  readonly isClean: boolean;
  /** Disks of earlier moments. */
  readonly earlier: readonly SimDisk[];
  /** A disk with another store. */
  readonly other: SimDisk;
}

/** Damages a copy of a disk, and checks what a store on it says. */
export async function checkDamaged(
  disk: SimDisk,
  { kind, seed }: DamagePlan,
  rest: AtRest,
  counts: Counts,
): Promise<void> {
  const copy = disk.clone();
  const choices = new SeededChoices(seed);
  if (!damage(copy, kind, choices, rest)) return;
  counts.damages++;
  const known = rest.isClean || areWhole.has(kind)
    ? withProof(rest.known)
    : areSmall.has(kind)
    ? provenOf(rest.known)
    : withoutFloor(rest.known);
  try {
    await openAndRead(copy, known, counts, choices.choose(questions.length));
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

/** What is known for all that happens to one block of a store that was not closed: its end may look torn. */
function provenOf(known: Known): Known {
  return new Map(Array.from(known, ([name, timeline]) => {
    return [name, { ...timeline, floor: timeline.proven, isMade: false, horizon: 0 }];
  }));
}

/**
 * A timeline without history of its own leaves nothing that proves that it was made, nor does a horizon that it was moved.
 */
function withProof(known: Known): Known {
  return new Map(Array.from(known, ([name, timeline]) => {
    const isMade = timeline.isMade && timeline.floor > (timeline.origin?.lsn ?? 0);
    return [name, { ...timeline, isMade, horizon: 0 }];
  }));
}

async function openAndRead(disk: SimDisk, known: Known, counts: Counts, turn: number): Promise<void> {
  const machine = Machine.prompt(disk, counts);
  const store = await machine.open();
  try {
    checkEnds(endsOf(store, known), known);
    await checkAnswers(machine, store, known, { questions: 3, turn, again: false, goesOn: false });
  } finally {
    // A store may find out when it closes that what it seals is damaged.
    await machine.close(store).catch((error) => {
      if (!(error instanceof VarveError)) throw error;
    });
  }
}

/** Does damage; returns whether there was something to damage. */
function damage(disk: SimDisk, kind: DamagePlan["kind"], choices: Choices, rest: AtRest): boolean {
  const paths = disk.paths().filter((path) => path.startsWith("/store/") && disk.contents(path).length > 0);
  if (paths.length === 0) return false;
  const path = pick(choices, paths);
  const { length } = disk.contents(path);
  // Room that was reserved and never written is hit often enough where nothing was.
  const used = Math.max(1, usedOf(disk.contents(path)));
  const blocks = Math.ceil(used / block);
  const at = choices.choose(blocks) * block, to = choices.choose(blocks) * block;
  switch (kind) {
    case "flip a bit":
      flip(disk, path, choices.choose(used), choices.choose(8));
      return true;
    case "zero a range":
      zero(disk, path, at, chance(choices, 1, 2) ? Math.min(length, at + block) : length);
      return true;
    case "exchange blocks":
      if (at !== to && Math.max(at, to) + block <= length) swap(disk, path, at, to, block);
      return true;
    case "misdirect a write":
      if (Math.max(at, to) + block <= length) misdirect(disk, path, at, to, block);
      return true;
    case "put an older block back":
      stale(disk, path, at);
      return true;
    case "cut a file":
      cut(disk, path, choices.choose(length));
      return true;
    case "lose a file":
      lose(disk, path);
      return true;
    case "put older manifests back":
      return rest.earlier.length > 0 && putOlderManifests(disk, pick(choices, rest.earlier));
    case "put an older file back":
      return rest.earlier.length > 0 && putOlder(disk, path, pick(choices, rest.earlier));
    case "put another store's file":
      disk.put(path, rest.other.contents(pick(choices, rest.other.paths())));
      return true;
  }
}

/** Where the zeros at the end of a file begin. */
function usedOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** Takes a file away, durably. */
function lose(disk: SimDisk, path: string): void {
  disk.apply({ kind: "remove", path });
  const directory = path.slice(0, path.lastIndexOf("/"));
  disk.directory(directory, "sync directory").settle(Infinity);
}

function manifestsOf(disk: SimDisk): string[] {
  return disk.paths().filter((path) => path.startsWith("/store/manifest-"));
}

function putOlderManifests(disk: SimDisk, earlier: SimDisk): boolean {
  const older = manifestsOf(earlier);
  if (older.length === 0) return false;
  for (const path of manifestsOf(disk)) lose(disk, path);
  for (const path of older) disk.put(path, earlier.contents(path));
  return true;
}

function putOlder(disk: SimDisk, path: string, earlier: SimDisk): boolean {
  if (!earlier.paths().includes(path)) return false;
  disk.put(path, earlier.contents(path));
  return true;
}
