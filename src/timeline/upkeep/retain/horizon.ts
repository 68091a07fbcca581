/**
 * The horizon of a timeline: the LSN below which it cannot be read any more.
 *
 * ```
 *   LSN ─►   1 …………………………… horizon ──────────────── durable ─── last
 *            of each key the     can be read as of: all is kept
 *            newest stays, which
 *            the horizon needs
 * ```
 *
 * R1  The horizon never goes back, and never beyond what is durable.
 * R2  It is durable before anything is given up that lies below it.
 * R4  It never goes beyond the LSN at which a branch goes on from the timeline, or from one of its branches: those read it
 *     as of there. So a branch can be read as of any LSN that its own horizon and those of its ancestors are not above.
 *
 * @module
 */

import { type Health, isShortage, type Lsn } from "../../../base/mod.ts";
import { leastBranchOf, type StoreState, type TimelineEdit } from "../../../manifest/mod.ts";
import type { Upkeep } from "../../../segment/mod.ts";
import type { BranchPoint } from "../../ancestor.ts";
import type { Dates } from "../../dates.ts";
import { type TimelineContext, timelineState } from "../../timeline_context.ts";
import { type HistoryPolicy, horizonOf, isWorthStep } from "./history_policy.ts";

/** Moves the horizon, and tells where it is. */
export class Horizon {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #dates: Dates;
  /** The state that was looked at last, and what it said. */
  #seen: StoreState | undefined;
  #lsn: Lsn = 0;
  #leastBranch: BranchPoint | undefined;
  /** Branches that are being made. */
  readonly #pins = new Set<BranchPoint>();

  /**
   * Moves nothing yet.
   *
   * @param context The timeline, and how much history it keeps.
   * @param health Is told if an edit fails.
   * @param dates When batches were appended.
   */
  constructor(context: TimelineContext, health: Health, dates: Dates) {
    this.#context = context;
    this.#health = health;
    this.#dates = dates;
  }

  /** Where it is, durably. */
  get lsn(): Lsn {
    this.#look();
    return this.#lsn;
  }

  #look(): void {
    const { manifest: { state }, id } = this.#context;
    if (state === this.#seen) return;
    this.#lsn = timelineState(this.#context).horizon;
    this.#leastBranch = leastBranchOf(state, id);
    this.#seen = state;
  }

  /** The first LSN that the timeline can be read as of, also where that is history of its ancestors (R4). */
  get readable(): Lsn {
    const { ancestor } = this.#context;
    return ancestor === undefined ? this.lsn : Math.max(this.lsn, ancestor.readable);
  }

  /** The branch with the least branch LSN, of those that there are or that are being made; beyond it nothing moves (R4). */
  get leastBranch(): BranchPoint | undefined {
    this.#look();
    let least = this.#leastBranch;
    for (const pin of this.#pins) if (least === undefined || pin.lsn < least.lsn) least = pin;
    return least;
  }

  /** Stays where it is, for a branch that is being made, until what is returned is disposed of. */
  pin(branch: BranchPoint): Disposable {
    this.#pins.add(branch);
    return { [Symbol.dispose]: () => void this.#pins.delete(branch) };
  }

  /** How much history the timeline keeps. */
  get policy(): HistoryPolicy {
    return this.#context.settings.history ?? "all";
  }

  /**
   * Where it should be (R1, R4).
   *
   * @param durableLsn The last LSN that is durable.
   * @param policy How much history is kept.
   */
  target(durableLsn: Lsn, policy: HistoryPolicy = this.policy): Lsn {
    return Math.max(this.lsn, this.#unlessBranched(this.#wanted(durableLsn, policy)));
  }

  /** The branch for which it stays below where it should be otherwise, if there is one. */
  heldBy(durableLsn: Lsn, policy: HistoryPolicy): BranchPoint | undefined {
    const { leastBranch } = this;
    return leastBranch && leastBranch.lsn < this.#wanted(durableLsn, policy) ? leastBranch : undefined;
  }

  #wanted(durableLsn: Lsn, policy: HistoryPolicy): Lsn {
    return horizonOf(policy, durableLsn, (age) => this.#dates.lsnBefore(age));
  }

  #unlessBranched(lsn: Lsn): Lsn {
    return Math.min(lsn, this.leastBranch?.lsn ?? Infinity);
  }

  /** The edit that moves it, to be committed in the same turn; none if the step is not worth it. */
  edits(durableLsn: Lsn): TimelineEdit[] {
    const lsn = this.target(durableLsn);
    return isWorthStep(this.lsn, lsn, durableLsn) ? [{ type: "horizon", id: this.#context.id, lsn }] : [];
  }

  /** Moves it in the background, if that is worth it, and tells when it has. */
  moveLater(upkeep: Upkeep, durableLsn: Lsn, moved: () => void): void {
    const { manifest } = this.#context;
    if (this.edits(durableLsn).length === 0) return;
    upkeep.add(async () => {
      await this.#health.patiently(() => manifest.commit(this.edits(durableLsn)));
      moved();
    });
  }

  /**
   * Moves it to where it should be.
   *
   * @param durableLsn The last LSN that is durable.
   * @param policy How much history is kept.
   * @throws {IoError} If the disk is full.
   */
  async move(durableLsn: Lsn, policy: HistoryPolicy = this.policy): Promise<void> {
    await this.raise(this.target(durableLsn, policy));
  }

  /** Moves it to an LSN, or as far as branches let it, unless it is there already. */
  async raise(to: Lsn): Promise<void> {
    const { manifest, id } = this.#context, lsn = this.#unlessBranched(to);
    try {
      if (lsn > this.lsn) await manifest.commit({ type: "horizon", id, lsn });
    } catch (error) {
      throw isShortage(error) ? error : this.#health.fail(error as Error);
    }
  }
}
