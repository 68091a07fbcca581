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

import { checkReadLsn, type Lsn } from "../../../base/mod.ts";
import type { Host } from "../../../io/mod.ts";
import type { Objects } from "../../../objects/mod.ts";
import type { Waiters } from "../../../segment/mod.ts";
import type { ReadSpace } from "../../keyspace/space.ts";
import { MappedRead } from "../mapped_read.ts";
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
  /** Reads what another process has written meanwhile, if this one only reads; and how long it waits between two looks. */
  readonly refresh: (() => Promise<void>) | undefined;
  /** See {@linkcode refresh}. */
  readonly lookMilliseconds: number;
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

  /** See {@linkcode Timeline.changes}: the changes of a space, if one is given. */
  changes<T = Uint8Array<ArrayBuffer>>(
    options: ChangesOptions,
    space?: ReadSpace<T>,
  ): ReadableStream<ChangeBatch<T>> {
    const { from, to, follow, range, signal } = planChanges(options, space?.prefix);
    const view = this.#timeline.openFeed(signal), { turns } = this.#objects.host;
    try {
      const { lastLsn, horizon } = this.#timeline;
      const first = firstChange(from, lastLsn, horizon);
      const last = follow ? Infinity : checkReadLsn(to, lastLsn, horizon);
      const read = new ChangesRead(this.#objects, this.#timeline, { from: first, to: last, range });
      const feed = new FeedRead(view, read, follow ? this.#timeline : undefined, this.#objects.host);
      const mapped = space === undefined
        ? feed as unknown as Read<ChangeBatch<T>>
        : new MappedRead(feed, (batch) => space.batchOf(batch), turns);
      // Damage ends it: nothing is reported in a batch's place.
      return readStream<ChangeBatch<T>>(feed, mapped, { turns }) as ReadableStream<ChangeBatch<T>>;
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
  /** What is followed, if it follows. */
  readonly #timeline: FeedTimeline | undefined;
  readonly #host: Pick<Host, "timers" | "turns">;
  /** Whether it was looked whether what is there by now is durable. */
  #isFresh = false;
  /** Ends the wait for a batch. */
  #wake: (() => void) | undefined;

  constructor(
    view: View,
    read: ChangesRead,
    timeline: FeedTimeline | undefined,
    host: Pick<Host, "timers" | "turns">,
  ) {
    this.#view = view;
    this.#read = read;
    this.#timeline = timeline;
    this.#host = host;
  }

  async next(): Promise<ChangeBatch[] | undefined> {
    for (;;) {
      this.#view.check();
      const timeline = this.#timeline;
      if (!this.#isFresh) await timeline?.refresh?.();
      this.#isFresh = true;
      const batches = await this.#read.next();
      if (batches !== undefined || timeline === undefined) return batches;
      this.#view.check();
      // What was appended since the read found nothing more, in a microtask between, has woken nobody.
      if (!this.#read.isThrough) continue;
      if (timeline.refresh === undefined) await this.#appended(timeline.waiters);
      else await this.#written(timeline.refresh, timeline.lookMilliseconds);
    }
  }

  /** Waits until something was appended, and for the turn after that: what one turn brings is told together. */
  async #appended(waiters: Waiters): Promise<void> {
    await new Promise<void>((wake) => {
      this.#wake = () => {
        waiters.delete(wake);
        wake();
      };
      waiters.add(wake);
    });
    this.#wake = undefined;
    this.#view.check();
    await this.#host.turns.turn();
  }

  /** Waits, and looks whether another process has written: nobody would tell. */
  async #written(refresh: () => Promise<void>, milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#host.timers.after(milliseconds, resolve, { isAwaited: true });
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
    this.#view.check();
    await refresh();
  }

  async cancel(): Promise<void> {
    await this.#read.cancel();
  }

  halt(): void {
    this.#view.halt();
    this.#read.halt();
    this.#wake?.();
  }

  whenStopped(stop: (reason: unknown) => Promise<void> | void): void {
    this.#view.whenStopped(stop);
  }

  [Symbol.dispose](): void {
    this.#view[Symbol.dispose]();
  }
}
