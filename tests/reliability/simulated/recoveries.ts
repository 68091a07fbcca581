/** Checks what crashes leave, each state of a disk once: what was found in it is compared with what is known each time. */

import type { SimDisk } from "../../../src/sim/mod.ts";
import type { Counts } from "./counts.ts";
import { checkEnds, type Ends, type Known } from "./known.ts";
import { checkRecovery, type Depth } from "./oracle.ts";

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
export class Recoveries {
  readonly #counts: Counts;
  readonly #rates: Rates;
  readonly #seen = new Map<number, Ends>();

  /** Starts without any. */
  constructor(counts: Counts, rates: Rates = sometimes) {
    this.#counts = counts;
    this.#rates = rates;
  }

  /**
   * Checks a state that a crash left.
   *
   * @param left The disk, which is changed by it.
   * @param known What was known when it crashed.
   * @returns Where history ends in it.
   */
  async check(left: SimDisk, known: Known): Promise<Ends> {
    this.#counts.crashStates++;
    const hash = left.hash();
    let ends = this.#seen.get(hash);
    if (ends === undefined) {
      this.#counts.recoveries++;
      // What is checked comes of the state, and not of how many came before, so that each can be checked again alone.
      ends = await checkRecovery(left, known, this.#counts, this.#depth(hash));
      this.#seen.set(hash, ends);
    } else checkEnds(ends, known);
    return ends;
  }

  #depth(turn: number): Depth {
    const { againOneIn, goesOnOneIn, questions } = this.#rates;
    const again = turn % againOneIn === 0;
    return { questions, again, goesOn: again && turn % (againOneIn * goesOnOneIn) === 0, turn };
  }
}
