/**
 * The changes of a timeline in the order of LSNs, a window at a time, each from a view of its own.
 *
 * ```
 *   position ─► view ─► Parts.next ─┬─ a segment, or a layer in memory ─► LogRead: a piece, and the view is given up
 *      ▲                            └─ sorted layers ─► SortedRead: batches, until all that was gathered is handed on
 *      └── the first LSN that was not told ◄──────────────────────────────────────────────────────────────┘
 * ```
 *
 * P1  Every LSN is passed once, in order: what a position stands behind was handed on, whatever became of the layers.
 * P2  A position below the horizon of a new view ends the read: what is missing is never passed over.
 * P3  Between two windows nothing is held; a window of sorted layers holds its view until it is handed on.
 *
 * @module
 */

import { belowHorizon, type Lsn } from "../../../base/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { Read } from "../read.ts";
import type { View } from "../view.ts";
import type { ChangeBatch } from "./change_batch.ts";
import { LogRead } from "./log_read.ts";
import type { KeyRange } from "./options.ts";
import { Parts } from "./parts.ts";
import { SortedRead } from "./sorted_read.ts";

/** Bytes of versions that are gathered at once of layers that were merged. */
export const mostGatheredBytes: number = 32 * 1024 * 1024;

/** What a feed sees. */
export interface FeedSource {
  /** The LSN of the last batch. */
  readonly lastLsn: Lsn;
  /** Opens a view of the newest state. */
  open(): View;
}

/** What a feed tells. */
export interface ChangesWindow {
  /** The first LSN. */
  readonly from: Lsn;
  /** The last LSN; `Infinity` if it follows. */
  readonly to: Lsn;
  /** Which keys. */
  readonly range: KeyRange;
}

/** The changes from one LSN to another. */
export class ChangesRead implements Read<ChangeBatch> {
  /** The first LSN that was not told. */
  position: Lsn;
  readonly #objects: Objects;
  readonly #source: FeedSource;
  readonly #window: ChangesWindow;
  readonly #most: number;
  readonly #log: LogRead;
  readonly #parts = new Parts();
  #sorted: SortedRead | undefined;
  /** The view of the window that is read. */
  #view: View | undefined;

  /**
   * Starts before the first change; nothing is read yet.
   *
   * @param objects What reads.
   * @param source What is seen.
   * @param window Which changes.
   * @param most Bytes that are gathered of sorted layers.
   */
  constructor(
    objects: Objects,
    source: FeedSource,
    window: ChangesWindow,
    most: number = mostGatheredBytes,
  ) {
    this.#objects = objects;
    this.#source = source;
    this.#window = window;
    this.#most = most;
    this.#log = new LogRead(objects, window.range);
    this.position = window.from;
  }

  /** Whether there is nothing more, so far. */
  get isThrough(): boolean {
    return this.#sorted === undefined && this.position > Math.min(this.#window.to, this.#source.lastLsn);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<ChangeBatch[] | undefined> {
    while (!this.isThrough) {
      const batches = await this.#step();
      if (batches.length > 0) return batches;
      const { turns } = this.#objects.host;
      if (turns.due()) await turns.turn();
    }
    return undefined;
  }

  /** Makes what is read of a window stop at its next step. */
  halt(): void {
    this.#view?.halt();
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    const sorted = this.#sorted;
    this.#sorted = this.#view = undefined;
    await sorted?.cancel();
  }

  /** The next batches; none if those that come next do not count. */
  async #step(): Promise<ChangeBatch[]> {
    if (this.#sorted === undefined) return await this.#open();
    const batches = await this.#sorted.next();
    if (batches !== undefined) return batches;
    this.position = this.#sorted.end;
    await this.cancel();
    return [];
  }

  /** Opens a view, and reads a piece of a log, or begins to read sorted layers. */
  async #open(): Promise<ChangeBatch[]> {
    const view = this.#view = this.#source.open(), { position } = this;
    try {
      if (position < view.horizon) {
        throw belowHorizon("read changes on from", position, view.lsn, view.horizon);
      }
      const to = Math.min(this.#window.to, view.lsn), part = this.#parts.next(view.levels, position, to);
      const last = part === undefined ? to : Math.min(to, part.lastLsn);
      if (part?.log !== undefined) {
        const { batches, nextLsn } = await this.#log.read(part.log, position, last);
        this.position = nextLsn;
        return batches;
      }
      if (part === undefined) this.position = to + 1;
      else {
        const { range } = this.#window;
        this.#sorted = new SortedRead(this.#objects, view, part.layers, range, position, last, this.#most);
      }
    } finally {
      if (this.#sorted === undefined) {
        view[Symbol.dispose]();
        this.#view = undefined;
      }
    }
    return [];
  }
}
