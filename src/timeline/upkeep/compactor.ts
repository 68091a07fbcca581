/**
 * What keeps the layers of a timeline in order: it carries out what the plan says, by itself ({@linkcode UpkeepLoop}) or
 * when somebody calls for it, and says what it does.
 *
 * ```
 *   UpkeepLoop ──── held while a compaction runs or waits ────┐
 *       │ job of the plan                                     │ job that brings layers down, or gives history up
 *       └────────────────────► carry out ◄────────────────────┘
 *                               │     └─ an input is damaged ─► Planner leaves it out; `damaged` once no other job is
 *                               ▼                               left; tried again by `compact`, or after opening again
 *                           JobRunner
 * ```
 *
 * Closing ends a job at its next step, whatever is still to be done: the next opening plans from the manifest.
 *
 * @module
 */

import { CorruptionError, type Health, type Lsn } from "../../base/mod.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { TimelineLayers } from "../write/timeline_layers.ts";
import { type CompactionReport, type CompactOptions, Tally } from "./compaction.ts";
import { type JobResult, JobRunner } from "./job_runner.ts";
import type { LevelledLayers } from "./levelled_layers.ts";
import { mergeRoom, noMergeRoom } from "./loop/merge_room.ts";
import { UpkeepLoop } from "./loop/upkeep_loop.ts";
import type { HeldLayers } from "./merged_layers.ts";
import { orAborted } from "./or_aborted.ts";
import { bytesOf } from "./plan/level.ts";
import { planCompaction } from "./plan/plan_compaction.ts";
import type { PlannedJob, PlanSettings } from "./plan/planned_layer.ts";
import { Planner } from "./planner.ts";
import type { UpkeepState, UpkeepStatus } from "./status.ts";

/** What a compactor asks and tells. */
export interface CompactorWorld {
  /** Below which LSN versions may go, by a durable edit. */
  readonly horizon: () => Lsn;
  /** Is told when somebody who waits for upkeep should look again. */
  readonly changed: () => void;
}

/** Jobs that somebody calls for. */
export interface CalledJobs {
  /** What they do to a timeline, for messages. */
  readonly words: string;
  /** Chooses the next; `undefined` if there is none. */
  readonly choose: (
    layers: LevelledLayers,
    lastLsn: Lsn,
    settings: PlanSettings,
  ) => PlannedJob | undefined;
}

const compaction: CalledJobs = {
  words: "compact",
  choose: (layers, lastLsn, settings) => planCompaction(layers.upTo(lastLsn), settings),
};

/** Keeps the layers of a timeline in order. */
export class Compactor {
  readonly #context: TimelineContext;
  readonly #layers: TimelineLayers;
  readonly #runner: JobRunner;
  readonly #planner: Planner;
  readonly #horizon: () => Lsn;
  readonly #loop: UpkeepLoop;
  /** Ends when no compaction runs or waits that somebody called for. */
  #compacting: Promise<unknown> = Promise.resolve();
  #isMerging = false;
  readonly #tally = new Tally();
  readonly #closing = new AbortController();

  /**
   * Does nothing yet.
   *
   * @param context The timeline.
   * @param health Whether writing goes on; it is told if an edit fails.
   * @param layers The layers.
   * @param world What it asks and tells.
   */
  constructor(
    context: TimelineContext,
    health: Health,
    layers: TimelineLayers,
    { horizon, changed }: CompactorWorld,
  ) {
    this.#context = context;
    this.#layers = layers;
    this.#horizon = horizon;
    this.#runner = new JobRunner(context, health, layers, horizon);
    this.#planner = new Planner(context.settings.segmentBytes, layers, horizon);
    this.#loop = new UpkeepLoop(context, health, this.#planner, {
      work: (job) => this.#work(job),
      changed,
      closing: this.#closing.signal,
    });
  }

  /** The layers have changed, or something else that a plan may follow from: goes on by itself, if it is to. */
  wake(): void {
    this.#loop.wake();
  }

  /** How much upkeep lags behind, while it works on it: 0 if nobody should wait for it. */
  get pressure(): number {
    return this.#loop.isAtWork ? this.#planner.plan.pressure : 0;
  }

  /** Has upkeep by itself begin nothing until what is returned is disposed of. */
  hold(): Disposable {
    return this.#loop.hold();
  }

  /** What was merged and is not removed. */
  get held(): HeldLayers {
    return this.#runner.held;
  }

  /** What it does, and what there is to do. */
  get status(): UpkeepStatus {
    const { plan: { debt, pressure }, damaged, level0Count } = this.#planner;
    return {
      state: this.#shownState(damaged.length > 0),
      ...this.#tally.counts,
      level0Layers: level0Count,
      debtBytes: Math.round(debt),
      pressure,
      damaged,
      error: this.#loop.cause?.message,
      retryMilliseconds: this.#loop.retryMilliseconds,
    };
  }

  #shownState(isDamaged: boolean): UpkeepState {
    if (this.#isMerging) return "merging";
    if (this.#loop.state !== "idle") return this.#loop.state;
    if (isDamaged) return "damaged";
    return this.#context.upkeep.mode === "manual" ? "manual" : "idle";
  }

  /** Does what upkeep by itself has to do. */
  async #work(job: PlannedJob | undefined): Promise<void> {
    if (job?.work !== "merge") return await this.#carryOutOrForget(job);
    const room = await mergeRoom(this.#context), fitting = this.#planner.jobWithin(room);
    // What is forgotten gives room back, too.
    if (
      fitting === undefined && this.#layers.levelled.spent().length === 0 &&
      this.#planner.plan.job !== undefined
    ) {
      throw noMergeRoom(this.#context, job, this.#horizon(), room);
    }
    await this.#carryOutOrForget(fitting);
  }

  async #carryOutOrForget(job: PlannedJob | undefined): Promise<void> {
    if (job === undefined) await this.#forget();
    else await this.#carryOut(job, this.#closing.signal);
  }

  async #carryOut(
    job: PlannedJob,
    stop: AbortSignal,
    copied?: (bytes: number) => void,
  ): Promise<JobResult> {
    this.#isMerging = true;
    try {
      const result = await this.#runner.run(job, { settings: this.#planner.settings, stop, copied });
      this.#tally.done(job, result);
      return result;
    } catch (error) {
      if (error !== stop.reason) this.#tally.failed();
      if (error instanceof CorruptionError) this.#planner.leaveOut(job, error);
      throw error;
    } finally {
      this.#isMerging = false;
      this.#planner.changed();
    }
  }

  async #forget(): Promise<void> {
    const spent = this.#layers.levelled.spent();
    if (spent.length > 0) await this.#runner.forget(spent);
    this.#planner.changed();
  }

  /**
   * Merges until layers stand side by side at the bottom, each sorted; behind a compaction that runs already. What
   * waits ends at once when it is to stop; a merge ends at its next step, and removes what it wrote.
   *
   * @param options How.
   * @param called What is done, if it is not that.
   * @throws {Deno.errors.BadResource} If it was closed meanwhile.
   */
  async compact(
    { signal, progress }: CompactOptions,
    called: CalledJobs = compaction,
  ): Promise<CompactionReport> {
    const { signal: closing } = this.#closing;
    const stop = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    const before = this.#compacting;
    using _held = this.#loop.hold();
    const ended = orAborted(before, stop).then(() => this.#compact(stop, progress, called.choose));
    this.#compacting = Promise.allSettled([before, ended]);
    try {
      return await ended;
    } catch (error) {
      if (!closing.aborted || error !== closing.reason) throw error;
      throw this.#closedError(called.words);
    }
  }

  #closedError(words: string): Error {
    return new Deno.errors.BadResource(`Cannot ${words} timeline "${this.#context.name}": it was closed`);
  }

  async #compact(
    stop: AbortSignal,
    progress: CompactOptions["progress"],
    choose: CalledJobs["choose"],
  ): Promise<CompactionReport> {
    // Whoever asks wants to know whether it is still as it was.
    this.#planner.tryAgain();
    this.#loop.endWait();
    const tally = new Tally(), { upkeep } = this.#context;
    // What is sealed meanwhile is left to another compaction: while appends go on there is always some.
    const { lastLsn } = this.#layers.levelled;
    let isDone = false;
    while (!isDone) {
      stop.throwIfAborted();
      await upkeep.run(async () => {
        const job = choose(this.#layers.levelled, lastLsn, this.#planner.settings);
        if (job === undefined) {
          isDone = true;
          return await this.#forget();
        }
        const { inputBytes } = tally.report, totalBytes = inputBytes + bytesOf(job.inputs);
        let bytes = inputBytes;
        const result = await this.#carryOut(job, stop, (more) => {
          progress?.({ bytes: bytes = Math.min(totalBytes, bytes + more), totalBytes });
        });
        tally.done(job, result);
        progress?.({ bytes: totalBytes, totalBytes });
      }, stop);
    }
    return tally.report;
  }

  /** Stops what runs, and waits until what was merged is removed: no view is open any more. */
  async close(): Promise<void> {
    this.stop();
    await this.#compacting;
    await this.#loop.idle();
    await this.#runner.close();
  }

  /** Stops what runs at its next step. */
  stop(): void {
    this.#closing.abort(this.#closedError("go on with upkeep of"));
    this.#loop.endWait();
  }
}
