/** A timeline that is written as planned, and what the parent is told of it. */

import { Batch, type Store, type Timeline } from "../../../../mod.ts";
import type { PlannedTimeline } from "../planned_timeline.ts";
import { say } from "./say.ts";

/** So many batches are announced at once. */
const announced = 256;

/** See the top of the file. */
export class Line {
  /** What is written to it. */
  readonly planned: PlannedTimeline;
  /** The timeline. */
  readonly timeline: Timeline;
  readonly #store: Store;
  readonly #batch = new Batch();
  #issued: number;
  #told = 0;

  /** Goes on where the timeline ends. */
  constructor(store: Store, planned: PlannedTimeline) {
    this.planned = planned;
    this.timeline = store.timeline(planned.plan.name);
    this.#store = store;
    this.#issued = this.last;
  }

  /** The last batch. */
  get last(): number {
    return this.planned.batchAt(this.timeline.lastLsn);
  }

  /** The horizon. */
  get horizon(): number {
    return this.#store.timelines().find(({ name }) => name === this.timeline.name)!.horizon;
  }

  /** Appends the next batch, which is announced before. */
  async append(sync: boolean): Promise<void> {
    const { planned } = this, next = this.last + 1, lsn = planned.lsnOf(next);
    if (next > this.#issued) {
      this.#issued = next + announced;
      say(`issued ${this.timeline.name} ${this.#issued}`);
    }
    this.#batch.clear();
    for (const each of planned.keysOf(next)) {
      const key = planned.key(each), value = planned.versionAt(each, lsn)?.value;
      if (value === undefined) this.#batch.delete(key);
      else this.#batch.put(key, value);
    }
    const appended = this.timeline.append(this.#batch, { lsn, sync });
    if (await appended !== lsn) throw new Error(`an append to "${this.timeline.name}" took another LSN`);
    if (sync && this.timeline.durableLsn < lsn) {
      throw new Error(`LSN ${lsn} was synced and is not durable`);
    }
    this.tell();
  }

  /** Tells what is durable. */
  tell(): void {
    const durable = this.planned.batchAt(this.timeline.durableLsn);
    if (durable <= this.#told) return;
    this.#told = durable;
    say(`durable ${this.timeline.name} ${durable}`);
  }
}
