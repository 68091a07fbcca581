/**
 * Giving history up that is below the horizon, and telling what stays.
 *
 * @module
 */

import { checkFlag, checkNames, type Lsn } from "../../../base/mod.ts";
import type { TimelineContext } from "../../timeline_context.ts";
import type { TimelineWriter } from "../../write/timeline_writer.ts";
import type { CompactionReport, CompactOptions } from "../compaction.ts";
import { orAborted } from "../or_aborted.ts";
import { checkHistory, type HistoryPolicy } from "./history_policy.ts";
import { GarbagePlanner } from "./plan_garbage.ts";
import { planReclaim, type Reclaim } from "./reclaim.ts";

/** How history is given up. */
export interface GcOptions extends CompactOptions {
  /** Whether it is only told what would be done. The default is `false`. */
  readonly dryRun?: boolean | undefined;
  /** How much history is kept, this time. The default is what the store's option `history` says. */
  readonly history?: HistoryPolicy | undefined;
}

/** What stays, and why. */
export type GcStay =
  /** All history is kept: the horizon does not move. */
  | { readonly reason: "history: all" }
  /** History that a branch goes on from: the horizon does not move beyond its branch LSN while the branch is there. */
  | {
    readonly reason: "branch";
    /** The name of the branch; of several, the one that goes on from the lowest LSN. */
    readonly timeline: string;
    /** Its branch LSN. */
    readonly lsn: Lsn;
  }
  /** What was merged, also by earlier merges, and open reads or snapshots may need; the oldest of them is told. */
  | {
    readonly reason: "view";
    readonly layers: number;
    readonly bytes: number;
    /** The LSN that it reads as of. */
    readonly lsn: Lsn;
    /** For how long it has been open. */
    readonly milliseconds: number;
  }
  /** What was merged, and another process that has the store open to read may need; or a writer could not remove. */
  | { readonly reason: "lease of another process"; readonly layers: number; readonly bytes: number }
  /** About so many bytes of layers of which the rest, written anew, would be more than seven times as much. */
  | { readonly reason: "not worth it"; readonly layers: number; readonly bytes: number };

/** What was given up. */
export interface GcReport {
  /** Whether it was only told what would be done. */
  readonly dryRun: boolean;
  /** The horizon before. */
  readonly horizonBefore: Lsn;
  /** The horizon now; of a dry run, where it would be. */
  readonly horizonAfter: Lsn;
  /** Layers of which something was to go, as far as their descriptions tell. */
  readonly estimatedLayers: number;
  /** About how many bytes were to go, estimated before anything was read. */
  readonly estimatedBytes: number;
  /** Layers that were merged, written anew or removed; one that came of an earlier merge counts again. */
  readonly inputLayers: number;
  /** Layers that came of it. */
  readonly outputLayers: number;
  /** The bytes of the layers that were merged, written anew or removed. */
  readonly inputBytes: number;
  /** The bytes of the layers that came of it. */
  readonly outputBytes: number;
  /** What stays though it could go, and why. */
  readonly stays: readonly GcStay[];
}

const gcNames = ["dryRun", "history", "signal", "progress"];
const nothing = { inputLayers: 0, outputLayers: 0, inputBytes: 0, outputBytes: 0 };

/** Moves the horizon to where it should be, and gives up what lies below it; see {@linkcode Timeline.gc}. */
export async function collectGarbage(
  context: TimelineContext,
  writer: TimelineWriter,
  options: GcOptions,
): Promise<GcReport> {
  checkNames("collect garbage", options, gcNames);
  const dryRun = checkFlag("collect garbage", "dryRun", options.dryRun);
  const { horizon } = writer, horizonBefore = horizon.lsn;
  const policy = options.history === undefined
    ? horizon.policy
    : checkHistory("collect garbage", options.history);
  const isAll = policy === "all";
  // What is sealed now would be merged before the horizon has moved, and some of it become columns that it goes past.
  using _held = dryRun ? undefined : writer.compactor.hold();
  if (!dryRun && !(isAll && horizonBefore === 0)) {
    await orAborted(writer.freeze(), options.signal);
    // It may have been deleted meanwhile: then nothing can be edited, nor told.
    context.views.checkOpen();
    await horizon.move(writer.durableLsn, policy);
    context.views.checkOpen();
  }
  const horizonAfter = dryRun ? horizon.target(writer.durableLsn, policy) : horizon.lsn;
  const isBranch = context.ancestor !== undefined;
  const before = plansOf(writer, horizonAfter, isBranch).filter(({ isWorth }) => isWorth);
  const work = dryRun || before.length === 0
    ? nothing
    : await giveUp(writer, options, horizonAfter, isBranch);
  context.views.checkOpen();
  const after = plansOf(writer, horizonAfter, isBranch).filter(({ isWorth }) => !isWorth);
  const { inputLayers, outputLayers, inputBytes, outputBytes } = work;
  const branch = horizon.heldBy(writer.durableLsn, policy);
  return {
    ...{ dryRun, horizonBefore, horizonAfter },
    estimatedLayers: before.reduce((sum, { layers }) => sum + layers.length, 0),
    estimatedBytes: sumOf(before),
    ...{ inputLayers, outputLayers, inputBytes, outputBytes },
    stays: [
      ...(isAll ? [{ reason: "history: all" } as const] : []),
      ...(branch === undefined ? [] : [{ reason: "branch", ...branch } as const]),
      ...staysOf(context, writer, after),
    ],
  };
}

function giveUp(
  { compactor }: TimelineWriter,
  options: CompactOptions,
  horizon: Lsn,
  isBranch: boolean,
): Promise<CompactionReport> {
  const planner = new GarbagePlanner(horizon, isBranch);
  return compactor.compact(options, {
    words: "collect garbage of",
    choose: (layers, lastLsn, settings) => planner.next(layers.listUpTo(lastLsn), settings),
  });
}

function plansOf({ layers: { map } }: TimelineWriter, horizon: Lsn, isBranch: boolean): Reclaim[] {
  return planReclaim(Array.from(map.stored(), ({ description }) => description), horizon, isBranch);
}

function sumOf(plans: readonly Reclaim[]): number {
  return plans.reduce((sum, { bytes }) => sum + bytes, 0);
}

function staysOf(
  { views }: TimelineContext,
  { compactor }: TimelineWriter,
  left: readonly Reclaim[],
): GcStay[] {
  const stays: GcStay[] = [], { viewed, leased } = compactor.held, oldest = views.oldest;
  if (viewed.layers > 0 && oldest !== undefined) stays.push({ reason: "view", ...viewed, ...oldest });
  if (leased.layers > 0) stays.push({ reason: "lease of another process", ...leased });
  const layers = left.reduce((sum, plan) => sum + plan.layers.length, 0);
  if (layers > 0) stays.push({ reason: "not worth it", layers, bytes: sumOf(left) });
  return stays;
}
