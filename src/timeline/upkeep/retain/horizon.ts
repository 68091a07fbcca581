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
 *
 * @module
 */

import { type Health, isShortage, type Lsn } from "../../../base/mod.ts";
import type { StoreState, TimelineEdit } from "../../../manifest/mod.ts";
import type { Dates } from "../../dates.ts";
import { type TimelineContext, timelineState } from "../../timeline_context.ts";
import type { Upkeep } from "../upkeep.ts";
import { type HistoryPolicy, horizonOf, isWorthStep } from "./history_policy.ts";

/** Moves the horizon, and tells where it is. */
export class Horizon {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #dates: Dates;
  /** The state that was looked at last, and what it said. */
  #seen: StoreState | undefined;
  #lsn: Lsn = 0;

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
    const { state } = this.#context.manifest;
    if (state !== this.#seen) {
      this.#lsn = timelineState(this.#context).horizon;
      this.#seen = state;
    }
    return this.#lsn;
  }

  /** How much history the timeline keeps. */
  get policy(): HistoryPolicy {
    return this.#context.settings.history ?? "all";
  }

  /**
   * Where it should be (R1).
   *
   * @param durableLsn The last LSN that is durable.
   * @param policy How much history is kept.
   */
  target(durableLsn: Lsn, policy: HistoryPolicy = this.policy): Lsn {
    return Math.max(this.lsn, horizonOf(policy, durableLsn, (age) => this.#dates.lsnBefore(age)));
  }

  /** The edit that moves it; none if the step is not worth it. */
  edits(durableLsn: Lsn): TimelineEdit[] {
    const lsn = this.target(durableLsn);
    return isWorthStep(this.lsn, lsn, durableLsn) ? [{ type: "horizon", id: this.#context.id, lsn }] : [];
  }

  /** Moves it in the background, if that is worth it, and tells when it has. */
  moveLater(upkeep: Upkeep, durableLsn: Lsn, moved: () => void): void {
    const edits = this.edits(durableLsn), { manifest } = this.#context;
    if (edits.length === 0) return;
    upkeep.add(async () => {
      await this.#health.patiently(() => manifest.commit(edits));
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

  /** Moves it to an LSN, unless it is there already. */
  async raise(lsn: Lsn): Promise<void> {
    const { manifest, id } = this.#context;
    try {
      if (lsn > this.lsn) await manifest.commit({ type: "horizon", id, lsn });
    } catch (error) {
      throw isShortage(error) ? error : this.#health.fail(error as Error);
    }
  }
}
