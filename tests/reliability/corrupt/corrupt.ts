/**
 * Damages a small store, or a log, in every way, one at a time, and counts what came of it.
 */

import { equals } from "@std/bytes";
import { lose } from "../../../src/sim/mod.ts";
import { Random } from "../../random.ts";
import { deadline } from "../../deadline.ts";
import {
  type Damage,
  type DamageKind,
  damageKinds,
  type DamageSpace,
  deletions,
  exchanged,
  flips,
  stale,
  swaps,
  truncations,
  zeroed,
} from "./damages.ts";
import { type Disk, makeGolden } from "./golden.ts";
import { storeSubject } from "./store_verdict.ts";
import { examine, type Look, type Subject, type Verdict, type Whole } from "./verdict.ts";

/** How much is done. */
export interface CorruptBudget {
  /** How many damages of each kind there are at the most; `Infinity` is all that there are. */
  readonly mostOfKind: Readonly<Record<DamageKind, number>>;
  /** Whether every bit is flipped and every length is cut to, and not one bit of each byte and some lengths. */
  readonly isExhaustive: boolean;
}

/** How it is done. */
export interface CorruptOptions {
  /** What everything comes of that is chosen. */
  readonly seed: number;
  /** How many parts the work has, and which one is done, so that several processes can share it. @default {[0, 1]} */
  readonly part?: readonly [number, number];
  /** Makes what is damaged. @default {stores} */
  readonly subjects?: MakeSubjects | undefined;
}

/** Makes what is damaged from a seed: subjects, and of each another of the same kind, whose files may come into it. */
export type MakeSubjects = (seed: number) => Promise<readonly (readonly [Subject, Whole])[]>;

/** What was done, and what came of it. */
export interface CorruptCounts extends Record<DamageKind | Verdict, number> {
  /** Broken promises, in words that say how to see them again. */
  readonly failures: string[];
  readonly seed: number;
  readonly milliseconds: number;
}

/** Longer than any damage may take. */
const mostMilliseconds = 10_000;
/** One in so many damaged stores is read as of every LSN, with every history, or a log from every offset, and opened twice. */
const thoroughEvery = 256;
/**
 * What has only sealed files that are damaged, which opening does not touch, is opened as a reader, which is
 * cheaper; anything else is opened to be written, since a reader looks thrice. One in so many, it is the other way.
 */
const otherwiseEvery = 8;
/** After so many broken promises nobody reads on. */
const mostFailures = 20;

/** Two small stores: one whose process was killed, and one that was closed. */
const stores: MakeSubjects = async (seed) => {
  const { killed, closed } = await makeGolden(seed), others = await makeGolden(seed + 1);
  return [[storeSubject(killed), others.killed], [storeSubject(closed), others.closed]];
};

/** Damages stores, or what is said, within a budget. */
export async function corrupt(
  budget: CorruptBudget,
  { seed, part = [0, 1], subjects = stores }: CorruptOptions,
): Promise<CorruptCounts> {
  const start = performance.now(), failures: string[] = [];
  const zeros = [...damageKinds, "harmless", "detected", "lost"].map((name) => [name, 0]);
  const counts: CorruptCounts = { ...Object.fromEntries(zeros), failures, seed };
  const made = await subjects(seed);
  for (const [subject, other] of made) {
    for (const space of spacesOf(subject, other, budget.isExhaustive, seed)) {
      await exhaust(subject, space, budget.mostOfKind[space.kind] / made.length, part, counts);
    }
  }
  return { ...counts, milliseconds: Math.round(performance.now() - start) };
}

function spacesOf(whole: Whole, other: Whole, every: boolean, seed: number): DamageSpace[] {
  return [
    flips(whole, every, seed),
    truncations(whole, every),
    deletions(whole),
    swaps(whole),
    zeroed(whole),
    stale(whole),
    exchanged(whole, other),
  ];
}

/**
 * Chooses one of so many members of a space, spread over it: each by the seed from a stretch of its own. Where all are
 * chosen, a stretch is one member.
 */
export function chooseMember(size: number, count: number, nth: number, seed: number): number {
  const from = Math.floor(nth * size / count), to = Math.floor((nth + 1) * size / count);
  return from + new Random(Math.imul(nth + 1, 0x9e3779b1) ^ seed).below(to - from);
}

/** Does so many damages of a space, spread over it, or all. */
async function exhaust(
  subject: Subject,
  space: DamageSpace,
  most: number,
  [part, parts]: readonly [number, number],
  counts: CorruptCounts,
): Promise<void> {
  const count = Math.min(space.size, Math.ceil(most));
  for (let i = part; i < count && counts.failures.length < mostFailures; i += parts) {
    const damage = space.at(chooseMember(space.size, count, i, counts.seed));
    if (isNone(subject, damage)) continue;
    const name = `${subject.name}, seed ${counts.seed}: ${damage.words}`;
    try {
      counts[await deadline(tryDamage(subject, damage, i), mostMilliseconds)]++;
    } catch (error) {
      counts.failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    counts[space.kind]++;
  }
}

/** Does a damage and looks at what comes of it; what a reader does not change is put back. */
async function tryDamage(subject: Subject, damage: Damage, turn: number): Promise<Verdict> {
  const look: Look = {
    readOnly: isSealedOnly(subject, damage) === (turn % otherwiseEvery !== 0),
    isThorough: turn % thoroughEvery === 0,
    turn,
  };
  const disk = look.readOnly ? subject.disk : subject.disk.clone();
  const before = [...damage.files.keys()].map((path) => [path, contentsOf(disk, path)] as const);
  putAll(disk, damage.files);
  try {
    return await examine(subject, disk, damage, look);
  } finally {
    if (look.readOnly) putAll(disk, before);
  }
}

/** Whether nothing would be another than it is. */
function isNone({ disk }: Whole, { files }: Damage): boolean {
  return [...files].every(([path, bytes]) => {
    const before = contentsOf(disk, path);
    return before !== undefined && bytes !== undefined && equals(before, bytes);
  });
}

function isSealedOnly({ sealed }: Subject, { files }: Damage): boolean {
  return [...files.keys()].every((path) => sealed.has(path));
}

function contentsOf(disk: Disk, path: string): Uint8Array | undefined {
  return disk.paths().includes(path) ? disk.contents(path) : undefined;
}

function putAll(disk: Disk, files: Iterable<readonly [string, Uint8Array | undefined]>): void {
  for (const [path, bytes] of files) {
    if (bytes !== undefined) disk.put(path, bytes);
    else if (contentsOf(disk, path) !== undefined) lose(disk, path);
  }
}
