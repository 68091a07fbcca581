/**
 * What keeps the layers of a timeline in order: it asks the plan, has its jobs carried out one after the other, and
 * meets what goes wrong.
 *
 * ```
 *              a layer sealed, opened, a back-off over, the disk has room again
 *                                  │
 *   idle ◄── nothing planned ── plan ─► queued ─► merging ─► done: plan anew
 *                                  ▲                 │
 *                                  │                 ├─ an input is damaged ─► it is left out; `damaged` once no other job is left
 *                                  └─── back-off ────┼─ no room ─► full      │  retried by `compact`, or after opening again
 *                                                    └─ IO fails ─► failed
 * ```
 *
 * Closing ends a job at its next step, whatever is still to be done: the next opening plans from the manifest.
 *
 * @module
 */

import { CorruptionError, type Health, isShortage, type Lsn, VarveError } from "../../base/mod.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { TimelineLayers } from "../write/timeline_layers.ts";
import { BackOff } from "./back_off.ts";
import { type CompactionReport, type CompactOptions, Tally } from "./compaction.ts";
import { type JobResult, JobRunner } from "./job_runner.ts";
import type { LevelledLayers } from "./levelled_layers.ts";
import { orAborted } from "./or_aborted.ts";
import { bytesOf } from "./plan/level.ts";
import { planCompaction } from "./plan/plan_compaction.ts";
import { planUpkeep } from "./plan/plan_upkeep.ts";
import type { HeldLayers } from "./merged_layers.ts";
import {
  type PlannedJob,
  type PlanSettings,
  planSettingsFor,
  type UpkeepPlan,
} from "./plan/planned_layer.ts";
import type { UpkeepState, UpkeepStatus } from "./status.ts";

/** What a compactor asks and tells. */
export interface CompactorWorld {
  /** Below which LSN versions may go, by a durable edit. */
  readonly horizon: () => Lsn;
  /** Is told when somebody who waits for upkeep should look again. */
  readonly changed: () => void;
}

/** Chooses the next job of a compaction; `undefined` if there is none. */
export type ChooseJob = (
  layers: LevelledLayers,
  lastLsn: Lsn,
  settings: PlanSettings,
) => PlannedJob | undefined;

const compactAll: ChooseJob = (layers, lastLsn, settings) => planCompaction(layers.upTo(lastLsn), settings);

const nothing: UpkeepPlan = { job: undefined, debt: 0, pressure: 0 };

/** Keeps the layers of a timeline in order. */
export class Compactor {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #layers: TimelineLayers;
  readonly #runner: JobRunner;
  readonly #settings: PlanSettings;
  readonly #horizon: () => Lsn;
  readonly #changed: () => void;
  readonly #backOff: BackOff;
  /** Ends when no compaction runs or waits that somebody called for. */
  #compacting: Promise<unknown> = Promise.resolve();
  #compactions = 0;
  /** What runs by itself. */
  #running: Promise<void> | undefined;
  /** What runs by itself does, or why it does not. */
  #state: "idle" | "queued" | "full" | "failed" | "ended" = "idle";
  #isMerging = false;
  /** What is planned for the layers that there are; left out, nobody has asked since they changed. */
  #plan: UpkeepPlan | undefined;
  /** By sequence, inputs that are damaged: no job takes them in. */
  readonly #damaged = new Map<number, CorruptionError>();
  /** Why the manifest gives no plan. */
  #disorder: CorruptionError | undefined;
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
    this.#health = health;
    this.#layers = layers;
    this.#horizon = horizon;
    this.#changed = changed;
    this.#runner = new JobRunner(context, health, layers, horizon);
    this.#settings = planSettingsFor(context.settings.segmentBytes);
    this.#backOff = new BackOff(context.host.timers, () => this.wake());
    let last = health.state;
    health.watch(() => {
      // The disk has room again, for all that is known.
      if (last === "full" && health.state === "open" && this.#backOff.end()) this.wake();
      last = health.state;
    });
  }

  /** The layers have changed, or something else that a plan may follow from: goes on by itself, if it is to. */
  wake(): void {
    this.#plan = undefined;
    if (!this.#runsByItself || this.#running !== undefined || this.#backOff.isOn) return;
    if (!this.#hasWork()) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#changed();
      // Something may have come since it last looked.
      this.wake();
    });
  }

  get #runsByItself(): boolean {
    return this.#context.upkeep.mode !== "manual" && !this.#context.readOnly && this.#compactions === 0 &&
      !this.#closing.signal.aborted && (this.#health.cause === undefined || isShortage(this.#health.cause));
  }

  /** How much upkeep lags behind, while it works on it: 0 if nobody should wait for it. */
  get pressure(): number {
    return this.#running !== undefined && this.#state === "queued" ? this.#planned().pressure : 0;
  }

  /** What was merged and is not removed. */
  get held(): HeldLayers {
    return this.#runner.held;
  }

  /** What it does, and what there is to do. */
  get status(): UpkeepStatus {
    const { debt, pressure } = this.#planned();
    const damaged = new Set(this.#damaged.values());
    if (this.#disorder !== undefined) damaged.add(this.#disorder);
    return {
      state: this.#shownState(damaged.size > 0),
      ...this.#tally.counts,
      level0Layers: this.#disorder === undefined ? this.#layers.levelled.levels.l0s.length : 0,
      debtBytes: Math.round(debt),
      pressure,
      damaged: [...damaged],
      error: this.#backOff.cause?.message,
      retryMilliseconds: this.#backOff.isOn ? this.#backOff.milliseconds : 0,
    };
  }

  #shownState(isDamaged: boolean): UpkeepState {
    if (this.#isMerging) return "merging";
    if (this.#state !== "idle") return this.#state;
    if (isDamaged) return "damaged";
    return this.#context.upkeep.mode === "manual" ? "manual" : "idle";
  }

  /** What is planned; it costs nothing as long as no layer comes or goes. */
  #planned(): UpkeepPlan {
    if (this.#plan !== undefined) return this.#plan;
    const { levelled } = this.#layers;
    try {
      const blocked = levelled.storedOf([...this.#damaged.keys()].map((sequence) => ({ sequence })));
      const settings = { ...this.#settings, horizon: this.#horizon() || undefined };
      return this.#plan = planUpkeep(levelled.levels, settings, blocked.map(({ layer }) => layer));
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#disorder = error;
      return this.#plan = nothing;
    }
  }

  #hasWork(): boolean {
    return this.#planned().job !== undefined || this.#layers.levelled.spent().length > 0;
  }

  /** Carries out what is planned until nothing is, or nothing can be. It never rejects. */
  async #run(): Promise<void> {
    const { upkeep } = this.#context, { signal } = this.#closing;
    while (this.#runsByItself && this.#hasWork()) {
      this.#state = "queued";
      try {
        await upkeep.run(() => this.#next(), signal);
        this.#backOff.succeeded();
      } catch (error) {
        if (!this.#giveUp(error as Error)) return;
      }
      this.#changed();
    }
    this.#state = "idle";
  }

  /** Carries out the next job. */
  async #next(): Promise<void> {
    // Others had their turn meanwhile: what was planned before is stale.
    this.#plan = undefined;
    if (!this.#runsByItself) return;
    const { job } = this.#planned();
    if (job !== undefined) await this.#carryOut(job, this.#closing.signal);
    else await this.#forget();
  }

  async #carryOut(
    job: PlannedJob,
    stop: AbortSignal,
    copied?: (bytes: number) => void,
  ): Promise<JobResult> {
    this.#isMerging = true;
    try {
      const result = await this.#runner.run(job, { settings: this.#settings, stop, copied });
      this.#tally.done(job, result);
      return result;
    } catch (error) {
      if (error instanceof CorruptionError) this.#leaveOut(job, error);
      throw error;
    } finally {
      this.#isMerging = false;
      this.#plan = undefined;
    }
  }

  async #forget(): Promise<void> {
    const spent = this.#layers.levelled.spent();
    if (spent.length > 0) await this.#runner.forget(spent);
    this.#plan = undefined;
  }

  /** Takes in the damaged input no more; all of them, if it cannot be told which it is. */
  #leaveOut({ inputs }: PlannedJob, error: CorruptionError): void {
    const stored = this.#layers.levelled.storedOf(inputs);
    const found = stored.filter(({ stored: { object } }) => object.path === error.path);
    for (const { layer } of found.length > 0 ? found : stored) this.#damaged.set(layer.sequence, error);
  }

  /** Takes note of why a job ended early; returns whether another one may be begun. */
  #giveUp(error: Error): boolean {
    this.#plan = undefined;
    if (this.#closing.signal.aborted || this.#health.state === "poisoned") {
      this.#state = "ended";
      return false;
    }
    if (error instanceof CorruptionError) return true;
    if (!(error instanceof VarveError)) {
      // It is our own fault: nothing may hide it.
      this.#health.fail(error);
      this.#state = "ended";
      return false;
    }
    this.#state = isShortage(error) ? "full" : "failed";
    this.#backOff.begin(error);
    return false;
  }

  /**
   * Merges until layers stand side by side at the bottom, each sorted; behind a compaction that runs already. What
   * waits ends at once when it is to stop; a merge ends at its next step, and removes what it wrote.
   *
   * @param options How.
   * @param choose Chooses what is done next.
   */
  async compact(
    { signal, progress }: CompactOptions,
    choose: ChooseJob = compactAll,
  ): Promise<CompactionReport> {
    const { signal: closing } = this.#closing;
    const stop = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    const before = this.#compacting;
    this.#compactions++;
    const compaction = orAborted(before, stop).then(() => this.#compact(stop, progress, choose));
    this.#compacting = Promise.allSettled([before, compaction]);
    try {
      return await compaction;
    } finally {
      this.#compactions--;
      this.wake();
    }
  }

  async #compact(
    stop: AbortSignal,
    progress: CompactOptions["progress"],
    choose: ChooseJob,
  ): Promise<CompactionReport> {
    // Whoever asks wants to know whether it is still as it was.
    this.#damaged.clear();
    this.#disorder = undefined;
    this.#backOff.end();
    const tally = new Tally(), { upkeep } = this.#context;
    // What is sealed meanwhile is left to another compaction: while appends go on there is always some.
    const { lastLsn } = this.#layers.levelled;
    let isDone = false;
    while (!isDone) {
      stop.throwIfAborted();
      await upkeep.run(async () => {
        const job = choose(this.#layers.levelled, lastLsn, this.#settings);
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
    await this.#running;
    await this.#runner.close();
  }

  /** Stops what runs at its next step. */
  stop(): void {
    const { name } = this.#context;
    this.#closing.abort(new Deno.errors.BadResource(`Cannot compact timeline "${name}": it was closed`));
    this.#backOff.end();
  }
}
