/**
 * What every read is: something that is asked for the next of what it reads.
 *
 * ```
 *   VectoredRead   keys ──► Lookup ────────────► places ─┐
 *   ScanRead       range ─► ScanWindow ────────► places ─┼─► EntryRead: records read, checked ─► entries in order
 *   HistoryRead    key ───► StoredVersions, … ─► places ─┘
 *                           plans: synchronous
 * ```
 *
 * A plan never waits: it says what it needs, and goes on when it was given that. A read drives its plans, checks its
 * view after every wait, so that it stops when it must, and gives the event loop its turns. What could not be read
 * stands in its place as a {@linkcode DamagedEntry}; whoever asks decides what becomes of it.
 *
 * @module
 */

import type { Turns } from "../../base/mod.ts";
import type { PageSource } from "../../layer/mod.ts";
import type { View } from "./view.ts";

/** A read: what it reads comes in order, a few at a time. One call at a time. */
export interface Read<T> {
  /**
   * Reads on.
   *
   * @returns One or more of what it reads, or `undefined` at its end.
   */
  next(): Promise<T[] | undefined>;
  /** Waits for what is in flight and gives up what it holds. Nothing is asked of it after. */
  cancel(): Promise<void>;
}

/** What a plan needs to go on. */
export type PlanState = "done" | "needs pages" | "needs a turn";

/** Work that finds out, without waiting, where versions lie. */
export interface Plan {
  /**
   * Goes as far as it can.
   *
   * @param pages Where pages are found, and what takes note of those that are missing.
   * @param turns When to stop for the event loop's turn.
   * @returns What it needs.
   */
  advance(pages: PageSource, turns: Turns): PlanState;
}

/**
 * Drives a plan until it is done.
 *
 * @param plan The plan.
 * @param pages Its pages.
 * @param turns When the event loop gets its turns.
 * @param view What stops it.
 * @param beside Reads what is known to be needed, while pages are read.
 */
export async function complete(
  plan: Plan,
  pages: PageSource,
  turns: Turns,
  view: View,
  beside?: () => Promise<void>,
): Promise<void> {
  for (;;) {
    const state = plan.advance(pages, turns);
    if (state === "done") return;
    if (state === "needs a turn") await turns.turn();
    else if (beside === undefined) await pages.fetch();
    else await both(pages.fetch(), beside());
    view.check();
  }
}

/** Waits for both, also where one rejects: nothing is in flight behind it. */
async function both(one: Promise<void>, other: Promise<void>): Promise<void> {
  for (const outcome of await Promise.allSettled([one, other])) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
