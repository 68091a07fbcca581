/** A snapshot that is held, and what it must answer. */

import type { Snapshot, Timeline } from "../../../mod.ts";
import { askSnapshot } from "./questions.ts";
import { type Batch, Versions } from "./versions.ts";

/** See the top of the file. */
export class HeldSnapshot {
  readonly #snapshot: Snapshot;
  readonly #model: Versions;
  readonly #horizon: number;

  /**
   * Takes it, as of an LSN that can be read.
   *
   * @param timeline The timeline.
   * @param batches What it has.
   * @param horizon Its horizon.
   * @param turn Chooses the LSN.
   */
  constructor(timeline: Timeline, batches: readonly Batch[], horizon: number, turn: number) {
    const lsns = [horizon, ...batches.map(({ lsn }) => lsn).filter((lsn) => lsn >= horizon)];
    const lsn = lsns[turn % lsns.length];
    this.#model = new Versions(batches.filter((batch) => batch.lsn <= lsn));
    this.#snapshot = timeline.snapshot(lsn);
    this.#horizon = horizon;
  }

  /** Asks it what it must still know, and gives it up. */
  async release(): Promise<void> {
    using snapshot = this.#snapshot;
    await askSnapshot(snapshot, this.#model, this.#horizon);
  }
}
