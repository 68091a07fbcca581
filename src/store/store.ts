/**
 * A store: a directory with its lock, its manifest and its timelines.
 *
 * @module
 */

import type { Clock, Lsn } from "../base/mod.ts";
import { type Host, type IoReport, systemHost } from "../io/mod.ts";
import type { VerifyFinding } from "../layer/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import { checkVerifyOptions, type VerifyOptions } from "./inspect/options.ts";
import { verifyOpenStore } from "./inspect/verify.ts";
import { metricsOf, type StoreMetrics } from "./metrics.ts";
import { closeStore, mainName, type OpenStore, openStore, refreshStore, stopReads } from "./open_store.ts";
import type { StoreOptions } from "./options.ts";
import { type CreateTimelineOptions, Timelines } from "./timelines.ts";
import { MetricsPublisher, type PublishedMetrics, readPublished } from "./published_metrics.ts";

/** A timeline, described. */
export interface TimelineInfo {
  /** Its name. */
  readonly name: string;
  /** When it was made. */
  readonly created: Date;
  /** Of a branch: the name of the timeline that it goes on from, and the branch LSN. */
  readonly ancestor?: { readonly name: string; readonly lsn: Lsn } | undefined;
  /** The LSN of its last batch; 0 if there is none, or the branch LSN. */
  readonly lastLsn: Lsn;
  /** The LSN up to which every batch is durable. */
  readonly durableLsn: Lsn;
  /** The LSN below which it cannot be read, since history may be given up; 0 if all of it is kept. */
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
  readonly #timelines: Timelines;
  /** Who tells other processes of the metrics; `undefined` if nobody does. */
  readonly #publisher: MetricsPublisher | undefined;
  #closing: Promise<void> | undefined;

  private constructor(store: OpenStore) {
    this.#store = store;
    this.#timelines = new Timelines(store);
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
   * Makes a timeline: one without history, or a branch, which has that of another timeline up to an LSN, and goes on from
   * there for itself. A branch costs one edit, whatever there is: nothing is copied, and what it has of its ancestor is
   * read from the ancestor's layers. The ancestor's horizon stays at or below the branch LSN as long as the branch is there.
   *
   * @param name Its name, 1 to 128 characters.
   * @param options See {@linkcode CreateTimelineOptions}.
   * @returns The timeline, once it is durable; what it goes on from is, too.
   * @throws {Deno.errors.AlreadyExists} If there is one of that name.
   * @throws {Deno.errors.NotFound} If there is no timeline of the ancestor's name.
   * @throws {LsnError} If `lsn` is beyond the ancestor's last LSN, or below what it can be read as of.
   * @throws {RangeError} If the name is empty, too long or holds a lone surrogate, or `lsn` no LSN.
   * @throws {TypeError} If the name is no string, or an option is unknown, of a wrong type, or `lsn` without `ancestor`.
   * @throws {ReadOnlyError} If the store is read only.
   * @throws {PoisonedError} If the ancestor could not be made durable.
   * @throws {IoError} If the disk is full; it may be tried again.
   *
   * @example Try something on a branch
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Store } from "@varve/varve";
   *
   * await using store = await Store.open(await Deno.makeTempDir());
   * const main = store.timeline();
   * const lsn = await main.append([{ key: "color", value: "red" }]);
   * await main.append([{ key: "color", value: "blue" }]);
   * const trial = await store.createTimeline("trial", { ancestor: "main", lsn });
   * await trial.append([{ key: "shape", value: "round" }]);
   * assertEquals(await trial.get("color"), new TextEncoder().encode("red"));
   * assertEquals(await main.get("shape"), undefined);
   * await store.deleteTimeline("trial");
   * ```
   */
  async createTimeline(name: string, options: CreateTimelineOptions = {}): Promise<Timeline> {
    this.#checkOpen();
    return await this.#timelines.create(name, options);
  }

  /**
   * Deletes a timeline: its reads, snapshots and writes end with `BadResource`, and so does a verification that it is part
   * of. Its files are removed once no other process reads them. Others are left as they are, the one that it went on from
   * too.
   *
   * @param name Its name.
   * @throws {VarveError} If timelines go on from it, which it names: they must be deleted before.
   * @throws {RangeError} If it is `"main"`, which always exists, or the name is empty, too long or holds a lone surrogate.
   * @throws {Deno.errors.NotFound} If there is none of that name.
   * @throws {TypeError} If the name is no string.
   * @throws {ReadOnlyError} If the store is read only.
   * @throws {IoError} If the disk is full: it is there still, and ended; it may be tried again.
   */
  async deleteTimeline(name: string): Promise<void> {
    this.#checkOpen();
    await this.#timelines.delete(name);
  }

  /** Describes every timeline. */
  timelines(): TimelineInfo[] {
    this.#checkOpen();
    return [...this.#store.timelines.values()].map(({ state, context: { ancestor }, writer }) => ({
      name: state.name,
      created: new Date(state.created),
      ...(ancestor === undefined ? {} : { ancestor: { name: ancestor.name, lsn: ancestor.lsn } }),
      lastLsn: writer.lastLsn,
      durableLsn: writer.durableLsn,
      horizon: writer.horizon.readable,
    }));
  }

  /**
   * Reads what another process has written since this one opened the store to be read, or refreshed it: `lastLsn` of its
   * timelines, and what their reads see, move on, timelines that were made are there, and reads of those that were
   * deleted end. Other views and snapshots stay as they are. What is shown then cannot be lost any more: what its writer
   * has not synced is synced before, so that all that was written by the call is there. A writer has written what it
   * appended within its `flushMilliseconds`. Of a store that is open for writing it does nothing.
   *
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing, or history has gone back.
   * @throws {IoError} If the system fails.
   */
  async refresh(): Promise<void> {
    this.#checkOpen();
    if (this.#store.options.readOnly) await refreshStore(this.#store);
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
    await this.#timelines.idle();
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
