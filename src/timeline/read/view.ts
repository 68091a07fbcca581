/**
 * What reads see, and who still looks.
 *
 * ```
 *   views of a timeline:   ──●━━━━━━━━━━━━━━━●────────────────     began before the edit: they may need the old layers
 *                          ──────●━━━━━━━━━━━━━━━━━━━●────────
 *   edit takes layers out: ────────────┃
 *                          ───────────────────●━━━━━━━━━━━━●──     began after: it does not know them
 *   they are removed:      ──────────────────────────┃
 * ```
 *
 * K1  A view never changes: what is appended, frozen, sealed or compacted meanwhile does not change what it sees.
 * K2  A layer that an edit took out of the map is removed only when every view that began before it, and every view
 *     that was made from one of those, has ended.
 * K3  A read holds its view from its call to its end, also while nobody asks it to go on. One of changes takes a view
 *     for each of its windows, and holds none between them.
 * K5  A view of a branch holds one of each timeline that it goes on from, so that these wait for it too (K2).
 *
 * Everything is synchronous but the waits; any number of views may be open at once.
 *
 * @module
 */

import { checkReadLsn, type Clock, type Lsn } from "../../base/mod.ts";
import { LayerMap } from "../../layer/mod.ts";
import { Redoer } from "../redo/redo.ts";
import type { Level } from "./levels.ts";

/** Ends the read behind a view. */
export type StopRead = (reason: unknown) => Promise<void> | void;

/** What one read sees: layer maps, and an LSN. It is held until it is disposed of (K3). */
export class View implements Level, Disposable {
  /** The layers of the timeline itself. */
  readonly map: LayerMap;
  /** The LSN that is read as of. */
  readonly lsn: Lsn;
  /** The horizon when it, or the view that it was made from, began: all from there on is in its layers. */
  readonly horizon: Lsn;
  /** Which edits it may not know: views that began later have greater numbers. */
  readonly since: number;
  /** When it, or the view that it was made from, began, by the monotonic clock in milliseconds. */
  readonly began: number;
  /** Where it looks, the newest first: itself, and what is under it. */
  readonly levels: readonly Level[];
  readonly #views: Views;
  readonly #signal: AbortSignal | undefined;
  /** That of the timeline that this one goes on from (K5). */
  readonly #below: View | undefined;
  #isBelow = false;
  #stop: StopRead | undefined;
  #abort: (() => void) | undefined;
  #halted = false;

  /** Made by {@linkcode Views.open} and {@linkcode View.again} only. */
  constructor(
    views: Views,
    map: LayerMap,
    lsn: Lsn,
    since: number,
    began: number,
    signal: AbortSignal | undefined,
    horizon: Lsn,
    below: View | undefined,
  ) {
    this.#views = views;
    this.#signal = signal;
    this.map = map;
    this.lsn = lsn;
    this.horizon = horizon;
    this.since = since;
    this.began = began;
    this.#below = below;
    this.levels = below === undefined ? [this] : [this, ...below.levels];
    if (below !== undefined) below.#isBelow = true;
  }

  /** What makes values of patches. */
  get redoer(): Redoer {
    return this.#views.redoer;
  }

  /** Whether a view of a branch holds it (K5). */
  get isBelow(): boolean {
    return this.#isBelow;
  }

  /**
   * Opens a view of the same layers, which outlives this one.
   *
   * @param lsn The LSN that it reads as of: that of this one if it is left out.
   * @param signal Stops the read.
   * @throws {LsnError} If `lsn` is beyond that of this one, or below its horizon.
   */
  again({ lsn, signal }: { lsn?: Lsn | undefined; signal?: AbortSignal | undefined } = {}): View {
    const { horizon } = this, below = this.#below, checked = checkReadLsn(lsn, this.lsn, horizon);
    this.#views.checkOpen();
    signal?.throwIfAborted();
    const under = below?.again({ lsn: Math.min(checked, below.lsn) });
    return this.#views.add(this.map, checked, this.since, this.began, signal, horizon, under);
  }

  /**
   * Opens a view of some of its layers, as of the same LSN, which outlives this one.
   *
   * @param narrow Says which of them, level by level.
   */
  narrowed(narrow: (level: Level) => LayerMap): View {
    const { lsn, since, began, horizon } = this, below = this.#below?.narrowed(narrow);
    return this.#views.add(narrow(this), lsn, since, began, undefined, horizon, below);
  }

  /**
   * Throws if the read must stop.
   *
   * @throws {Deno.errors.BadResource} If the store was closed, or the read stopped.
   */
  check(): void {
    this.#views.checkOpen();
    this.#signal?.throwIfAborted();
    if (this.#halted) throw new Deno.errors.BadResource("Cannot read on: the read was stopped");
  }

  /** Makes the read stop at its next step. The view is held until the read has given up what it holds. */
  halt(): void {
    this.#halted = true;
  }

  /**
   * Says how the read is ended when it must stop while nobody asks it to go on: by its signal, or by closing.
   *
   * @param stop Ends the read, and then disposes of the view. Called once at the most.
   */
  whenStopped(stop: StopRead): void {
    this.#stop = stop;
    if (this.#signal === undefined) return;
    this.#abort = () => void this.stop((this.#signal as AbortSignal).reason);
    this.#signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Notes keys that are asked for. */
  countKeys(count: number): void {
    this.#views.keysRead += count;
  }

  /** Ends the read behind it, if that is to be ended from outside. It never rejects. */
  async stop(reason: unknown): Promise<void> {
    const stop = this.#stop;
    this.#stop = undefined;
    try {
      await stop?.(reason);
    } catch {
      // Whoever reads has been told why the read stopped; that ending it failed too helps nobody.
    }
  }

  /** Ends it. Doing so again does nothing. */
  [Symbol.dispose](): void {
    this.#stop = undefined;
    if (this.#abort !== undefined) this.#signal?.removeEventListener("abort", this.#abort);
    this.#views.delete(this);
    this.#below?.[Symbol.dispose]();
  }
}

interface Retirement {
  /** Views below this number are waited for. */
  readonly below: number;
  readonly go: () => void;
}

/** The views of one timeline. */
export class Views {
  /** Keys that reads have asked for. */
  keysRead = 0;
  /** What makes values of patches. */
  readonly redoer: Redoer;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #open = new Set<View>();
  /** What stands for feeds, which hold no layers by it. */
  readonly #feeds = new Set<View>();
  #next = 0;
  #retirements: Retirement[] = [];
  /** Why it is closed, if it is. */
  #closed: string | undefined;
  #idle: (() => void) | undefined;

  /**
   * Starts without views.
   *
   * @param clock Tells their age.
   * @param directory The store's directory, for messages.
   * @param redoer What makes values of patches.
   */
  constructor(clock: Clock, directory: string, redoer: Redoer = new Redoer()) {
    this.redoer = redoer;
    this.#clock = clock;
    this.#directory = directory;
  }

  /** How many views are open: reads that have not ended, and snapshots; those of branches are not counted. */
  get count(): number {
    return this.own.length;
  }

  /** The views that are counted. */
  get own(): View[] {
    return [...this.#open].filter((view) => !view.isBelow);
  }

  /** The age of the oldest open view in milliseconds; 0 if there is none. */
  get oldestMilliseconds(): number {
    return this.oldest?.milliseconds ?? 0;
  }

  /** The age of a view in milliseconds. */
  ageOf({ began }: View): number {
    return this.#clock.monotonic() - began;
  }

  /** The oldest open view, also of a branch: its LSN, and its age in milliseconds. */
  get oldest(): { readonly lsn: Lsn; readonly milliseconds: number } | undefined {
    let oldest: View | undefined;
    for (const view of this.#open) if (oldest === undefined || view.began < oldest.began) oldest = view;
    return oldest && { lsn: oldest.lsn, milliseconds: this.ageOf(oldest) };
  }

  /**
   * Opens a view.
   *
   * @param map The layers.
   * @param lsn The LSN to read as of.
   * @param signal Stops the read.
   * @param horizon The first LSN that the layers can be read as of.
   * @param below The view of the timeline that this one goes on from, which ends with it; left out, it is no branch.
   * @returns The view, which must be disposed of.
   * @throws {Deno.errors.BadResource} If the store was closed.
   */
  open(map: LayerMap, lsn: Lsn, signal?: AbortSignal, horizon: Lsn = 0, below?: View): View {
    return this.add(map, lsn, this.#next++, this.#clock.monotonic(), signal, horizon, below);
  }

  /** Adds a view that began at a given time. */
  add(
    map: LayerMap,
    lsn: Lsn,
    since: number,
    began: number,
    signal: AbortSignal | undefined,
    horizon: Lsn,
    below: View | undefined,
  ): View {
    this.checkOpen();
    signal?.throwIfAborted();
    const view = new View(this, map, lsn, since, began, signal, horizon, below);
    this.#open.add(view);
    return view;
  }

  /**
   * Opens what stands for a feed of changes from its call to its end, and takes views as it goes on: it sees nothing and
   * holds no layer, but is ended as views are.
   *
   * @param signal Stops the feed.
   * @throws {Deno.errors.BadResource} If the store was closed.
   */
  openFeed(signal: AbortSignal | undefined): View {
    this.checkOpen();
    signal?.throwIfAborted();
    const feed = new View(this, LayerMap.empty, 0, Infinity, this.#clock.monotonic(), signal, 0, undefined);
    this.#feeds.add(feed);
    return feed;
  }

  /** Takes a view out, and lets those go on who waited for it. */
  delete(view: View): void {
    if (!this.#open.delete(view) && !this.#feeds.delete(view)) return;
    if (this.#retirements.length > 0) this.#goOn();
    if (this.#isIdle) this.#idle?.();
  }

  get #isIdle(): boolean {
    return this.#open.size === 0 && this.#feeds.size === 0;
  }

  /**
   * Checks that the store is open, and the timeline not deleted.
   *
   * @throws {Deno.errors.BadResource} If it was closed.
   */
  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closedError();
  }

  #closedError(): Error {
    return new Deno.errors.BadResource(this.#closed);
  }

  /**
   * Waits until no view may need layers any more (K2). It is called in the turn that publishes the map without them.
   *
   * @param layers What the edit took out.
   * @param take Takes each of them then, all in one turn.
   */
  async retire<Layer>(layers: Iterable<Layer>, take: (layer: Layer) => void): Promise<void> {
    const retired = [...layers];
    const below = this.#next;
    await new Promise<void>((go) => {
      this.#retirements.push({ below, go });
      this.#goOn();
    });
    retired.forEach(take);
  }

  #goOn(): void {
    let oldest = Infinity;
    for (const view of this.#open) oldest = Math.min(oldest, view.since);
    this.#retirements = this.#retirements.filter(({ below, go }) => {
      if (oldest < below) return true;
      go();
      return false;
    });
  }

  /**
   * Refuses further use: reads that run stop at their next step.
   *
   * @param why What whoever goes on is told. The default is that the store is closed.
   */
  close(why: string = `Cannot use store "${this.#directory}": it is closed`): void {
    this.#closed ??= why;
  }

  /** Ends every read, also those that nobody asks to go on, and waits until each view was disposed of. */
  async drain(): Promise<void> {
    if (this.#isIdle) return;
    const reason = this.#closedError();
    await Promise.all([...this.#open, ...this.#feeds].map((view) => view.stop(reason)));
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle = resolve);
  }
}
