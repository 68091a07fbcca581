/**
 * Dates of batches: which LSN stood at a moment, and when a batch was appended.
 *
 * @module
 */

import {
  checkLsn,
  type Clock,
  type Lsn,
  lsnAtTime,
  LsnError,
  secondOfLsn,
  type Times,
  typeName,
} from "../base/mod.ts";

/** Dates of what a branch goes on from. */
export interface OlderDates {
  /** Those of the ancestor. */
  readonly dates: Dates;
  /** Up to which LSN they count. */
  readonly lsn: Lsn;
}

/** Where dates are found. */
export interface DateSource {
  /** The LSN of the last batch. */
  readonly lastLsn: Lsn;
  /** Where older ones are found; left out, nowhere. */
  readonly older?: OlderDates | undefined;
  /** Throws if the store was closed. */
  checkOpen(): void;
  /** Points of time, those of older batches first. */
  times(): Iterable<Times>;
}

/** Dates of the batches of a timeline. */
export class Dates {
  readonly #clock: Clock;
  readonly #source: DateSource;

  /**
   * Finds nothing yet.
   *
   * @param clock Tells what is past.
   * @param source Where dates are found.
   */
  constructor(clock: Clock, source: DateSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /** See {@linkcode Timeline.lsnAt}. */
  lsnAt(date: Date | number): Lsn {
    this.#source.checkOpen();
    const milliseconds = checkDate(date);
    // Whatever there is was appended by now, also where the clock went back since.
    return milliseconds >= this.#clock.now() ? this.#source.lastLsn : this.lsnBy(milliseconds);
  }

  /** The last LSN of which marks tell that it had been appended by a moment, in milliseconds since the epoch. */
  lsnBy(milliseconds: number): Lsn {
    const { older } = this.#source;
    let lsn = older === undefined ? 0 : Math.min(older.lsn, older.dates.lsnBy(milliseconds));
    for (const times of this.#source.times()) lsn = Math.max(lsn, lsnAtTime(times, milliseconds));
    return lsn;
  }

  /** The last LSN of which marks tell that it had been appended so many milliseconds ago, by the host's clock. */
  lsnBefore(milliseconds: number): Lsn {
    return this.lsnBy(this.#clock.now() - milliseconds);
  }

  /** See {@linkcode Timeline.dateOf}. */
  dateOf(lsn: Lsn): Date {
    this.#source.checkOpen();
    checkLsn(lsn, 1);
    const { lastLsn, older } = this.#source;
    if (older !== undefined && lsn <= older.lsn) return older.dates.dateOf(lsn);
    if (lsn > lastLsn) {
      throw new LsnError(`Cannot tell the date of LSN ${lsn}: the last LSN is ${lastLsn}`, { lsn, lastLsn });
    }
    for (const times of this.#source.times()) {
      const second = secondOfLsn(times, lsn);
      if (second !== undefined) return new Date(second * 1000);
    }
    // Without a mark, it is known to have been appended by now.
    return new Date(this.#clock.now());
  }
}

function checkDate(date: unknown): number {
  const milliseconds = date instanceof Date ? date.getTime() : date;
  if (typeof milliseconds !== "number") {
    throw new TypeError(`Cannot find LSN: expected a Date or milliseconds, found ${typeName(date)}`);
  }
  if (Number.isNaN(milliseconds)) {
    throw new RangeError("Cannot find LSN: expected a date, found one that is none");
  }
  return milliseconds;
}
