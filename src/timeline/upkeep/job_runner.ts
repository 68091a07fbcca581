/**
 * Carrying out what upkeep plans: one job, which one edit of the manifest ends.
 *
 * ```
 *   merge:  numbers reserved ─► outputs durable ─► edit durable ─► in the map ─► inputs given to `MergedLayers`
 *   move:                                          edit durable ─► known to plans; readers need not know
 * ```
 *
 * G4  The one edit of a job is its only commit point.
 *
 * One job at a time: what a job takes in stays as it is until its end, and sealing only adds layers that are newer.
 *
 * @module
 */

import { type Health, isShortage, type Lsn } from "../../base/mod.ts";
import { StoredLayer } from "../../layer/mod.ts";
import type { LevelledLayer, TimelineEdit } from "../../manifest/mod.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { TimelineLayers } from "../write/timeline_layers.ts";
import type { StoredAt } from "./levelled_layers.ts";
import { type HeldLayers, MergedLayers } from "./merged_layers.ts";
import { orAborted } from "./or_aborted.ts";
import { outputEnds } from "./plan/cuts.ts";
import type { PlannedJob, PlanSettings } from "./plan/planned_layer.ts";
import { imageLsnOf } from "./retain/image_lsn.ts";
import { runMerge } from "./run_merge.ts";

/** How a job is carried out. */
export interface JobTerms {
  /** What is to be reached. */
  readonly settings: PlanSettings;
  /** Ends it at its next step. */
  readonly stop: AbortSignal;
  /** Is told of bytes that were copied. */
  readonly copied?: ((bytes: number) => void) | undefined;
}

/** What came of a job. */
export interface JobResult {
  /** The layers that were merged; none of a move. */
  readonly inputs: readonly LevelledLayer[];
  /** The layers that came of it. */
  readonly outputs: readonly LevelledLayer[];
}

/** Carries out jobs. */
export class JobRunner {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #layers: TimelineLayers;
  readonly #merged: MergedLayers;
  readonly #horizon: () => Lsn;

  /**
   * Does nothing yet.
   *
   * @param context The timeline.
   * @param health Whether writing goes on; it is told if an edit fails.
   * @param layers The layers.
   * @param horizon Below which LSN versions may go, by a durable edit.
   */
  constructor(context: TimelineContext, health: Health, layers: TimelineLayers, horizon: () => Lsn) {
    this.#context = context;
    this.#health = health;
    this.#layers = layers;
    this.#merged = new MergedLayers(context);
    this.#horizon = horizon;
  }

  /**
   * Carries out a job.
   *
   * @throws {CorruptionError} If an input is damaged.
   * @throws {IoError} If an input cannot be read, or the disk is full.
   * @throws {PoisonedError} If an output cannot be written: then that alone; or the edit: then nothing is written any more.
   */
  async run(job: PlannedJob, { settings, stop, copied }: JobTerms): Promise<JobResult> {
    const { level, cuts, work } = job, inputs = this.#layers.levelled.storedOf(job.inputs);
    this.#check(stop);
    if (work === "move") {
      await this.#move(inputs, level);
      return { inputs: [], outputs: [] };
    }
    // Under the bottom of a branch lies its ancestor: it keeps tombstones, and makes no image (V2).
    const isOldest = job.isOldest && this.#context.ancestor === undefined;
    const horizon = this.#horizon(), retention = horizon === 0 ? undefined : { horizon, isOldest };
    const stored = inputs.map(({ stored }) => stored);
    let held = 0;
    using _held = this.#context.meters.upkeep.hold(() => held);
    const outputs = work === "remove" ? [] : await runMerge(this.#context, stored, {
      level,
      cuts,
      ends: outputEnds(job, settings),
      columnBytes: settings.outputBytes,
      retention,
      imageLsn: retention && imageLsnOf(this.#layers.map, stored, retention),
      signal: stop,
      noted: (text) => this.#context.note?.(text),
      reserve: (count) => this.#reserve(count, stop),
      check: () => this.#check(stop),
      copied: (bytes, heldBytes) => {
        held = heldBytes;
        copied?.(bytes);
      },
    });
    await this.#publish(inputs, outputs);
    return { inputs: inputs.map(({ layer }) => layer), outputs };
  }

  /** Takes layers out that nothing is lost with. */
  async forget(spent: readonly StoredAt[]): Promise<void> {
    await this.#publish(spent, []);
  }

  /** See {@linkcode MergedLayers.held}. */
  get held(): HeldLayers {
    return this.#merged.held;
  }

  /** Waits until what was merged is removed: no view is open any more. */
  async close(): Promise<void> {
    await this.#merged.close();
  }

  #check(stop: AbortSignal): void {
    stop.throwIfAborted();
    if (!isShortage(this.#health.cause)) this.#health.check();
  }

  /** Takes numbers of files, durably. */
  async #reserve(count: number, stop: AbortSignal): Promise<number> {
    const { id } = this.#context, first = this.#layers.takeSequences(count);
    // Segments are named in the order of their numbers.
    await orAborted(this.#unlessFull(this.#layers.named()), stop);
    await this.#commit({ type: "reserve", id, nextSequence: first + count });
    this.#merged.settleDoubts();
    return first;
  }

  /** Waits for what would wait for a disk with room. */
  async #unlessFull(work: Promise<void>): Promise<void> {
    work.catch(() => {});
    const full = Promise.withResolvers<never>();
    const unwatch = this.#health.watch(() => {
      if (this.#health.state !== "open") full.reject(this.#health.refusal());
    });
    try {
      this.#health.check();
      await Promise.race([work, full.promise]);
    } finally {
      unwatch();
    }
  }

  /** An edit that fails for anything but room poisons. */
  async #commit(edit: TimelineEdit): Promise<void> {
    try {
      await this.#context.manifest.commit(edit);
    } catch (error) {
      throw isShortage(error) ? error : this.#health.fail(error as Error);
    }
  }

  /** Puts layers in the place of others, durably, then for whoever comes from now on. */
  async #publish(inputs: readonly StoredAt[], outputs: readonly LevelledLayer[]): Promise<void> {
    const { objects, id } = this.#context;
    const remove = inputs.map(({ layer }) => layer.sequence);
    const added = outputs.map((layer) => ({ stored: StoredLayer.of(objects, id, layer), layer }));
    try {
      await this.#commit({ type: "replaceLayers", id, remove, add: outputs });
    } catch (error) {
      this.#merged.doubt(added.map(({ stored }) => stored));
      throw error;
    }
    this.#layers.replace(inputs, added);
    await this.#merged.retire(inputs);
  }

  async #move(inputs: readonly StoredAt[], level: number): Promise<void> {
    const sequences = inputs.map(({ layer }) => layer.sequence);
    await this.#commit({ type: "moveLayers", id: this.#context.id, sequences, level });
    this.#layers.move(inputs, level);
  }
}
