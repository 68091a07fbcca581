/**
 * Compaction: layers that lie over each other in key are merged into layers side by side, until none does.
 *
 * ```
 *   layers:  L0 ──────────        merge the oldest L0s        delta ───┬───┬───
 *            L0 ──────────   ──►                         ──►  delta ─┬───┬─────   ──►  delta ──┬───┬───┬──
 *            delta ─┬──┬──                                   delta ─┬──┬──────
 *
 *   outputs durable ─► edit durable ─► in the map ─► the last view of the inputs has ended ─► inputs removed
 * ```
 *
 * G4  One compaction runs at a time; the one edit of each merge is its only commit point.
 * G5  Inputs are removed only after the edit is durable, when no view needs them and no other process reads the store.
 *
 * @module
 */

import { type Health, isShortage } from "../../base/mod.ts";
import type { TimelineEdit } from "../../manifest/mod.ts";
import { type LayerDescription, StoredLayer } from "../../layer/mod.ts";
import { mergeContext, type TimelineContext } from "../timeline_context.ts";
import type { TimelineLayers } from "../write/timeline_layers.ts";
import { isOldest } from "./merge/is_oldest.ts";
import { mostVersions } from "./merge/merge_layers.ts";
import { type FullLayer, nextMerge } from "./merge/next_merge.ts";
import type { Retention } from "./merge/retained.ts";
import { orAborted } from "./or_aborted.ts";
import type { Horizon } from "./retain/horizon.ts";

/** How a compaction goes on. */
export interface CompactionProgress {
  /** Bytes of layers that are merged already. */
  readonly bytes: number;
  /** Bytes of layers that are merged, or are to be as far as is known now: it grows. */
  readonly totalBytes: number;
}

/** How a timeline is compacted. */
export interface CompactOptions {
  /** Stops it. Merges that are done stay. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how it goes on, after every 32 MiB or so and after every merge. */
  readonly progress?: ((progress: CompactionProgress) => void) | undefined;
}

/** What a compaction did. */
export interface CompactionReport {
  /** Merges that were carried out. */
  readonly merges: number;
  /** Layers that were merged; one that came of an earlier merge counts again. */
  readonly inputLayers: number;
  /** Layers that came of it. */
  readonly outputLayers: number;
  /** The bytes of the layers that were merged. */
  readonly inputBytes: number;
  /** The bytes of the layers that came of it, which were written. */
  readonly outputBytes: number;
}

/** Layers, and what is done with them: an edit takes them out, with what came of merging them in their place or not. */
export interface ChosenLayers {
  /** What is done. */
  readonly work: "merge" | "remove";
  /** The layers. */
  readonly inputs: readonly StoredLayer[];
}

/** Chooses what is done next; `undefined` if nothing is. */
export type MergeChoice = (layers: StoredLayer[], full: FullLayer) => ChosenLayers | undefined;

/** Layers that no map names any more. */
export interface HeldLayers {
  /** How many there are. */
  readonly layers: number;
  /** Their bytes. */
  readonly bytes: number;
}

const mergeAll: MergeChoice = (layers, full) => {
  const inputs = nextMerge(layers, full);
  return inputs && { work: "merge", inputs };
};

/** Merges the layers of a timeline. */
export class Compactor {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #layers: TimelineLayers;
  readonly #horizon: Horizon;
  /** Ends when no compaction runs or waits. */
  #running: Promise<unknown> = Promise.resolve();
  /** Waits for views that need what was merged, and what that is. */
  readonly #retirements = new Map<Promise<void>, readonly StoredLayer[]>();
  /** Layers that were merged and that no view needs any more. */
  #merged: StoredLayer[] = [];
  /** Outputs of merges whose edit failed. It may stand there all the same, until another one stands behind it. */
  #doubtful: StoredLayer[] = [];
  #removing: Promise<void> = Promise.resolve();
  /** Is aborted by closing. */
  readonly #closing = new AbortController();

  /**
   * Does nothing yet.
   *
   * @param context The timeline.
   * @param health Whether writing goes on; it is told if an edit fails.
   * @param layers The layers.
   * @param horizon Below which LSN versions may go.
   */
  constructor(context: TimelineContext, health: Health, layers: TimelineLayers, horizon: Horizon) {
    this.#context = context;
    this.#health = health;
    this.#layers = layers;
    this.#horizon = horizon;
  }

  /**
   * Merges until nothing is left to be merged; behind a compaction that runs already. What waits ends at once when it
   * is to stop; a merge ends at its next step, and removes what it wrote.
   *
   * @param options How.
   * @param choose Chooses what is merged next; left out, whatever lies over each other.
   */
  async compact(
    { signal, progress }: CompactOptions,
    choose: MergeChoice = mergeAll,
  ): Promise<CompactionReport> {
    const { signal: closing } = this.#closing;
    const stop = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    const before = this.#running;
    const compaction = orAborted(before, stop).then(() => this.#compact(stop, progress, choose));
    this.#running = Promise.allSettled([before, compaction]);
    return await compaction;
  }

  /** Stops what runs, and waits until what was merged is removed: no view is open any more. */
  async close(): Promise<void> {
    const { name } = this.#context;
    this.#closing.abort(new Deno.errors.BadResource(`Cannot compact timeline "${name}": it was closed`));
    await this.#running;
    await Promise.all(this.#retirements.keys());
    // What is left behind is nobody's history: the next opening removes it.
    await this.#removeMerged().catch(() => {});
  }

  /** What was merged and is not removed: what views may need, and what another process may read. */
  get held(): { readonly viewed: HeldLayers; readonly leased: HeldLayers } {
    const viewed = [...this.#retirements.values()].flat().filter((layer) => !this.#merged.includes(layer));
    return { viewed: heldOf(viewed), leased: heldOf(this.#merged) };
  }

  async #compact(
    stop: AbortSignal,
    progress: CompactOptions["progress"],
    choose: MergeChoice,
  ): Promise<CompactionReport> {
    const report = { merges: 0, inputLayers: 0, outputLayers: 0, inputBytes: 0, outputBytes: 0 };
    const { segmentBytes } = this.#context.settings, full = { bytes: segmentBytes, versions: mostVersions };
    const last = lastSequence(this.#layers.map.stored());
    for (;;) {
      this.#check(stop);
      // L0s that come meanwhile are left to another compaction: while appends go on there are always some.
      const layers = [...this.#layers.map.stored()].filter(({ description: { kind, sequence } }) =>
        kind !== "L0" || sequence <= last
      );
      const chosen = choose(layers, full);
      if (chosen === undefined) return report;
      const { inputs, work } = chosen;
      const inputBytes = sizeOf(inputs), totalBytes = report.inputBytes + inputBytes;
      let { inputBytes: bytes } = report, held = 0;
      using _held = this.#context.meters.upkeep.hold(() => held);
      const { runner } = this.#context;
      const outputs = work === "remove" ? [] : await runner.merge(mergeContext(this.#context), inputs, {
        retention: this.#retention(inputs),
        targetBytes: segmentBytes,
        signal: stop,
        reserve: (count) => this.#reserve(count, stop),
        check: () => this.#check(stop),
        copied: (more, heldBytes) => {
          held = heldBytes;
          progress?.({ bytes: bytes = Math.min(totalBytes, bytes + more), totalBytes });
        },
      });
      await this.#publish(inputs, outputs);
      report.merges++;
      report.inputLayers += inputs.length;
      report.outputLayers += outputs.length;
      report.inputBytes += inputBytes;
      report.outputBytes += outputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
      progress?.({ bytes: totalBytes, totalBytes });
    }
  }

  /** What a merge may leave out (X2). */
  #retention(inputs: readonly StoredLayer[]): Retention | undefined {
    const { lsn: horizon } = this.#horizon;
    return horizon === 0
      ? undefined
      : { horizon, isOldest: isOldest(inputs, this.#layers.map.stored(), horizon) };
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
    this.#merged.push(...this.#doubtful.splice(0));
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
  async #publish(inputs: readonly StoredLayer[], outputs: readonly LayerDescription[]): Promise<void> {
    const { objects, views, id } = this.#context;
    const remove = inputs.map(({ description }) => description.sequence);
    const added = outputs.map((layer) => StoredLayer.of(objects, id, layer));
    try {
      await this.#commit({ type: "replaceLayers", id, remove, add: outputs });
    } catch (error) {
      this.#doubtful.push(...added);
      throw error;
    }
    this.#layers.replace(inputs, added);
    const retirement: Promise<void> = views.retire(inputs, (layer) => void this.#merged.push(layer))
      // Nobody is there to be told. What is left behind waits for another merge, or for the next opening.
      .then(() => this.#removeMerged().catch(() => {}))
      .then(() => void this.#retirements.delete(retirement));
    this.#retirements.set(retirement, inputs);
    // Where nobody reads it is over by now.
    await Promise.resolve();
    await this.#removeMerged();
  }

  /** Removes what was merged, behind a removal that goes on. */
  #removeMerged(): Promise<void> {
    const removed = this.#removing.then(() => this.#removeAll());
    this.#removing = removed.catch(() => {});
    return removed;
  }

  /**
   * Removes what was merged, unless somebody in another process may read it: then after another merge, or when the store
   * is closed or opened. That it cannot be removed harms no history, so that writing goes on.
   */
  async #removeAll(): Promise<void> {
    const { objects, id } = this.#context, merged = this.#merged;
    if (merged.length === 0) return;
    this.#merged = [];
    try {
      const isDone = await objects.leases.whileNone(id, async () => {
        for (; merged.length > 0; merged.pop()) await objects.remove(merged[merged.length - 1].object.id);
      });
      if (!isDone) this.#merged.push(...merged);
    } catch (error) {
      this.#merged.push(...merged);
      throw error;
    }
  }
}

function lastSequence(layers: Iterable<StoredLayer>): number {
  let last = 0;
  for (const { description: { sequence } } of layers) last = Math.max(last, sequence);
  return last;
}

function sizeOf(layers: readonly StoredLayer[]): number {
  return layers.reduce((sum, { description }) => sum + description.byteLength, 0);
}

function heldOf(layers: readonly StoredLayer[]): HeldLayers {
  return { layers: layers.length, bytes: sizeOf(layers) };
}
