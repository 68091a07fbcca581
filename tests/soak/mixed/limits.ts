/** What a store may take, by its shape and by what is in it. */

import type { LineTold, Told } from "./load/told.ts";
import type { PlannedTimeline } from "./planned_timeline.ts";
import type { Shape } from "./shape.ts";

const MiB = 1024 * 1024;

/** Beyond its settings a process may take so much, and what the runtime took before. */
const spareBytes = 100 * MiB;
/** Files that stay open on a thread at the most, of two threads, and what engines and pipes have. */
const openFiles = 2 * 384 + 64;
/** Sorted levels over a key, segments of them, and segments at which appends are held. */
const sortedRuns = 7, heldLevel0 = 36;
/** Layers over a key when upkeep has nothing left to do. */
const quietDepth = 10;
/** Segments of a timeline that are written, being sealed or at level 0, beside bounds of levels. */
const freshSegments = 16;
/** A merge takes in so many segments. */
const mergedSegments = 16;
/** What upkeep writes at the most for a byte of payload, while nothing may be removed. */
const writtenPerByte = 8;
/** What is on disk for a byte that can be read, once history was given up. */
const quietShare = 1.3;

/** The memory that a process may have resident. */
export function residentLimit({ memoryBytes, cacheBytes }: Shape, startBytes: number): number {
  return startBytes + memoryBytes + cacheBytes + spareBytes;
}

/** The descriptors that a process may have. */
export const descriptorLimit: number = openFiles;

/** Layers over a key while there is load: sorted runs, and level 0. */
export const depthLimits: { readonly sorted: number; readonly level0: number; readonly quiet: number } = {
  sorted: sortedRuns,
  level0: heldLevel0,
  quiet: quietDepth,
};

/** How much of a store can be read, kept from one question to the next while little was appended. */
export class Readable {
  readonly #planned: readonly PlannedTimeline[];
  readonly #last = new Map<string, { readonly batch: number; readonly bytes: number }>();

  /** Knows what was written. */
  constructor(planned: readonly PlannedTimeline[]) {
    this.#planned = planned;
  }

  /** The bytes that can be read of all timelines, as of a moment that is at most so many batches ago. */
  bytes(lines: readonly LineTold[], staleBatches: number): number {
    let sum = 0;
    for (const { name, horizon, lastLsn } of lines) {
      const line = this.#planned.find(({ plan }) => plan.name === name)!, batch = line.batchAt(lastLsn);
      let last = this.#last.get(name);
      if (last === undefined || batch - last.batch > staleBatches) {
        last = { batch, bytes: line.readableBytes(horizon, lastLsn) };
        this.#last.set(name, last);
      }
      sum += last.bytes;
    }
    return sum;
  }
}

/**
 * What a store may have on disk under load: twice what can be read, for merges of all of it whose inputs somebody may still
 * read; what levels may have over that; and what is merged again and again while a snapshot is held.
 */
export function loadedDiskLimit(
  { segmentBytes, heldBatches, lines }: Shape,
  readableBytes: number,
  { batch }: Told,
  main: PlannedTimeline,
): number {
  const held = main.batchBytes(Math.max(0, batch - heldBatches), batch) * writtenPerByte;
  const fresh = (freshSegments * lines.length + 2 * mergedSegments) * segmentBytes;
  return 2 * quietShare * readableBytes + fresh + held;
}

/** What a store may have on disk when upkeep has nothing left to do, and nobody reads. */
export function quietDiskLimit({ fixedBytes }: Shape, readableBytes: number): number {
  return quietShare * readableBytes + fixedBytes;
}
