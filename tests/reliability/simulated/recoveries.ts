/** Checks what crashes leave, each state of a disk once: what was found in it is compared with what is known each time. */

import type { SimDisk } from "../../../src/sim/mod.ts";
import type { Counts } from "./counts.ts";
import { checkEnds, type Ends, type Known } from "./known.ts";
import { checkRecovery, type Depth } from "./oracle.ts";

/** Says whether what a crash left is what it may leave. */
export interface Oracle<K, E> {
  /** Opens, checks and closes what stands on a disk, which is changed by it; returns where it ends. */
  checkRecovery(left: SimDisk, known: K, counts: Counts, depth: Depth): Promise<E>;
  /** Throws if it may not end there. */
  checkEnds(ends: E, known: K): void;
}

/** What is said of stores. */
export const ofStores: Oracle<Known, Ends> = { checkRecovery, checkEnds };

/** How often more than the ends and the answers is checked; 1 is always. */
export interface Rates {
  /** One in so many recoveries is opened again. */
  readonly againOneIn: number;
  /** One in so many of these must go on. */
  readonly goesOnOneIn: number;
  /** How many things each timeline is asked besides what every key is now. */
  readonly questions: number;
}

/** Everything every time. */
export const always: Rates = { againOneIn: 1, goesOnOneIn: 1, questions: 14 };
/** What is affordable some hundred thousand times. */
export const sometimes: Rates = { againOneIn: 8, goesOnOneIn: 4, questions: 1 };

/** See the top of the file. */
export class Recoveries<K, E> {
  readonly #counts: Counts;
  readonly #rates: Rates;
  readonly #oracle: Oracle<K, E>;
  readonly #seen = new Map<number, E>();

  /** Starts without any. */
  constructor(counts: Counts, rates: Rates, oracle: Oracle<K, E>) {
    this.#counts = counts;
    this.#rates = rates;
    this.#oracle = oracle;
  }

  /**
   * Checks a state that a crash left.
   *
   * @param left The disk, which is changed by it.
   * @param known What was known when it crashed.
   * @returns Where history ends in it.
   */
  async check(left: SimDisk, known: K): Promise<E> {
    this.#counts.crashStates++;
    const hash = left.hash();
    let ends = this.#seen.get(hash);
    if (ends === undefined) {
      this.#counts.recoveries++;
      // What is checked comes of the state, and not of how many came before, so that each can be checked again alone.
      ends = await this.#oracle.checkRecovery(left, known, this.#counts, this.#depth(hash));
      this.#seen.set(hash, ends);
    } else this.#oracle.checkEnds(ends, known);
    return ends;
  }

  #depth(turn: number): Depth {
    const { againOneIn, goesOnOneIn, questions } = this.#rates;
    const again = turn % againOneIn === 0;
    return { questions, again, goesOn: again && turn % (againOneIn * goesOnOneIn) === 0, turn };
  }
}

/** Checks what crashes leave of stores. */
export type StoreRecoveries = Recoveries<Known, Ends>;
