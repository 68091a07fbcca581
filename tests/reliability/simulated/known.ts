/**
 * What is known of a store whose process may die at any moment: which batches were issued, and which of them somebody was
 * told are durable.
 *
 * ```
 *   batches:  1  2  3  4  5  6        after a crash history must end somewhere from the floor to the last that was issued
 *             └─floor─┘     └─ issued
 * ```
 *
 * The same of the horizon: it must be found somewhere from where somebody has seen it to where a policy allowed it to be.
 */

import type { HistoryPolicy } from "../../../mod.ts";
import { crc32 } from "../../../src/base/mod.ts";
import { mostHorizonOf } from "./most_horizon.ts";
import { type Batch, type Change, patched } from "./versions.ts";

const encoder = new TextEncoder();

/** A batch that was issued. */
export interface IssuedBatch extends Batch {
  /** A number that tells its history from others: its own changes and all before them. */
  readonly digest: number;
  /** What the clock showed. */
  readonly milliseconds: number;
}

/** What is known of a timeline at a moment. */
export interface KnownTimeline {
  /** Batches; those after the first `issued` were issued later. */
  readonly batches: readonly IssuedBatch[];
  /** How many were issued. */
  readonly issued: number;
  /** The LSN up to which somebody was told that they are durable. */
  readonly floor: number;
  /** The LSN up to which that is written down elsewhere, so that no damage in one place hides it. */
  readonly proven: number;
  /** Whether somebody was told that the timeline is durable. */
  readonly isMade: boolean;
  /** Where somebody saw the horizon. */
  readonly horizon: number;
  /** Where the horizon may be at the most. */
  readonly mostHorizon: number;
  /** Of a branch: what it goes on from, whose batches up to there are among its own. */
  readonly origin?: BranchOrigin | undefined;
}

/** Where a branch goes on. */
export interface BranchOrigin {
  /** The name of what it goes on from. */
  readonly name: string;
  /** The branch LSN. */
  readonly lsn: number;
}

/** What is known of a store at a moment, by the names of timelines. */
export type Known = ReadonlyMap<string, KnownTimeline>;

/** Where the history of a timeline ends. */
export interface End {
  /** The LSN of its last batch; 0 if there is none. */
  readonly lastLsn: number;
  /** The digest of that batch; 0 if there is none. */
  readonly digest: number;
  /** The horizon. */
  readonly horizon: number;
}

/** Where a history ends that has not begun. */
export const noHistory: End = { lastLsn: 0, digest: 0, horizon: 0 };

/** Where the history of each timeline of a store ended when it was opened. */
export type Ends = ReadonlyMap<string, End>;

/** How many times somebody is told of more before what was told first is surely proven. */
const stepsToProof = 3;

/** A timeline that batches are issued to. */
export class IssuedTimeline {
  /** Whether somebody was told that it is durable. */
  isMade: boolean;
  /** The LSN up to which somebody was told that batches are durable. */
  floor: number;
  /** Earlier floors, the last one first: a pad tells of the sync before it, and one sync may be told in two steps. */
  #earlier: readonly number[];
  readonly #batches: IssuedBatch[];
  readonly #origin: BranchOrigin | undefined;
  #horizon: number;
  #mostHorizon: number;

  /** Starts from what is known. */
  constructor({ batches, issued, floor, proven, isMade, horizon, mostHorizon, origin }: KnownTimeline) {
    this.#origin = origin;
    this.#batches = batches.slice(0, issued);
    this.floor = floor;
    this.#earlier = Array.from({ length: stepsToProof }, () => proven);
    this.isMade = isMade;
    this.#horizon = horizon;
    this.#mostHorizon = mostHorizon;
  }

  /** The LSN of the last batch; 0 if there is none. */
  get lastLsn(): number {
    return this.#batches.at(-1)?.lsn ?? 0;
  }

  /** What changes come to that have patches: each stands on the newest value there is. */
  resolve(changes: readonly Change[]): Change[] {
    const made: Change[] = [];
    for (const change of changes) {
      const { key, patch } = change, isSame = (other: Change) => other.key === key;
      if (patch === undefined) made.push(change);
      else {
        const base = made.findLast(isSame) ??
          this.#batches.findLast((batch) => batch.changes.some(isSame))?.changes.findLast(isSame);
        made.push({ key, value: patched(base?.value, patch), patch });
      }
    }
    return made;
  }

  /** Notes a batch, and what the clock shows. */
  issue(lsn: number, changes: readonly Change[], milliseconds: number): void {
    const words = changes.map(({ key, value }) => `${key} ${value === undefined ? "" : crc32(value)}`);
    const text = `${this.#batches.at(-1)?.digest} ${lsn} ${words.join()}`;
    this.#batches.push({ lsn, changes, digest: crc32(encoder.encode(text)), milliseconds });
  }

  /** Forgets the last batch, which was refused. */
  withdraw(): void {
    this.#batches.pop();
  }

  /** Notes that somebody was told. */
  acknowledge(lsn: number): void {
    if (lsn <= this.floor) return;
    this.#earlier = [this.floor, ...this.#earlier].slice(0, stepsToProof);
    this.floor = lsn;
  }

  /** Notes where the horizon is. */
  see(horizon: number): void {
    if (horizon < this.#horizon) throw new Error(`the horizon went back from ${this.#horizon} to ${horizon}`);
    this.#horizon = horizon;
  }

  /**
   * Notes that a policy may have moved the horizon, up to when the clock showed a time. What a branch goes on from may give
   * up what lies below the branch LSN.
   *
   * @param all The timelines of the store, of which what a branch goes on from comes before it.
   */
  allow(policy: HistoryPolicy, now: number, all: ReadonlyMap<string, IssuedTimeline>): void {
    const under = this.#origin && all.get(this.#origin.name);
    const inherited = under === undefined ? 0 : Math.min(this.#origin?.lsn ?? 0, under.#mostHorizon);
    const own = mostHorizonOf(policy, this.#batches, now);
    this.#mostHorizon = Math.max(this.#mostHorizon, own, inherited);
  }

  /** What is known now. */
  known(): KnownTimeline {
    return {
      batches: this.#batches,
      issued: this.#batches.length,
      floor: this.floor,
      proven: this.#earlier[stepsToProof - 1],
      isMade: this.isMade,
      horizon: this.#horizon,
      mostHorizon: this.#mostHorizon,
      origin: this.#origin,
    };
  }

  /** What is known of a branch that is about to be made of it. */
  branchAt(name: string, lsn: number): KnownTimeline {
    const batches = batchesUpTo(this.known(), lsn), mostHorizon = Math.min(lsn, this.#mostHorizon);
    return {
      ...untold,
      batches,
      issued: batches.length,
      // It is made only once what it goes on from is durable.
      floor: lsn,
      horizon: Math.min(lsn, this.#horizon),
      mostHorizon,
      origin: { name, lsn },
    };
  }
}

/** A timeline of which nobody has heard yet. */
export const untold: KnownTimeline = {
  batches: [],
  issued: 0,
  floor: 0,
  proven: 0,
  isMade: false,
  horizon: 0,
  mostHorizon: 0,
};

/** A store of which nobody has heard yet: `main` is made with it. */
export function nothingKnown(): Known {
  return new Map([["main", untold]]);
}

/** The batches of a timeline up to an LSN. */
export function batchesUpTo({ batches, issued }: KnownTimeline, lsn: number): IssuedBatch[] {
  return batches.slice(0, issued).filter((batch) => batch.lsn <= lsn);
}

/** What is known once a store was opened and showed these ends: no more and no less may ever be found again. */
export function knownAfter(known: Known, ends: Ends): Known {
  return new Map(Array.from(ends, ([name, { lastLsn, horizon }]) => {
    const timeline = known.get(name) as KnownTimeline, batches = batchesUpTo(timeline, lastLsn);
    const horizons = { horizon, mostHorizon: horizon };
    return [name, {
      batches,
      issued: batches.length,
      floor: lastLsn,
      proven: lastLsn,
      isMade: true,
      ...horizons,
      origin: timeline.origin,
    }];
  }));
}

/** What is known if nobody was told anything. */
export function withoutFloor(known: Known): Known {
  const nothing = { floor: 0, isMade: false, horizon: 0 };
  return new Map(Array.from(known, ([name, timeline]) => [name, { ...timeline, ...nothing }]));
}

/** What somebody may see who began to look at one time and had looked at another: what was issued by then, and nothing
 * of what was told since. */
export function sinceThen(before: Known, now: Known): Known {
  return new Map(Array.from(now, ([name, timeline]) => {
    const { floor, isMade, horizon } = before.get(name) ?? untold;
    return [name, { ...timeline, floor, isMade, horizon }];
  }));
}

/**
 * Checks that history ends where it may.
 *
 * @throws {Error} If a timeline is lost or nobody made it, if what was durable is lost, if history ends where no batch
 * does, or if the horizon went back or too far.
 */
export function checkEnds(ends: Ends, known: Known): void {
  for (const [name, { isMade }] of known) {
    if (isMade && !ends.has(name)) throw new Error(`timeline "${name}" is lost`);
  }
  for (const [name, { lastLsn, digest, horizon }] of ends) {
    const timeline = known.get(name);
    if (timeline === undefined) throw new Error(`there is a timeline "${name}", which nobody made`);
    const { batches, issued, floor, mostHorizon } = timeline;
    if (horizon < timeline.horizon || horizon > Math.min(lastLsn, mostHorizon)) {
      const where = `it was at LSN ${timeline.horizon} and may be at ${mostHorizon}`;
      throw new Error(`the horizon of "${name}" is at LSN ${horizon} of ${lastLsn}: ${where}`);
    }
    if (lastLsn < floor) {
      throw new Error(`timeline "${name}" ends at LSN ${lastLsn}: ${floor} was durable`);
    }
    const at = batches.findIndex(({ lsn }) => lsn === lastLsn);
    if (lastLsn !== 0 && (at < 0 || at >= issued)) {
      throw new Error(`timeline "${name}" ends at LSN ${lastLsn}, at which no batch was issued`);
    }
    if (digest !== (batches[at]?.digest ?? 0)) {
      throw new Error(`timeline "${name}" up to LSN ${lastLsn} is the history of another store`);
    }
  }
}
