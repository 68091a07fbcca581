/**
 * A timeline that is open: what reads of it see, and what it is for its branches.
 *
 * @module
 */

import { checkReadLsn, type Lsn } from "../base/mod.ts";
import type { MemoryLayer } from "../layer/mod.ts";
import type { Ancestor, BranchPoint } from "./ancestor.ts";
import type { FeedTimeline } from "./read/feed/feed.ts";
import type { Lineage } from "./read/levels.ts";
import { timelineReadNames } from "./read/options.ts";
import type { ViewSource } from "./read/reads.ts";
import type { View } from "./read/view.ts";
import type { TimelineContext } from "./timeline_context.ts";
import type { TimelineWriter } from "./write/timeline_writer.ts";

/** How long a follower of another process waits between two looks at the most. */
const mostLookMilliseconds = 100;

/** A timeline that is open. */
export interface OpenTimeline {
  /** What its store gave it. */
  readonly context: TimelineContext;
  /** Its write path. */
  readonly writer: TimelineWriter;
}

/** What the reads of a timeline see: its newest state. */
export function newestOf(timeline: OpenTimeline): ViewSource {
  const { context: { views, meters, shard }, writer } = timeline;
  return {
    lineage: lineageOf(timeline),
    names: timelineReadNames,
    open(lsn, signal) {
      // Of one that was deleted nobody can tell the horizon.
      views.checkOpen();
      return openView(timeline, checkReadLsn(lsn, writer.lastLsn, writer.horizon.readable), signal);
    },
    lsnFor(lsn) {
      views.checkOpen();
      return checkReadLsn(lsn, writer.lastLsn, lsn === undefined ? 0 : writer.horizon.readable);
    },
    countKey: () => void views.keysRead++,
    isOpen: (layer) => isOpen(timeline, layer),
    gets: meters.get,
    shard,
  };
}

/** What feeds of a timeline see, and who tells them of more: a branch has the changes of what it goes on from, too. */
export function feedOf(timeline: OpenTimeline): FeedTimeline {
  const { context: { views, refresh, settings }, writer } = timeline;
  return {
    refresh,
    lookMilliseconds: Math.min(settings.flushMilliseconds, mostLookMilliseconds),
    get lastLsn() {
      return writer.lastLsn;
    },
    get horizon() {
      return writer.horizon.readable;
    },
    open: () => openView(timeline, writer.lastLsn),
    openFeed: (signal) => views.openFeed(signal),
    waiters: writer.waiters,
  };
}

/**
 * What a timeline is for a branch.
 *
 * @param timeline The timeline.
 * @param lsn The branch LSN.
 */
export function ancestorOf(timeline: OpenTimeline, lsn: Lsn): Ancestor {
  const { context: { name }, writer: { dates, horizon } } = timeline;
  return {
    name,
    lsn,
    lineage: lineageOf(timeline),
    dates,
    get readable() {
      return horizon.readable;
    },
    openView: (lsn) => openView(timeline, lsn),
    isOpen: (layer) => isOpen(timeline, layer),
    pin: (branch) => pin(timeline, branch),
  };
}

/** Opens a view of the newest layers, as of an LSN that can be read; see {@linkcode Views.open}. */
export function openView(
  { context: { views, ancestor }, writer: { layers, horizon } }: OpenTimeline,
  lsn: Lsn,
  signal?: AbortSignal,
): View {
  // What is opened under it would stay open if it were refused.
  views.checkOpen();
  signal?.throwIfAborted();
  const below = ancestor?.openView(Math.min(lsn, ancestor.lsn));
  return views.open(layers.map, lsn, signal, horizon.readable, below);
}

/** The layers that there are at any moment. */
function lineageOf({ context: { ancestor }, writer: { layers } }: OpenTimeline): Lineage {
  return {
    get map() {
      return layers.map;
    },
    older: ancestor,
  };
}

/** Whether a layer in memory is neither frozen nor sealed by now. */
function isOpen({ context: { ancestor }, writer }: OpenTimeline, layer: MemoryLayer): boolean {
  return writer.layers.isOpen(layer) || ancestor !== undefined && ancestor.isOpen(layer);
}

/** Keeps the horizon of a timeline, and those of what it goes on from, below a branch that is being made. */
export function pin(
  { context: { ancestor }, writer: { horizon } }: OpenTimeline,
  branch: BranchPoint,
): Disposable {
  const pins = new DisposableStack();
  pins.use(horizon.pin(branch));
  if (ancestor !== undefined) pins.use(ancestor.pin(branch));
  return pins;
}
