/**
 * Layers that an edit took out of the manifest: they are removed when nobody needs them any more.
 *
 * G5  Inputs are removed only after the edit is durable, when no view needs them and no other process reads the store.
 *
 * They are removed in the order of history. The manifest does not care; but where it is lost later, a salvage reads what
 * a removal that was cut short has left, and a version whose deletion was removed before it would be there again.
 *
 * ```
 *   3rd   level 0       ├─── a@12, deleted ───┤
 *   2nd   level 0  ├─── a@9 ───┤
 *   1st   level 7    ├─── a@3 ───┤
 * ```
 *
 * @module
 */

import type { StoredLayer } from "../../layer/mod.ts";
import type { LevelledLayer } from "../../manifest/mod.ts";
import type { TimelineContext } from "../timeline_context.ts";
import type { StoredAt } from "./levelled_layers.ts";
import { columnLevel } from "./plan/levels.ts";

/** Some layers. */
export interface LayerTotals {
  /** How many there are. */
  readonly layers: number;
  /** Their bytes. */
  readonly bytes: number;
}

/** Layers that no map names any more and that are not removed. */
export interface HeldLayers {
  /** Those that views may need. */
  readonly viewed: LayerTotals;
  /** Those that another process may read, or that could not be removed. */
  readonly leased: LayerTotals;
}

/** What tells where a layer stands in the history of its keys. */
type PlacedLayer = Pick<LevelledLayer, "level" | "firstLsn" | "sequence">;

/** Removes what was merged. */
export class MergedLayers {
  readonly #context: TimelineContext;
  /** Waits for views that need what was merged, and what that is. */
  readonly #retirements = new Map<Promise<void>, readonly StoredLayer[]>();
  /** Layers that no view needs any more, in the order in which they go. */
  #merged: StoredLayer[] = [];
  /** Outputs of merges whose edit failed. It may stand there all the same, until another one stands behind it. */
  #doubtful: StoredLayer[] = [];
  #removing: Promise<void> = Promise.resolve();

  /** Has nothing to remove yet. */
  constructor(context: TimelineContext) {
    this.#context = context;
  }

  /** Takes note of outputs that a durable edit may name or not. */
  doubt(outputs: readonly StoredLayer[]): void {
    this.#doubtful.push(...outputs);
  }

  /** Takes note that an edit is durable behind which no doubtful one can stand. */
  settleDoubts(): void {
    this.#merged.push(...this.#doubtful.splice(0));
  }

  /** Removes layers that a durable edit took out as soon as nobody needs them; resolves when those are gone that may. */
  async retire(inputs: readonly StoredAt[]): Promise<void> {
    const layers = inputs.toSorted((a, b) => compareHistory(a.layer, b.layer)).map(({ stored }) => stored);
    const retirement: Promise<void> = this.#context.views.retire(
      layers,
      (layer) => void this.#merged.push(layer),
    )
      // Nobody is there to be told. What is left behind waits for another merge, or for the next opening.
      .then(() => this.#remove().catch(() => {}))
      .then(() => void this.#retirements.delete(retirement));
    this.#retirements.set(retirement, layers);
    // Where nobody reads it is over by now.
    await Promise.resolve();
    await this.#remove();
  }

  /** What was merged and is not removed. */
  get held(): HeldLayers {
    const viewed = [...this.#retirements.values()].flat().filter((layer) => !this.#merged.includes(layer));
    return { viewed: totalsOf(viewed), leased: totalsOf(this.#merged) };
  }

  /** Waits until everything is removed: no view is open any more. */
  async close(): Promise<void> {
    await Promise.all(this.#retirements.keys());
    // What is left behind is nobody's history: the next opening removes it.
    await this.#remove().catch(() => {});
  }

  /** Removes what may be removed, behind a removal that goes on. */
  #remove(): Promise<void> {
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
        for (; merged.length > 0; merged.shift()) await objects.remove(merged[0].object.id);
      });
      if (!isDone) this.#merged.unshift(...merged);
    } catch (error) {
      this.#merged.unshift(...merged);
      throw error;
    }
  }
}

/**
 * The order of history of two layers that one edit takes out: of its keys, what a level holds is older than what levels
 * above it hold (C2), and layers at level 0 follow each other. A column follows what it was parted from, which lies at or
 * below some level, and stands before what came to level 0 since.
 */
export function compareHistory(a: PlacedLayer, b: PlacedLayer): number {
  return depthOf(b) - depthOf(a) || a.firstLsn - b.firstLsn || a.sequence - b.sequence;
}

function depthOf({ level }: PlacedLayer): number {
  return level === columnLevel ? 0 : level;
}

function totalsOf(layers: readonly StoredLayer[]): LayerTotals {
  return {
    layers: layers.length,
    bytes: layers.reduce((sum, { description }) => sum + description.byteLength, 0),
  };
}
