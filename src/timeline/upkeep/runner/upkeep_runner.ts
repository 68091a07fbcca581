/**
 * Who does the heavy work of upkeep: sorting, building indexes, copying records. What it leads to is somebody else's:
 * edits are committed on the main thread alone.
 *
 * @module
 */

import type { Health } from "../../../base/mod.ts";
import type {
  ArrayMemory,
  LayerDescription,
  LayerIdentity,
  MemoryIndex,
  StoredLayer,
} from "../../../layer/mod.ts";
import type { ObjectWriter } from "../../../objects/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import type { MergeContext } from "../merge/merge_context.ts";
import type { MergeWork } from "../merge/merge_layers.ts";

/** The memory of one index, from its first batch until nobody reads it any more. */
export interface IndexMemory extends ArrayMemory {
  /** Says that another thread may go on looking at it: it is not used again. */
  abandon(): void;
  /** Gives it up: nobody on this thread looks at it any more. Doing so again does nothing. */
  release(): void;
}

/** A frozen layer that is to be sealed. */
export interface SealJob {
  /** What writes its segment, which ends with a pad. */
  readonly writer: ObjectWriter;
  /** Its index. */
  readonly index: MemoryIndex;
  /** The memory of its index, if it was taken from the runner. */
  readonly memory: IndexMemory | undefined;
  /** What the layer will be. */
  readonly identity: LayerIdentity;
  /** Whether writing goes on. A full disk is waited for. */
  readonly health: Health;
}

/** What runners did. */
export interface UpkeepCounters {
  /** Jobs that Workers did. */
  workerJobs: number;
  /** Workers that did not start, or ended before they were told to. */
  workerFailures: number;
}

/** Does the heavy work of upkeep of a store. */
export interface UpkeepRunner {
  /** What it did so far. */
  readonly counters: Readonly<UpkeepCounters>;
  /** Memory for the index of a layer that is opened; `undefined` if any will do. */
  indexMemory(): IndexMemory | undefined;
  /**
   * Appends index, filter and footer behind the values of a frozen layer.
   *
   * @returns What the footer says, once all of the file is durable and the writer is closed.
   * @throws {PoisonedError} If a write or a sync failed, now or before.
   */
  seal(job: SealJob): Promise<LayerDescription>;
  /** See `mergeLayers`. */
  merge(context: MergeContext, layers: readonly StoredLayer[], work: MergeWork): Promise<LevelledLayer[]>;
  /** Gives up what it holds. No job runs any more. */
  close(): Promise<void>;
}
