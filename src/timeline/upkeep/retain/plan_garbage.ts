/**
 * Which job gives up history next, of layers that a horizon has passed.
 *
 * ```
 *   key ─────────────────────────►
 *   ├─────── L0 ────────┤            a pile: compacted as if there was nothing else, since it shares no key with others
 *   5  ├────┤  ├─────┤
 *   7  ├─┤├─┤├──┤├──┤    ├─ 7 ─┤     alone, or a pile that stands side by side: written anew, each once
 *   8  ║ column, superseded          removed by an edit, unread
 * ```
 *
 * It ends as a compaction does (G7); what is written anew for itself is older than the first job.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import { cutsOf } from "../plan/cuts.ts";
import { Levels } from "../plan/levels.ts";
import { planCompaction } from "../plan/plan_compaction.ts";
import type { PlannedJob, PlanSettings } from "../plan/planned_layer.ts";
import { planReclaim } from "./reclaim.ts";

/** Plans jobs that give up history. */
export class GarbagePlanner {
  readonly #horizon: Lsn;
  readonly #keepsTombstones: boolean;
  /** The newest layer that there was at the first question. */
  #lastKnown: number | undefined;

  /**
   * Plans nothing yet.
   *
   * @param horizon Below which LSN history is given up.
   * @param keepsTombstones See {@linkcode planReclaim}.
   */
  constructor(horizon: Lsn, keepsTombstones: boolean = false) {
    this.#horizon = horizon;
    this.#keepsTombstones = keepsTombstones;
  }

  /**
   * Plans the next job.
   *
   * @param layers The layers that may be taken in.
   * @param settings What merges and layers may have.
   * @returns The job; left out, nothing is worth it.
   */
  next(layers: readonly LevelledLayer[], settings: PlanSettings): PlannedJob | undefined {
    const last = this.#lastKnown ??= layers.reduce((most, { sequence }) => Math.max(most, sequence), 0);
    for (const { work, isWorth, layers: pile } of planReclaim(layers, this.#horizon, this.#keepsTombstones)) {
      if (!isWorth) continue;
      if (work === "remove") return { work, inputs: pile, level: 0, cuts: [], isOldest: false };
      const levels = Levels.empty.edit([], pile);
      const known = pile.find(({ sequence }) => sequence <= last);
      const job = planCompaction(levels, settings) ?? (known && renewal(levels, known, settings));
      if (job !== undefined) return job;
    }
    return undefined;
  }
}

/** Writes a layer anew where it stands. */
function renewal(levels: Levels, layer: LevelledLayer, settings: PlanSettings): PlannedJob {
  const { level, firstKey, lastKey } = layer;
  const cuts = cutsOf(levels, settings, level, firstKey, lastKey);
  return {
    work: "merge",
    inputs: [layer],
    level,
    cuts,
    isOldest: !levels.hasUnder(level, firstKey, lastKey),
  };
}
