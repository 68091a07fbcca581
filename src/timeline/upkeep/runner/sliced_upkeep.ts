/**
 * Upkeep on the main thread, in slices between which the event loop gets its turns.
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import {
  type LayerDescription,
  type LayerSink,
  memoryCursor,
  sortIndex,
  type StoredLayer,
  writeLayer,
} from "../../../layer/mod.ts";
import type { LevelledLayer } from "../../../manifest/mod.ts";
import type { MergeContext } from "../merge/merge_context.ts";
import { mergeLayers, type MergeWork } from "../merge/merge_layers.ts";
import type { SealJob, UpkeepCounters, UpkeepRunner } from "./upkeep_runner.ts";

/** See the top of the file. */
export class SlicedUpkeep implements UpkeepRunner {
  /** See {@linkcode UpkeepRunner.counters}. */
  readonly counters: Readonly<UpkeepCounters> = { workerJobs: 0, workerFailures: 0 };
  readonly #turns: Turns;

  /**
   * Holds nothing.
   *
   * @param turns When the event loop gets its turns.
   */
  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** See {@linkcode UpkeepRunner.indexMemory}. */
  indexMemory(): undefined {
    return undefined;
  }

  /** See {@linkcode UpkeepRunner.seal}. No value is read or copied, and pages are written while others are built. */
  async seal({ writer, index, identity }: SealJob): Promise<LayerDescription> {
    const sink: LayerSink = {
      get position() {
        return writer.position;
      },
      append: (bytes) => writer.append(bytes),
      room: () => writer.patientRoom(),
    };
    await sortIndex(index, this.#turns);
    const layer = await writeLayer(memoryCursor(index), sink, identity, { turns: this.#turns });
    await writer.finish();
    return layer;
  }

  /** See {@linkcode UpkeepRunner.merge}. */
  merge(context: MergeContext, layers: readonly StoredLayer[], work: MergeWork): Promise<LevelledLayer[]> {
    return mergeLayers(context, layers, work);
  }

  /** See {@linkcode UpkeepRunner.close}. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
