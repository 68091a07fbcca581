/**
 * Damages a small store in every way, one at a time, and counts what came of it.
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
import { type Disk, type Golden, makeGolden } from "./golden.ts";
import { examine, type Look, type Verdict } from "./verdict.ts";

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
}

/** What was done, and what came of it. */
export interface CorruptCounts extends Record<DamageKind | Verdict, number> {
  /** Broken promises, in words that say how to see them again. */
  readonly failures: string[];
  readonly seed: number;
  readonly milliseconds: number;
}

/** Longer than any damage may take. */
const mostMilliseconds = 10_000;
/** One in so many damaged stores is read as of every LSN, with every history, and opened twice. */
const thoroughEvery = 256;
/**
 * A store of which only sealed files are damaged, which opening does not touch, is opened as a reader, which is
 * cheaper; any other one is opened to be written, since a reader looks thrice. One in so many, it is the other way.
 */
const otherwiseEvery = 8;
/** After so many broken promises nobody reads on. */
const mostFailures = 20;

/** Damages stores within a budget. */
export async function corrupt(
  budget: CorruptBudget,
  { seed, part = [0, 1] }: CorruptOptions,
): Promise<CorruptCounts> {
  const start = performance.now(), failures: string[] = [];
  const zeros = [...damageKinds, "harmless", "detected", "lost"].map((name) => [name, 0]);
  const counts: CorruptCounts = { ...Object.fromEntries(zeros), failures, seed };
  const { killed, closed } = await makeGolden(seed), others = await makeGolden(seed + 1);
  for (const [golden, other] of [[killed, others.killed], [closed, others.closed]]) {
    for (const space of spacesOf(golden, other, budget.isExhaustive, seed)) {
      await exhaust(golden, space, budget.mostOfKind[space.kind] / 2, part, counts);
    }
  }
  return { ...counts, milliseconds: Math.round(performance.now() - start) };
}

function spacesOf(golden: Golden, other: Golden, every: boolean, seed: number): DamageSpace[] {
  return [
    flips(golden, every, seed),
    truncations(golden, every),
    deletions(golden),
    swaps(golden),
    zeroed(golden),
    stale(golden),
    exchanged(golden, other),
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
  golden: Golden,
  space: DamageSpace,
  most: number,
  [part, parts]: readonly [number, number],
  counts: CorruptCounts,
): Promise<void> {
  const count = Math.min(space.size, Math.ceil(most));
  for (let i = part; i < count && counts.failures.length < mostFailures; i += parts) {
    const damage = space.at(chooseMember(space.size, count, i, counts.seed));
    if (isNone(golden, damage)) continue;
    const name = `${golden.name}, seed ${counts.seed}: ${damage.words}`;
    try {
      counts[await deadline(tryDamage(golden, damage, i), mostMilliseconds)]++;
    } catch (error) {
      counts.failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    counts[space.kind]++;
  }
}

/** Damages a store and looks at it; what a reader does not change is put back. */
async function tryDamage(golden: Golden, damage: Damage, turn: number): Promise<Verdict> {
  const look: Look = {
    readOnly: isSealedOnly(golden, damage) === (turn % otherwiseEvery !== 0),
    isThorough: turn % thoroughEvery === 0,
    turn,
  };
  const disk = look.readOnly ? golden.disk : golden.disk.clone();
  const before = [...damage.files.keys()].map((path) => [path, contentsOf(disk, path)] as const);
  putAll(disk, damage.files);
  try {
    return await examine(golden, disk, damage, look);
  } finally {
    if (look.readOnly) putAll(disk, before);
  }
}

/** Whether nothing would be another than it is. */
function isNone({ disk }: Golden, { files }: Damage): boolean {
  return [...files].every(([path, bytes]) => {
    const before = contentsOf(disk, path);
    return before !== undefined && bytes !== undefined && equals(before, bytes);
  });
}

function isSealedOnly({ sealed }: Golden, { files }: Damage): boolean {
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
