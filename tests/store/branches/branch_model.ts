/** The model of timelines that go on from others: sorted arrays of versions, each with what it goes on from. */

import type { ScanRange } from "../../../mod.ts";
import {
  Model,
  type ModelBatch,
  type ModelChange,
  type ModelDifference,
  type ModelVersion,
  redoneChanges,
} from "../model.ts";

interface Batch {
  readonly lsn: number;
  readonly changes: readonly ModelChange[];
}

/** What a timeline must answer, which may be a branch. */
export class BranchModel {
  /** What it goes on from, and up to where. */
  readonly ancestor: BranchModel | undefined;
  /** The branch LSN. */
  readonly branchLsn: number;
  /** What was appended to it alone. */
  readonly own: Model = new Model();
  readonly #batches: Batch[] = [];

  /** Goes on from another one, if one is given. */
  constructor(ancestor?: BranchModel, branchLsn: number = 0) {
    this.ancestor = ancestor;
    this.branchLsn = branchLsn;
    this.own.lastLsn = branchLsn;
  }

  /** The LSN of the last batch, or the branch LSN. */
  get lastLsn(): number {
    return this.own.lastLsn;
  }

  /** How many timelines it goes on from. */
  get depth(): number {
    return this.ancestor === undefined ? 0 : this.ancestor.depth + 1;
  }

  /** Adds a batch. */
  append(lsn: number, changes: readonly ModelChange[]): void {
    const redone = redoneChanges(changes, (key) => this.at(key, lsn)?.value);
    this.own.append(lsn, redone);
    this.#batches.push({ lsn, changes: redone });
  }

  /** The version of a key as of an LSN. */
  at(key: Uint8Array, lsn: number): ModelVersion | undefined {
    const found = this.own.at(key, lsn);
    return found ?? this.ancestor?.at(key, Math.min(lsn, this.branchLsn));
  }

  /** The versions of a key between two LSNs, both inclusive. */
  history(key: Uint8Array, from: number, to: number): ModelVersion[] {
    const older = this.ancestor?.history(key, from, Math.min(to, this.branchLsn)) ?? [];
    return [...older, ...this.own.history(key, from, to)];
  }

  /** The keys of a range that have a value as of an LSN. */
  scan(range: ScanRange, lsn: number): { key: Uint8Array; version: ModelVersion }[] {
    return this.#wholeUpTo(lsn).scan(range, lsn);
  }

  /** What changed at each LSN between two, both inclusive, also where that is what it goes on from. */
  changes(from: number, to: number, prefix?: Uint8Array): ModelBatch[] {
    return this.#wholeUpTo(to).changes(from, to, prefix);
  }

  /** The keys whose values differ between two LSNs. */
  diff(before: number, after: number, prefix?: Uint8Array): ModelDifference[] {
    return this.#wholeUpTo(after).diff(before, after, prefix);
  }

  /** All that was appended up to an LSN, as if it had been to one timeline. */
  #wholeUpTo(lsn: number): Model {
    const whole = new Model();
    for (const { lsn: at, changes } of this.#upTo(lsn)) whole.append(at, changes);
    return whole;
  }

  /** What was appended up to an LSN, oldest first. */
  #upTo(lsn: number): Batch[] {
    const { ancestor } = this,
      older = ancestor === undefined ? [] : ancestor.#upTo(Math.min(lsn, this.branchLsn));
    return [...older, ...this.#batches.filter(({ lsn: at }) => at <= lsn)];
  }
}
