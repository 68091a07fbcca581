/** Every crash at every moment of scripts, and of the openings after them, and of those after these. */

import { type Choices, SeededChoices, SimDisk } from "../../../src/sim/mod.ts";
import {
  type Budget,
  commandOf,
  type Counts,
  hasEnough,
  noCounts,
  numbered,
  type Share,
  within,
  wordsOf,
} from "./counts.ts";
import { type Known, knownAfter } from "./known.ts";
import type { MakeEngine } from "./machine.ts";
import { type Moment, momentsOf } from "./moments.ts";
import { ofStores, type Rates, Recoveries, sometimes, type StoreRecoveries } from "./recoveries.ts";
import { committing, little, merging, oneTimeline, type Script, twoTimelines, upkeeping } from "./scripts.ts";

/** How much is tried at each moment. */
export interface CrashPointOptions {
  /** The most states that a loss of power leaves at one moment. The default is 1,024, 8 in an opening, 256 in a sequence. */
  readonly limit?: number | undefined;
  /** How many states of each moment of an opening are opened, and cut short in turn. */
  readonly nested?: number | undefined;
  /** How often more is checked. */
  readonly rates?: Rates | undefined;
  /** What makes the engine that is crashed. */
  readonly makeEngine?: MakeEngine | undefined;
  /** Which part of the work is done here. */
  readonly share?: Share | undefined;
  /** The seed of what is tried where not everything can be. */
  readonly seed?: number | undefined;
}

const scripts: Readonly<Record<string, Script>> = {
  oneTimeline,
  twoTimelines,
  merging,
  upkeeping,
  committing,
};

/** The most states of one moment, if nothing else is said. */
const mostStates = 1024;

/** How many orders in which everything completes are tried, if the budget lasts. */
const mostOrders = 1_000_000;

/**
 * Crashes scripts at every moment, by a kill and by a loss of power: first with everything completing in the order in
 * which it was asked for, then in others, which `seed` chooses. A run of the budget is one order of one script; what is
 * enough is looked at behind each.
 */
export async function crashScripts(budget: Budget, options: CrashPointOptions = {}): Promise<Counts> {
  const counts = noCounts();
  const recoveries = new Recoveries(counts, options.rates ?? sometimes, ofStores);
  const { seed = 1, limit = mostStates } = options;
  for (const [nth, [name, order]] of within(numbered(ordersOf(seed)), budget, options.share)) {
    const run = { makeEngine: options.makeEngine, order };
    const command = commandOf("crashes", { seed, limit, nth });
    await attempt(counts, `${name} in order ${order}`, command, async () => {
      const moments = await momentsOf(new SimDisk(), scripts[name], counts, run);
      for (const moment of within(moments, { seconds: budget.seconds })) {
        await crashAt(moment, recoveries, order === 0 ? options : { ...options, limit: manyOrdersLimit });
      }
    });
    if (hasEnough(counts, budget)) break;
  }
  return counts;
}

/** The most states of one moment where many orders are tried. */
const manyOrdersLimit = 48;

function* ordersOf(seed: number): Generator<[name: string, order: number]> {
  const names = Object.keys(scripts);
  for (const name of names) yield [name, 0];
  // Turned round each time, so that every process has its share of all.
  for (let i = 0; i < mostOrders; i++) {
    names.push(names.shift() as string);
    for (const name of names) yield [name, seed + i];
  }
}

/** Checks what crashes leave at a moment. */
export async function crashAt<K, E>(
  moment: Moment<K>,
  recoveries: Recoveries<K, E>,
  options: Pick<CrashPointOptions, "limit" | "seed">,
): Promise<void> {
  const { disk, known } = moment;
  const { limit = mostStates, seed = 1 } = options;
  for (const left of disk.crashStates({ limit, choices: new SeededChoices(seed) })) {
    await recoveries.check(left, known);
  }
  for (let i = 0; i < 4; i++) await recoveries.check(killedOf(moment, i, seed), known);
}

/** What a kill leaves: all that was under way, then some of it. */
function killedOf({ disk }: Pick<Moment, "disk">, i: number, seed: number): SimDisk {
  return i === 0 ? disk.killed() : disk.killed(new SeededChoices(seed * 31 + i));
}

/**
 * Crashes a script at every moment, and the opening after that at every moment, and the opening after that. What was
 * found once after a loss of power must be found by every later opening. A run of the budget is one moment of the script.
 */
export async function crashOpenings(budget: Budget, options: CrashPointOptions = {}): Promise<Counts> {
  const counts = noCounts();
  const moments = await momentsOf(new SimDisk(), little, counts, options);
  const openings = new Openings(counts, options);
  const { seed = 1, limit = mostStatesOfOpening } = options;
  for (const [nth, moment] of within(numbered(moments), budget, options.share)) {
    const trace = `little at ${nth}: ${moment.operation}`;
    await attempt(
      counts,
      trace,
      commandOf("openings", { seed, limit, nth }),
      () => openings.crashAfter(moment),
    );
  }
  return counts;
}

/** The most states of one moment of an opening, if nothing else is said. */
const mostStatesOfOpening = 8;

/** Openings that are cut short, and those after them. */
class Openings {
  readonly #counts: Counts;
  readonly #recoveries: StoreRecoveries;
  readonly #options: CrashPointOptions;
  readonly #seen = new Set<string>();

  constructor(counts: Counts, options: CrashPointOptions) {
    this.#counts = counts;
    this.#options = options;
    this.#recoveries = new Recoveries(counts, options.rates ?? sometimes, ofStores);
  }

  /** Crashes the openings after a moment: of some of what a loss of power leaves, and of what a kill does. */
  async crashAfter(moment: Moment): Promise<void> {
    const { nested = 2, seed = 1 } = this.#options;
    const choices = new SeededChoices(seed);
    for (let i = 0; i < nested; i++) await this.#crashAfterPowerCut(moment, choices, 2);
    // What is not durable yet may be lost in the opening, which is then bound by what was known before.
    await this.#crash(moment.disk.killed(), moment.known, 2);
  }

  async #crashAfterPowerCut({ disk, known }: Moment, choices: Choices, depth: number): Promise<void> {
    const left = disk.crash(choices);
    const ends = await this.#recoveries.check(left.clone(), known);
    // What a loss of power leaves is all durable, so that the same bytes lead to the same openings.
    const name = `${left.hash()} ${depth}`;
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    await this.#crash(left, knownAfter(known, ends), depth);
  }

  async #crash(disk: SimDisk, known: Known, depth: number): Promise<void> {
    const { limit = mostStatesOfOpening, seed = 1 } = this.#options;
    const moments = await momentsOf(disk, [(client) => client.open()], this.#counts, { known });
    for (const [i, moment] of moments.entries()) {
      const choices = new SeededChoices(seed + i);
      for (const left of moment.disk.crashStates({ limit, choices })) {
        await this.#recoveries.check(left, moment.known);
      }
      await this.#recoveries.check(moment.disk.killed(choices), moment.known);
      // Of the openings that were cut short some are, when they are done again.
      if (depth > 1 && i % 4 === depth % 4) await this.#crashAfterPowerCut(moment, choices, depth - 1);
    }
  }
}

/** Does a piece of work whose failure is written down. */
async function attempt(
  counts: Counts,
  trace: string,
  command: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    counts.failures.push({ trace, command, message: wordsOf(error) });
  }
}
