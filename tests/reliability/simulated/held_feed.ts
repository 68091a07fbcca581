/** A feed that follows a timeline until it is given up, and what it must have told by then. */

import { type ChangeBatch, LsnError, type Timeline } from "../../../mod.ts";
import { checkChanges } from "./questions.ts";
import { type Batch, Versions } from "./versions.ts";

/** See the top of the file. */
export class HeldFeed {
  readonly #timeline: Timeline;
  readonly #batchesNow: () => readonly Batch[];
  readonly #horizonNow: () => number;
  readonly #from: number;
  readonly #stop = new AbortController();
  readonly #told: ChangeBatch[] = [];
  readonly #reading: Promise<void>;
  #failure: unknown;
  #isOver = false;
  #changed = Promise.withResolvers<void>();

  /**
   * Begins to follow.
   *
   * @param timeline The timeline.
   * @param batchesNow What was appended to it.
   * @param horizonNow Where its horizon is.
   * @param turn Chooses the first LSN, which may be the next one that is appended.
   */
  constructor(
    timeline: Timeline,
    batchesNow: () => readonly Batch[],
    horizonNow: () => number,
    turn: number,
  ) {
    const first = Math.max(1, horizonNow());
    const lsns = [first, ...batchesNow().map(({ lsn }) => lsn + 1).filter((lsn) => lsn > first)];
    this.#timeline = timeline;
    this.#batchesNow = batchesNow;
    this.#horizonNow = horizonNow;
    this.#from = lsns[turn % lsns.length];
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    try {
      const options = { from: this.#from, follow: true, signal: this.#stop.signal };
      for await (const batch of this.#timeline.changes(options)) {
        this.#told.push(batch);
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failure = error;
    } finally {
      this.#isOver = true;
      this.#changed.resolve();
    }
  }

  /** Waits until it has told what is there now, gives it up, and checks all that it told. */
  async release(): Promise<void> {
    const now = this.#timeline.lastLsn, expected = new Versions(this.#batchesNow()).changes(this.#from, now);
    const last = expected.at(-1)?.lsn ?? 0;
    while (!this.#isOver && (this.#told.at(-1)?.lsn ?? 0) < last) await this.#changed.promise;
    this.#stop.abort();
    await this.#reading;
    const to = this.#failure === undefined ? now : this.#told.at(-1)?.lsn ?? this.#from - 1;
    checkChanges(
      this.#told.filter(({ lsn }) => lsn <= to),
      expected.filter(({ lsn }) => lsn <= to),
    );
    const isPassed = this.#failure instanceof LsnError && this.#horizonNow() > this.#from;
    if (this.#failure !== undefined && !isPassed) throw this.#failure;
  }
}
