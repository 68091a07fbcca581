/**
 * How a timeline is compacted, and what came of it.
 *
 * @module
 */

import type { JobResult } from "./job_runner.ts";
import { bytesOf } from "./plan/level.ts";
import type { PlannedJob } from "./plan/planned_layer.ts";

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

/** The names of {@linkcode CompactOptions}. */
export const compactNames: readonly string[] = ["signal", "progress"];

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

/** What upkeep did. Layers that an edit alone took out, unread, are in none of the counts. */
export interface WorkCounts {
  /** Merges that were carried out. */
  readonly merges: number;
  /** Layers that were given another level by an edit alone. */
  readonly moves: number;
  /** The bytes of layers that came of merges. */
  readonly mergedBytes: number;
  /** Jobs that ended early, since a file or memory failed them, or an input is damaged: not those that were stopped. */
  readonly failures: number;
}

/** Adds up what was done. */
export class Tally {
  #report: CompactionReport = { merges: 0, inputLayers: 0, outputLayers: 0, inputBytes: 0, outputBytes: 0 };
  #moves = 0;
  #failures = 0;

  /** All of it. */
  get report(): CompactionReport {
    return this.#report;
  }

  /** What is shown of it among metrics. */
  get counts(): WorkCounts {
    const { merges, outputBytes: mergedBytes } = this.#report;
    return { merges, moves: this.#moves, mergedBytes, failures: this.#failures };
  }

  /** Adds a job that ended early. */
  failed(): void {
    this.#failures++;
  }

  /** Adds a job that is done. */
  done(job: PlannedJob, { inputs, outputs }: JobResult): void {
    if (job.work === "move") {
      this.#moves += job.inputs.length;
      return;
    }
    const { merges, inputLayers, outputLayers, inputBytes, outputBytes } = this.#report;
    this.#report = {
      merges: job.work === "merge" ? merges + 1 : merges,
      inputLayers: inputLayers + inputs.length,
      outputLayers: outputLayers + outputs.length,
      inputBytes: inputBytes + bytesOf(inputs),
      outputBytes: outputBytes + bytesOf(outputs),
    };
  }
}
