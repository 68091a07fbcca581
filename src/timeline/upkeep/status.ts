/**
 * What is shown of upkeep.
 *
 * @module
 */

import type { CorruptionError } from "../../base/mod.ts";
import type { WorkCounts } from "./compaction.ts";

/**
 * What upkeep of a timeline does: `idle`, nothing is to do; `manual`, nothing is done unless somebody asks; `queued`,
 * it waits for a job of another timeline; `merging`; `full`, it waits for a disk with room, for itself
 * and for appends, or for descriptors, or memory, as `error` says; `failed`, it
 * waits before it tries again; `damaged`, all that is left to do needs layers that are damaged; `ended`, writing has.
 */
export type UpkeepState = "idle" | "manual" | "queued" | "merging" | "full" | "failed" | "damaged" | "ended";

/** What upkeep of a timeline does, did since it was opened, and has to do. */
export interface UpkeepStatus extends WorkCounts {
  /** What it does. */
  readonly state: UpkeepState;
  /** Layers at level 0: sealed, or joined there, and to be merged sooner or later. */
  readonly level0Layers: number;
  /** About how many bytes must be written until nothing is to do. */
  readonly debtBytes: number;
  /** How far over its bound the worst level is: 0 within, 1 at twice as much as it should be. */
  readonly pressure: number;
  /** Why layers are left alone, by their files, until the store is opened again or `compact` is called. */
  readonly damaged: readonly CorruptionError[];
  /** Why the last job ended early, if none has succeeded since. */
  readonly error?: string | undefined;
  /** How long it waits before it tries again, in milliseconds; 0 if it does not wait. */
  readonly retryMilliseconds: number;
}
