/**
 * A store that is only read follows its writer in another process: what that has written since is read, made durable, and
 * only then shown.
 *
 * ```
 *   manifest read anew ─► segments read on ─► synced ─► lastLsn, layers: in one turn      nothing that is shown can be
 *      │                                                                                 lost any more
 *      ├ nothing new, and no byte behind the last record: that was all
 *      └ what it does not name any more ends, in the turn in which it says so
 * ```
 *
 * One refresh runs at a time. Whoever asks meanwhile shares the next one, which begins behind its question.
 *
 * @module
 */

import { CorruptionError, hasCode } from "../base/mod.ts";
import type { Manifest, StoreState, TimelineState } from "../manifest/mod.ts";
import type { Objects } from "../objects/mod.ts";
import type { TimelineWriter, Views } from "../timeline/mod.ts";
import type { EndedCounts } from "./ended_counts.ts";

/** What whoever goes on with a timeline is told once that was deleted. */
export function whyDeleted(timeline: string): string {
  return `Cannot use timeline "${timeline}": it was deleted`;
}

/** How often it looks before it believes in damage: a writer may go on meanwhile. */
const attempts = 3;

/** A timeline that is open. */
interface Refreshed {
  readonly state: Pick<TimelineState, "id">;
  readonly views: Views;
  readonly writer: TimelineWriter;
}

/** What is refreshed. */
export interface RefreshedStore {
  /** Its files. */
  readonly objects: Objects;
  /** What exists. */
  readonly manifest: Manifest;
  /** Its timelines by their names. */
  readonly timelines: Map<string, Refreshed>;
  /** What timelines did that are no more. */
  readonly ended: EndedCounts;
  /** Opens a timeline that the manifest has come to name. */
  open(state: TimelineState): Promise<unknown>;
}

/** Reads what was written meanwhile. */
export class Refresher {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Whether what the manifest says may not have come to all timelines, since the last refresh failed. */
  #isDoubted = false;
  readonly #ending = new Set<Promise<void>>();

  /** Reads it, for all who ask before it begins. */
  refresh(store: RefreshedStore): Promise<void> {
    if (this.#running === undefined) return this.#start(store);
    return this.#next ??= this.#running.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#start(store);
    });
  }

  /** Waits for what runs; who asked for it is told what fails. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    await Promise.all(this.#ending);
  }

  #start(store: RefreshedStore): Promise<void> {
    const end = (timeline: Refreshed) => this.#end(store, timeline);
    const isDoubted = this.#isDoubted;
    this.#isDoubted = true;
    return this.#running = refreshStore(store, isDoubted, end).then(() => void (this.#isDoubted = false))
      .finally(() => this.#running = undefined);
  }

  /** Ends a timeline in the background: a feed that ends with it may wait for this very refresh. */
  #end({ objects }: RefreshedStore, timeline: Refreshed): void {
    // A lease that cannot be given up now is given up when the store is closed, which tells what fails then.
    const ending = endTimeline(objects, timeline).catch(() => {}).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** Is given timelines that were dropped. */
type End = (timeline: Refreshed) => void;

async function refreshStore(store: RefreshedStore, isDoubted: boolean, end: End): Promise<void> {
  for (let left = attempts;; left--) {
    try {
      return await readAnew(store, isDoubted || left < attempts, end);
    } catch (error) {
      const mayPass = error instanceof CorruptionError || hasCode(error, "ENOENT");
      if (left === 1 || !mayPass) throw error;
    }
  }
}

async function readAnew(store: RefreshedStore, isDoubted: boolean, end: End): Promise<void> {
  const { manifest, objects, timelines } = store;
  const learn = (state: StoreState) => drop(store, state).forEach(end);
  let isNew = await manifest.refresh(objects, learn) || isDoubted;
  while (await objects.leases.take(manifest.state.timelines.map(({ id }) => id))) {
    await manifest.refresh(objects, learn);
    isNew = true;
  }
  for (const { views } of timelines.values()) views.checkOpen();
  for (const state of manifest.state.timelines) {
    const open = timelines.get(state.name);
    if (open === undefined) await store.open(state);
    else await open.writer.refresh(isNew);
  }
}

/** Takes out the timelines that the manifest does not name any more, also where it has another of the same name. */
function drop({ timelines, ended }: RefreshedStore, state: StoreState): Refreshed[] {
  const ids = new Set(state.timelines.map(({ id }) => id));
  const dropped = [...timelines].filter(([, open]) => !ids.has(open.state.id));
  for (const [name, open] of dropped) {
    timelines.delete(name);
    ended.add(open);
    open.views.close(whyDeleted(name));
  }
  return dropped.map(([, open]) => open);
}

/** Ends what reads a timeline that was dropped, so that its writer may remove what it left. */
async function endTimeline(objects: Objects, { state: { id }, views, writer }: Refreshed): Promise<void> {
  await views.drain();
  await writer.close();
  await objects.leases.giveUp(id);
}
