/**
 * Every state that a loss of power may leave, or where there are too many, those that tell most.
 *
 * ```
 *   few enough   every subset of changes, every write torn at 512 bytes, or else at 4 KiB, its length there or not,
 *                or its length with what stood on the disk before
 *   too many     every subset of whole changes, if those are few enough, and
 *                none · all · each prefix · all but one · one alone · one torn or stale behind a prefix
 *                · one torn among all · some by choice
 * ```
 *
 * @module
 */

import { type Choices, SeededChoices } from "../choices.ts";
import { everyChoice } from "../odometer.ts";
import { chooseFates, type Fates, rootAfter, volatileOf } from "./crash.ts";
import { blockOf, type Fate, sectorsOf, type Torn, type Volatile } from "./fate.ts";
import type { SimDirectory } from "./sim_directory.ts";
import type { Written } from "./sim_inode.ts";
import { stateHash } from "./state_hash.ts";

/** How many states, and which. */
export interface CrashOptions {
  /** The most states. If there are more, some are left out. The default is 1,024. */
  limit?: number | undefined;
  /** What decides which are tried where some are left out. */
  choices?: Choices | undefined;
}

/** How a sector is told from its neighbours; the largest piece is a whole write. */
type PieceOf = (sector: number) => number;

const pieces: readonly PieceOf[] = [(sector) => sector, blockOf];
const whole: PieceOf = () => 0;

/** What may stand on a disk after a loss of power, each state once. */
export function* crashStatesOf(
  root: SimDirectory,
  options: CrashOptions,
): Generator<SimDirectory, void, void> {
  const { limit = 1024, choices = new SeededChoices(1) } = options;
  const changes = volatileOf(root), seen = new Set<number>();
  const fitting = pieces.find((pieceOf) => countOf(changes, pieceOf) <= limit);
  const tries = fitting === undefined ? limit : 0;
  let inVain = 0;
  const newState = (fates: Fates) => {
    const state = rootAfter(root, fates);
    const hash = stateHash(state), { size } = seen;
    inVain = seen.add(hash).size === size ? inVain + 1 : 0;
    return inVain === 0 ? state : undefined;
  };
  for (const fates of fitting ? everyFates(changes, fitting) : someFates(changes, limit, choices)) {
    const state = newState(fates);
    if (state !== undefined) yield state;
    if (seen.size === limit) return;
  }
  inVain = 0;
  for (let i = 0; i < tries && inVain < mostInVain && seen.size < limit; i++) {
    const state = newState(chooseFates(changes, choices));
    if (state !== undefined) yield state;
  }
}

/** Of so many tries by choice one finds another state, or there are hardly any. */
const mostInVain = 64;

/** Some fates where there are too many: those that tell most. */
function* someFates(changes: readonly Volatile[], limit: number, choices: Choices): Generator<Fates> {
  const isFew = countOf(changes, whole) <= limit / 4;
  if (isFew) yield* everyFates(changes, whole);
  yield* thinned(tellingFates(changes), changes.length * tellingPerChange, limit / 2, choices);
}

/** At least how many states there are when each change has every fate that pieces of this size allow. */
function countOf(changes: readonly Volatile[], pieceOf: PieceOf): number {
  return changes.reduce((count, change) => count * 2 ** wheelsOf(change, pieceOf), 1);
}

/** How many yes and no a change takes: one for each piece, and one for the length that a write may have brought. */
function wheelsOf(change: Volatile, pieceOf: PieceOf): number {
  if (change.kind !== "written") return 1;
  const [from, to] = sectorsOf(change);
  return pieceOf(to - 1) - pieceOf(from) + (change.mayExtend ? 2 : 1);
}

function* everyFates(changes: readonly Volatile[], pieceOf: PieceOf): Generator<Fates> {
  for (const choices of everyChoice()) {
    yield new Map(changes.map((change) => [change, everyFate(change, pieceOf, choices)]));
  }
}

function everyFate(change: Volatile, pieceOf: PieceOf, choices: Choices): Fate {
  if (change.kind !== "written") return choices.choose(2) === 0 ? "kept" : "lost";
  if (change.mayExtend && choices.choose(2) === 1) return "stale";
  const [from, to] = sectorsOf(change);
  const lost = new Set<number>();
  for (let piece = pieceOf(from); piece <= pieceOf(to - 1); piece++) {
    if (choices.choose(2) === 1) lost.add(piece);
  }
  return { sized: change.mayExtend && choices.choose(2) === 0, has: (sector) => !lost.has(pieceOf(sector)) };
}

/** None, all, each prefix, all but one, one alone, one torn or stale behind a prefix, one torn among all. */
function* tellingFates(changes: readonly Volatile[]): Generator<Fates> {
  const fates = (fateOf: (i: number) => Fate): Fates =>
    new Map(changes.map((change, i) => [change, fateOf(i)]));
  yield fates(() => "kept");
  for (let at = 0; at < changes.length; at++) {
    yield fates((i) => i < at ? "kept" : "lost");
    yield fates((i) => i === at ? "lost" : "kept");
    yield fates((i) => i === at ? "kept" : "lost");
    const change = changes[at];
    if (change.kind !== "written") continue;
    if (change.mayExtend) yield fates((i) => i === at ? "stale" : i < at ? "kept" : "lost");
    for (const torn of tornWays(change)) {
      yield fates((i) => i === at ? torn : i < at ? "kept" : "lost");
      yield fates((i) => i === at ? torn : "kept");
    }
  }
}

/** How many telling fates a change has at the most. */
const tellingPerChange = 3 + 1 + 2 * 6;

/** The ways to tear a write that tell most. */
function tornWays(written: Written): Torn[] {
  const [from, to] = sectorsOf(written), middle = Math.floor((from + to) / 2);
  const torn = (has: (sector: number) => boolean, sized = false): Torn => ({ has, sized });
  return [
    torn(() => false, true),
    torn((sector) => sector < middle, true),
    torn((sector) => sector >= middle),
    torn((sector) => sector > from),
    torn((sector) => sector < to - 1),
    torn((sector) => sector === from),
  ];
}

/** About `most` of the items, evenly. */
function* thinned<T>(items: Iterable<T>, count: number, most: number, choices: Choices): Generator<T> {
  const step = Math.ceil(count / most);
  let skip = step > 1 ? choices.choose(step) : 0;
  for (const item of items) {
    if (skip-- > 0) continue;
    skip = step - 1;
    yield item;
  }
}
