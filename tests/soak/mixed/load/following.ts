/** Somebody who follows a planned timeline, slowly at times, and must be told each batch once, from one opening to the next. */

import { type ChangeBatch, LsnError } from "../../../../mod.ts";
import { compareKeys } from "../../../../src/base/mod.ts";
import type { Random } from "../../../random.ts";
import { sameBytes } from "../../../store/bytes.ts";
import type { PlannedTimeline } from "../planned_timeline.ts";
import type { Line } from "./line.ts";

/** One in so many batches takes as long to be dealt with. */
const slowEvery = 200, slowMilliseconds = 500;
/** How long it may take until it was told what there is. */
const mostLagMilliseconds = 120_000;

/** See the top of the file. */
export class Following {
  /** How many batches it was told. */
  told = 0;
  /** How often history was given up before it was told that. */
  missed = 0;
  readonly #random: Random;
  /** The first LSN that it was not told, and the first batch. */
  #from: number;
  #next: number;

  /** Begins at an LSN. */
  constructor(planned: PlannedTimeline, from: number, random: Random) {
    this.#random = random;
    this.#from = from;
    this.#next = firstBatch(planned, from);
  }

  /** Follows until the signal says so; throws if it is told anything else than was planned. */
  async follow(line: Line, signal: AbortSignal): Promise<void> {
    const { planned, timeline } = line;
    while (!signal.aborted) {
      const from = this.#from = Math.min(this.#from, timeline.lastLsn + 1);
      try {
        for await (const batch of timeline.changes({ from, follow: true, signal })) {
          this.#take(planned, batch);
          if (this.#random.once(slowEvery)) await wait(this.#random.below(slowMilliseconds));
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LsnError) || line.horizon <= this.#from) throw error;
        this.missed++;
        this.#from = line.horizon;
        this.#next = firstBatch(planned, this.#from);
      }
    }
  }

  /** Resolves when it was told all there is. */
  async caughtUp({ planned, last }: Line): Promise<void> {
    const end = performance.now() + mostLagMilliseconds;
    for (;;) {
      this.#skipEmpty(planned, last);
      if (this.#next > last) return;
      if (performance.now() > end) throw new Error(`told up to batch ${this.#next - 1} of ${last}`);
      await wait(1);
    }
  }

  #take(planned: PlannedTimeline, { lsn, changes }: ChangeBatch): void {
    this.#skipEmpty(planned, planned.batchAt(lsn));
    const batch = this.#next, name = planned.plan.name;
    if (lsn !== planned.lsnOf(batch)) {
      throw new Error(`who follows "${name}" is told LSN ${lsn} instead of ${planned.lsnOf(batch)}`);
    }
    const expected = Array.from(planned.keysOf(batch), (key) => {
      return { key: planned.key(key), value: planned.versionAt(key, lsn)?.value };
    }).sort((a, b) => compareKeys(a.key, b.key));
    const isSame = changes.length === expected.length && changes.every((change, i) => {
      const value = "value" in change ? change.value : undefined;
      return sameBytes(change.key, expected[i].key) && sameBytes(value, expected[i].value);
    });
    if (!isSame) throw new Error(`who follows "${name}" is told other changes at LSN ${lsn}`);
    this.#next++;
    this.#from = lsn + 1;
    this.told++;
  }

  /** Batches without changes are not told. */
  #skipEmpty(planned: PlannedTimeline, last: number): void {
    while (this.#next <= last && planned.keysOf(this.#next).next().done) this.#next++;
  }
}

/** The first batch at or behind an LSN. */
function firstBatch(planned: PlannedTimeline, lsn: number): number {
  return planned.batchAt(lsn - 1) + 1;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
