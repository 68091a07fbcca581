/**
 * What comes of a timeline while it is salvaged.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { LostStretch, SalvagedTimeline } from "./options.ts";

/** What is listed one by one; more is counted. */
const mostListed = 1000;

/** Counts what is copied of a timeline and what is lost. */
export class TimelineTally implements SalvagedTimeline {
  /** See {@linkcode SalvagedTimeline.name}. */
  readonly name: string;
  /** See {@linkcode SalvagedTimeline.batches}. */
  batches = 0;
  /** See {@linkcode SalvagedTimeline.records}. */
  records = 0;
  /** See {@linkcode SalvagedTimeline.firstLsn}. */
  firstLsn: Lsn = 0;
  /** See {@linkcode SalvagedTimeline.lastLsn}. */
  lastLsn: Lsn = 0;
  /** See {@linkcode SalvagedTimeline.lost}. */
  readonly lost: LostStretch[] = [];
  /** See {@linkcode SalvagedTimeline.lostCount}. */
  lostCount = 0;
  /** See {@linkcode SalvagedTimeline.incomplete}. */
  readonly incomplete: Lsn[] = [];
  /** See {@linkcode SalvagedTimeline.incompleteCount}. */
  incompleteCount = 0;
  /** See {@linkcode SalvagedTimeline.repeated}. */
  repeated = 0;

  /** Starts with nothing copied. */
  constructor(name: string) {
    this.name = name;
  }

  /** Counts a batch that was copied. */
  copied(lsn: Lsn, records: number): void {
    if (this.batches === 0) this.firstLsn = lsn;
    this.lastLsn = lsn;
    this.batches++;
    this.records += records;
  }

  /** Notes a stretch that is lost. */
  lose(stretch: LostStretch): void {
    this.lostCount++;
    if (this.lost.length < mostListed) this.lost.push(stretch);
  }

  /** Notes a batch that may lack records. */
  doubt(lsn: Lsn): void {
    this.incompleteCount++;
    if (this.incomplete.length < mostListed) this.incomplete.push(lsn);
  }
}
