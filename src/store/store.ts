/**
 * A store: a directory with its lock, its manifest and its timelines.
 *
 * @module
 */

import {
  checkNames,
  type Clock,
  type Lsn,
  maxTimelineNameLength,
  ReadOnlyError,
  typeName,
} from "../base/mod.ts";
import { type Host, type IoReport, systemHost } from "../io/mod.ts";
import type { VerifyFinding } from "../layer/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import { checkVerifyOptions, type VerifyOptions } from "./inspect/options.ts";
import { verifyOpenStore } from "./inspect/verify.ts";
import { metricsOf, type StoreMetrics } from "./metrics.ts";
import {
  closeStore,
  mainName,
  newTimeline,
  type OpenStore,
  openStore,
  openTimeline,
  stopReads,
} from "./open_store.ts";
import type { StoreOptions } from "./options.ts";
import { MetricsPublisher, type PublishedMetrics, readPublished } from "./published_metrics.ts";

/** A timeline, described. */
export interface TimelineInfo {
  /** Its name. */
  readonly name: string;
  /** When it was made. */
  readonly created: Date;
  /** The LSN of its last batch; 0 if there is none. */
  readonly lastLsn: Lsn;
  /** The LSN up to which every batch is durable. */
  readonly durableLsn: Lsn;
  /** The LSN below which history may be given up; 0 if all of it is kept. */
  readonly horizon: Lsn;
}

/** Makes what callers see of a store that is open. */
let storeOf: (store: OpenStore) => Store;

/**
 * Raises the horizon of a timeline, whatever the policy says; not beyond what is durable.
 *
 * @param store The store.
 * @param timeline The timeline's name.
 * @param lsn Where it is to be at least.
 */
export let raiseHorizon: (store: Store, timeline: string, lsn: Lsn) => Promise<void>;

/** What the process that writes a store, which this one reads, told of itself last; see {@linkcode readPublished}. */
export let publishedMetricsOf: (store: Store) => Promise<PublishedMetrics | undefined>;

/**
 * A store of versioned keys in a directory.
 *
 * One process at a time may write to it. Every version of every key is kept, unless the option `history` says otherwise.
 *
 * @example Write, then read as of an LSN
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store } from "@varve/varve";
 *
 * await using store = await Store.open(await Deno.makeTempDir());
 * const timeline = store.timeline();
 * await timeline.append([{ key: "color", value: "red" }]);
 * await timeline.append([{ key: "color", value: "blue" }], { sync: true });
 * assertEquals(await timeline.get("color", { lsn: 1 }), new TextEncoder().encode("red"));
 * ```
 */
export class Store implements AsyncDisposable {
  static {
    storeOf = (store) => new Store(store);
    raiseHorizon = async (store, name, lsn) => {
      const { horizon, durableLsn } = store.#store.timelines.get(name)!.writer;
      await horizon.raise(Math.min(lsn, durableLsn));
    };
    publishedMetricsOf = (store) => readPublished(store.#store.objects, store.metrics());
  }

  readonly #store: OpenStore;
  readonly #making = new Map<string, Promise<Timeline>>();
  /** Who tells other processes of the metrics; `undefined` if nobody does. */
  readonly #publisher: MetricsPublisher | undefined;
  #closing: Promise<void> | undefined;

  private constructor(store: OpenStore) {
    this.#store = store;
    this.#publisher = startPublishing(store);
  }

  /**
   * Opens a store, making it if need be, and recovers what a crash left.
   *
   * @param path The store's directory, as a path or a `file:` URL.
   * @param options See {@linkcode StoreOptions}.
   * @returns The store. It must be closed.
   * @throws {LockedError} If it is open already, in this process or another.
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   * @throws {DirectIoError} If `strict` is set and the IO that was asked for cannot be had.
   * @throws {VarveError} If the directory holds something else.
   * @throws {IoError} If the system fails, or the disk is full.
   * @throws {Deno.errors.NotFound} If there is no store, and `create` is `false` or `readOnly` is set.
   * @throws {Deno.errors.NotADirectory} If there is a file at the path.
   * @throws {TypeError} If the path is not one, or an option is unknown or of a wrong type.
   * @throws {RangeError} If an option has a value that cannot be.
   */
  static async open(path: string | URL, options: StoreOptions = {}): Promise<Store> {
    return new Store(await openStore(path, options));
  }

  /** The store's directory, as an absolute path in which links are resolved. */
  get path(): string {
    return this.#store.objects.directory;
  }

  /** How IO is done: what was asked for, what was obtained, and why they differ if they do. */
  get io(): IoReport {
    return this.#store.io.report;
  }

  /**
   * Returns a timeline.
   *
   * @param name Its name. The default is `"main"`, which always exists.
   * @throws {Deno.errors.NotFound} If there is none of that name.
   */
  timeline(name: string = mainName): Timeline {
    this.#checkOpen();
    const open = this.#store.timelines.get(name);
    if (open === undefined) {
      throw new Deno.errors.NotFound(`Cannot find timeline "${name}" in store "${this.path}"`);
    }
    return open.timeline;
  }

  /**
   * Makes a timeline without history.
   *
   * @param name Its name, 1 to 128 characters.
   * @param options There are none yet: one that is given is refused, and not ignored.
   * @returns The timeline, once it is durable.
   * @throws {Deno.errors.AlreadyExists} If there is one of that name.
   * @throws {RangeError} If the name is empty or too long.
   * @throws {TypeError} If the name is no string, or an option is given.
   * @throws {ReadOnlyError} If the store is read only.
   * @throws {IoError} If the disk is full; it may be tried again.
   */
  async createTimeline(name: string, options: Record<string, never> = {}): Promise<Timeline> {
    this.#checkOpen();
    checkTimelineName(name);
    checkNames("make timeline", options, []);
    if (this.#store.options.readOnly) {
      throw new ReadOnlyError(`Cannot make timeline "${name}": the store is open read only`);
    }
    if (this.#store.timelines.has(name)) {
      throw new Deno.errors.AlreadyExists(`Cannot make timeline "${name}": there is one`);
    }
    if (this.#making.has(name)) {
      throw new Deno.errors.AlreadyExists(`Cannot make timeline "${name}": it is being made`);
    }
    const making = this.#makeTimeline(name);
    this.#making.set(name, making);
    try {
      return await making;
    } finally {
      this.#making.delete(name);
    }
  }

  async #makeTimeline(name: string): Promise<Timeline> {
    const { objects, manifest } = this.#store;
    // One that was made and could not be opened then is opened now.
    let timeline = manifest.state.timelines.find((known) => known.name === name);
    if (timeline === undefined) {
      timeline = newTimeline(objects.host, name);
      await objects.prepare(timeline.id);
      await manifest.commit({ type: "addTimeline", timeline });
    }
    return await openTimeline(this.#store, timeline);
  }

  /** Describes every timeline. */
  timelines(): TimelineInfo[] {
    this.#checkOpen();
    const { manifest, timelines } = this.#store;
    const horizons = new Map(manifest.state.timelines.map(({ id, horizon }) => [id, horizon]));
    return [...timelines.values()].map(({ state, writer }) => ({
      name: state.name,
      created: new Date(state.created),
      lastLsn: writer.lastLsn,
      durableLsn: writer.durableLsn,
      horizon: horizons.get(state.id) ?? state.horizon,
    }));
  }

  /** What the store did since it was opened, and what it holds now. */
  metrics(): StoreMetrics {
    return metricsOf(this.#store);
  }

  /**
   * Reads everything that is on disk, as of the first finding that is asked for, and checks it: the manifest, every
   * record, every page of every index and filter, footers against the manifest, segments up to where they are known
   * durable, files that nobody names, and permissions. Writes and reads go on meanwhile.
   *
   * @param options See {@linkcode VerifyOptions}.
   * @returns What is found, damage and warnings; nothing if all is well.
   * @throws {TypeError} If an option is unknown or of a wrong type.
   * @throws {Deno.errors.NotFound} If there is no timeline of that name.
   *
   * @example Verify a store
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
   * for await (const { severity, error, keys } of store.verify()) console.error(severity, error.message, keys);
   * assertEquals(await Array.fromAsync(store.verify()), []);
   * ```
   */
  verify(options: VerifyOptions = {}): AsyncIterableIterator<VerifyFinding> {
    this.#checkOpen();
    checkVerifyOptions(options);
    if (options.timeline !== undefined) this.timeline(options.timeline);
    return verifyOpenStore(this.#store, options);
  }

  /**
   * Syncs, seals what is worth it, ends reads and closes every file. Calling it again waits for the same close.
   *
   * @throws {PoisonedError} If what was appended could not be made durable; everything is closed all the same.
   * @throws {IoError} If the disk is too full for that, or for the manifest to say that it was closed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    stopReads(this.#store);
    await Promise.allSettled(this.#making.values());
    try {
      await this.#publisher?.close();
    } finally {
      await closeStore(this.#store);
    }
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new Deno.errors.BadResource(`Cannot use store "${this.path}": it is closed`);
  }

  /** Closes the store, as {@linkcode close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens a store on a host of one's own, as {@linkcode Store.open} does on the machine itself: for tests that hold time,
 * chance and the order in which operations complete.
 *
 * @param host The outside world, its engine included.
 * @param path The store's directory.
 * @param options See {@linkcode StoreOptions}; the engine is the host's.
 * @returns The store. It must be closed, unless the host was killed.
 */
export async function openStoreOn(
  host: Host,
  path: string | URL,
  options: Omit<StoreOptions, "ioEngine"> = {},
): Promise<Store> {
  return storeOf(await openStore(path, { ...options, ioEngine: host.engine }, () => host));
}

/**
 * Opens a store on the machine itself, but for the clock.
 *
 * @param clock What tells when batches are appended.
 * @param path The store's directory.
 * @param options See {@linkcode StoreOptions}.
 */
export async function openStoreWith(clock: Clock, path: string | URL, options: StoreOptions): Promise<Store> {
  return storeOf(await openStore(path, options, (engine) => ({ ...systemHost(engine), clock })));
}

/** Begins to tell other processes of the metrics, if that is asked for. */
function startPublishing(store: OpenStore): MetricsPublisher | undefined {
  const { objects, io: { note }, options: { metricsMilliseconds } } = store;
  if (metricsMilliseconds === undefined) return undefined;
  const { host: { clock, timers } } = objects, metrics = () => metricsOf(store);
  const publisher = new MetricsPublisher(objects, metricsMilliseconds, { clock, timers, note, metrics });
  publisher.start();
  return publisher;
}

function checkTimelineName(name: string): void {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot make timeline: expected a name, found ${typeName(name)}`);
  }
  if (name.length === 0 || name.length > maxTimelineNameLength) {
    throw new RangeError(
      `Cannot make timeline: expected a name of 1 to ${maxTimelineNameLength} characters, found ${name.length}`,
    );
  }
}
