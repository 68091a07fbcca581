/**
 * The feed of changes of a timeline, as streams.
 *
 * ```
 *   TimelineWriter.append ─► Waiters.wake        in the turn of the append; nothing for who does not wait
 *                               └─► the next turn of the event loop: all that was appended by then ─► ChangesRead
 * ```
 *
 * A feed is ended as other reads are: by its signal, by cancelling its stream, by closing the store. What is appended
 * stays in the layers until somebody asks for it: no batch is queued for anybody.
 *
 * @module
 */

import { checkReadLsn, type Lsn, type Turns } from "../../../base/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { Waiters } from "../../write/waiters.ts";
import type { Read } from "../read.ts";
import { type ReadHold, readStream } from "../read_stream.ts";
import type { View } from "../view.ts";
import type { ChangeBatch } from "./change_batch.ts";
import { ChangesRead, type FeedSource } from "./changes_read.ts";
import { type ChangesOptions, firstChange, planChanges } from "./options.ts";

/** What feeds see, and who tells them that there is more. */
export interface FeedTimeline extends FeedSource {
  /** The first LSN that can be read as of. */
  readonly horizon: Lsn;
  /** Opens what stands for a feed between its views; see {@linkcode Views.openFeed}. */
  openFeed(signal: AbortSignal | undefined): View;
  /** Who waits for what comes. */
  readonly waiters: Waiters;
}

/** The feeds of one timeline. */
export class Feed {
  readonly #objects: Objects;
  readonly #timeline: FeedTimeline;

  /**
   * Reads nothing yet.
   *
   * @param objects What reads.
   * @param timeline What is seen.
   */
  constructor(objects: Objects, timeline: FeedTimeline) {
    this.#objects = objects;
    this.#timeline = timeline;
  }

  /** See {@linkcode Timeline.changes}. */
  changes(options: ChangesOptions): ReadableStream<ChangeBatch> {
    const { from, to, follow, range, signal } = planChanges(options);
    const view = this.#timeline.openFeed(signal), { turns } = this.#objects.host;
    try {
      const { lastLsn, horizon, waiters } = this.#timeline;
      const first = firstChange(from, lastLsn, horizon);
      const last = follow ? Infinity : checkReadLsn(to, lastLsn, horizon);
      const read = new ChangesRead(this.#objects, this.#timeline, { from: first, to: last, range });
      const feed = new FeedRead(view, read, follow ? waiters : undefined, turns);
      // Damage ends it: nothing is reported in a batch's place.
      return readStream<ChangeBatch>(feed, feed, { turns }) as ReadableStream<ChangeBatch>;
    } catch (error) {
      view[Symbol.dispose]();
      throw error;
    }
  }
}

/** Changes, and, if it follows, those that come: a read, and what ends it. */
class FeedRead implements Read<ChangeBatch>, ReadHold {
  readonly #view: View;
  readonly #read: ChangesRead;
  readonly #waiters: Waiters | undefined;
  readonly #turns: Turns;
  /** Ends the wait for a batch. */
  #wake: (() => void) | undefined;

  constructor(view: View, read: ChangesRead, waiters: Waiters | undefined, turns: Turns) {
    this.#view = view;
    this.#read = read;
    this.#waiters = waiters;
    this.#turns = turns;
  }

  async next(): Promise<ChangeBatch[] | undefined> {
    for (;;) {
      this.#view.check();
      const batches = await this.#read.next();
      if (batches !== undefined || this.#waiters === undefined) return batches;
      await this.#appended(this.#waiters);
    }
  }

  /** Waits until something was appended, and for the turn after that: what one turn brings is told together. */
  async #appended(waiters: Waiters): Promise<void> {
    this.#view.check();
    await new Promise<void>((wake) => {
      this.#wake = wake;
      waiters.add(wake);
    });
    this.#wake = undefined;
    this.#view.check();
    await this.#turns.turn();
  }

  async cancel(): Promise<void> {
    await this.#read.cancel();
  }

  halt(): void {
    this.#view.halt();
    this.#read.halt();
    if (this.#wake === undefined) return;
    this.#waiters?.delete(this.#wake);
    this.#wake();
  }

  whenStopped(stop: (reason: unknown) => Promise<void> | void): void {
    this.#view.whenStopped(stop);
  }

  [Symbol.dispose](): void {
    this.#view[Symbol.dispose]();
  }
}
