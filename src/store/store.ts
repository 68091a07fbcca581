/**
 * A store: a directory with its lock, its manifest and its timelines.
 *
 * @module
 */

import { fromFileUrl } from "./path.ts";
import {
  CorruptionError,
  IoError,
  type Lsn,
  maxOpenLayerFiles,
  maxTimelineNameLength,
  ReadOnlyError,
  typeName,
  VarveError,
} from "../base/mod.ts";
import { BufferPool, type Io, type IoReport, openIo, probeNamePattern } from "../io/mod.ts";
import { PageCache } from "../layer/mod.ts";
import { isSegmentName, Manifest, parseManifestName, type TimelineEntry } from "../manifest/mod.ts";
import { FileCache } from "../objects/mod.ts";
import {
  idName,
  randomId,
  type ReadContext,
  ReadSessions,
  Timeline,
  type TimelineContext,
  TimelineLog,
} from "../timeline/mod.ts";
import { lockName, StoreLock } from "./lock.ts";
import type { StoreMetrics } from "./metrics.ts";
import { type CheckedOptions, checkOptions, type StoreOptions } from "./options.ts";

const MiB = 1024 * 1024;
const bufferBytes = MiB;
const mainName = "main";
/** How often a reader looks before it believes in damage. */
const readOnlyAttempts = 3;

const timelinePattern = /^[0-9a-f]{16}$/;

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
}

interface LiveTimeline {
  readonly entry: TimelineEntry;
  readonly log: TimelineLog;
  readonly timeline: Timeline;
}

/**
 * A store of versioned keys in a directory.
 *
 * One process at a time may write to it. Every version of every key is kept.
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
  readonly #path: string;
  readonly #io: Io;
  readonly #lock: StoreLock | undefined;
  readonly #context: TimelineContext;
  readonly #sessions: ReadSessions;
  readonly #timelines = new Map<string, LiveTimeline>();
  readonly #making = new Map<string, Promise<Timeline>>();
  #closing: Promise<void> | undefined;

  private constructor(
    path: string,
    io: Io,
    lock: StoreLock | undefined,
    context: TimelineContext,
    sessions: ReadSessions,
  ) {
    this.#path = path;
    this.#io = io;
    this.#lock = lock;
    this.#context = context;
    this.#sessions = sessions;
  }

  /**
   * Opens a store, making it if need be, and recovers what a crash left.
   *
   * @param path The store's directory.
   * @param options See {@linkcode StoreOptions}.
   * @returns The store. It must be closed.
   * @throws {LockedError} If it is open already, in this process or another.
   * @throws {CorruptionError} If bytes that were once durable are damaged or missing.
   * @throws {DirectIoError} If `strict` is set and the IO that was asked for cannot be had.
   * @throws {VarveError} If the directory holds something else.
   * @throws {Deno.errors.NotFound} If there is no store and `create` is `false`.
   */
  static async open(path: string | URL, options: StoreOptions = {}): Promise<Store> {
    const directory = directoryOf(path);
    const checked = checkOptions(options);
    const isNew = prepareDirectory(directory, checked);
    const lock = checked.readOnly ? undefined : StoreLock.acquire(directory);
    let io: Io | undefined;
    try {
      io = await openIo(directory, { ...options, readOnly: checked.readOnly });
      return await Store.#openPatiently(directory, checked, io, lock, isNew);
    } catch (error) {
      if (io?.ownsEngine) await io.engine.shutdown();
      lock?.[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Opens what is there. What a reader finds while somebody else writes may not fit together, since it does not look
   * at everything in one moment; damage is what it finds again.
   */
  static async #openPatiently(
    directory: string,
    options: CheckedOptions,
    io: Io,
    lock: StoreLock | undefined,
    isNew: boolean,
  ): Promise<Store> {
    for (let attempts = options.readOnly ? readOnlyAttempts : 1;; attempts--) {
      try {
        const manifest = await openManifest(io, directory, options, isNew);
        const context = makeContext(directory, options, io, manifest);
        const store = new Store(directory, io, lock, context, new ReadSessions(directory));
        await store.#openTimelines();
        return store;
      } catch (error) {
        if (attempts === 1 || !isInconsistent(error)) throw error;
      }
    }
  }

  async #openTimelines(): Promise<void> {
    try {
      for (const entry of this.#context.manifest.state.timelines) await this.#openTimeline(entry);
    } catch (error) {
      // The first failure is the one to report.
      for (const { log } of this.#timelines.values()) await log.close().catch(() => {});
      await this.#context.read.files.closeAll();
      throw error;
    }
  }

  async #openTimeline(entry: TimelineEntry): Promise<Timeline> {
    const log = await TimelineLog.open(this.#context, entry);
    const timeline = new Timeline(this.#context, entry, log, this.#sessions);
    this.#timelines.set(entry.name, { entry, log, timeline });
    return timeline;
  }

  /** The store's directory. */
  get path(): string {
    return this.#path;
  }

  /** How IO is done: what was asked for, what was obtained, and why they differ if they do. */
  get io(): IoReport {
    return this.#io.report;
  }

  /**
   * Returns a timeline.
   *
   * @param name Its name. The default is `"main"`, which always exists.
   * @throws {Deno.errors.NotFound} If there is none of that name.
   */
  timeline(name: string = mainName): Timeline {
    this.#sessions.checkOpen();
    const live = this.#timelines.get(name);
    if (live === undefined) {
      throw new Deno.errors.NotFound(`Cannot find timeline "${name}" in store "${this.#path}"`);
    }
    return live.timeline;
  }

  /**
   * Makes a timeline without history.
   *
   * @param name Its name, 1 to 128 characters.
   * @returns The timeline, once it is durable.
   * @throws {Deno.errors.AlreadyExists} If there is one of that name.
   * @throws {RangeError} If the name is empty or too long.
   * @throws {ReadOnlyError} If the store is read only.
   */
  async createTimeline(name: string): Promise<Timeline> {
    this.#sessions.checkOpen();
    checkTimelineName(name);
    if (this.#context.readOnly) {
      throw new ReadOnlyError(`Cannot make timeline "${name}": the store is open read only`);
    }
    if (this.#timelines.has(name)) {
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
    const { manifest, engine, directory } = this.#context;
    // One that a full disk kept out of the manifest stands in the state already.
    const left = manifest.state.timelines.find((entry) => entry.name === name);
    const entry = left ?? newTimeline(name);
    await makeTimelineDirectory(engine, directory, entry);
    await manifest.edit((state) => {
      if (left === undefined) state.timelines.push(entry);
    });
    return await this.#openTimeline(entry);
  }

  /** Describes every timeline. */
  timelines(): TimelineInfo[] {
    this.#sessions.checkOpen();
    return [...this.#timelines.values()].map(({ entry, log }) => ({
      name: entry.name,
      created: new Date(entry.created),
      lastLsn: log.lastLsn,
      durableLsn: log.durableLsn,
    }));
  }

  /** What the store did since it was opened, and what it holds now. */
  metrics(): StoreMetrics {
    const logs = [...this.#timelines.values()].map(({ log }) => log);
    const sum = (count: (log: TimelineLog) => number) => logs.reduce((total, log) => total + count(log), 0);
    const { read, pool } = this.#context;
    const cache = read.pages.metrics();
    return {
      batches: sum((log) => log.counters.batches),
      changes: sum((log) => log.counters.changes),
      bytes: sum((log) => log.counters.bytes),
      syncs: sum((log) => log.counters.syncs),
      seals: sum((log) => log.counters.seals),
      keysRead: read.counters.keys,
      valueReads: read.counters.valueReads,
      valueReadBytes: read.counters.valueReadBytes,
      pageReads: read.counters.pageReads,
      cacheHits: cache.hits,
      cacheMisses: cache.misses,
      cacheBytes: cache.bytes,
      indexBytes: sum((log) => log.indexBytes),
      waitingBytes: sum((log) => log.waitingBytes),
      bufferBytes: pool.heldBytes + read.pool.heldBytes,
      frozenLayers: sum((log) => log.layers.frozen.length),
      sealedLayers: sum((log) => log.layers.sealed.length),
      activeReads: this.#sessions.size,
    };
  }

  /**
   * Syncs, seals what is worth it, ends reads and closes every file. Calling it again waits for the same close.
   *
   * @throws {PoisonedError} If what was appended could not be made durable; everything is closed all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#sessions.close();
    const failures: unknown[] = [];
    await Promise.allSettled(this.#making.values());
    await this.#sessions.drain();
    for (const { log } of this.#timelines.values()) {
      await log.close().catch((error) => failures.push(error));
    }
    await this.#context.read.files.closeAll();
    if (this.#io.ownsEngine) await this.#io.engine.shutdown();
    this.#lock?.[Symbol.dispose]();
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `Cannot close store "${this.#path}" cleanly`);
  }

  /** Closes the store, as {@linkcode close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function directoryOf(path: string | URL): string {
  if (path instanceof URL) return fromFileUrl(path);
  if (typeof path !== "string") {
    throw new TypeError(`Cannot open store: expected a path or a URL, found ${typeName(path)}`);
  }
  if (path === "") throw new TypeError("Cannot open store: the path is empty");
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Finds out what is there, before anything is touched; returns whether a store is to be made. */
function prepareDirectory(directory: string, options: CheckedOptions): boolean {
  const mayCreate = options.create && !options.readOnly;
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || !mayCreate) throw error;
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return true;
  }
  if (entries.some(({ name }) => parseManifestName(name) !== undefined)) return false;
  for (const entry of entries) refuseForeign(directory, entry);
  if (mayCreate) return true;
  throw new Deno.errors.NotFound(`Cannot open store "${directory}": there is no store`);
}

/** Refuses whatever making a store does not leave behind in a crash. */
function refuseForeign(directory: string, { name, isDirectory }: Deno.DirEntry): void {
  if (name === lockName || name === "manifest-pending" || probeNamePattern.test(name)) return;
  const path = `${directory}/${name}`;
  const held = isDirectory && timelinePattern.test(name) ? [...Deno.readDirSync(path)] : undefined;
  if (held?.length === 0) return;
  if (held?.some((file) => isSegmentName(file.name))) {
    throw new CorruptionError({ path, offset: 0, expected: "a manifest that names it", found: "none" });
  }
  throw new VarveError(
    `Cannot open store "${directory}": it holds "${name}" and no manifest, it is not a store`,
  );
}

/** Whether an error may come of a writer that went on while a reader opened the store. */
function isInconsistent(error: unknown): boolean {
  return error instanceof CorruptionError || error instanceof IoError && error.code === "ENOENT";
}

async function openManifest(
  io: Io,
  directory: string,
  options: CheckedOptions,
  isNew: boolean,
): Promise<Manifest> {
  // Another process may have made the store between the first look and the lock.
  const manifest = await Manifest.load(io.engine, directory);
  if (manifest !== undefined) {
    if (!options.readOnly) await manifest.settle();
    return manifest;
  }
  if (!isNew) {
    throw new CorruptionError({ path: directory, offset: 0, expected: "a manifest", found: "none" });
  }
  const entry = newTimeline(mainName);
  await makeTimelineDirectory(io.engine, directory, entry);
  const storeId = crypto.getRandomValues(new Uint8Array(16)).toHex();
  return await Manifest.create(io.engine, directory, { version: 0, storeId, timelines: [entry] });
}

function newTimeline(name: string): TimelineEntry {
  return { name, id: idName(randomId()), created: Date.now(), nextSequence: 1, segments: [], layers: [] };
}

async function makeTimelineDirectory(
  engine: Io["engine"],
  directory: string,
  entry: TimelineEntry,
): Promise<void> {
  await engine.makeDirectory(`${directory}/${entry.id}`);
  await engine.syncDirectory(directory);
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

function makeContext(
  directory: string,
  options: CheckedOptions,
  io: Io,
  manifest: Manifest,
): TimelineContext {
  const { engine } = io;
  const read: ReadContext = {
    engine,
    pool: new BufferPool(engine, { bufferBytes, budgetBytes: 16 * MiB }),
    files: new FileCache(engine, io.readDirect, maxOpenLayerFiles),
    pages: new PageCache(options.cacheBytes),
    alignment: Math.max(512, io.report.offsetAlignment),
    counters: { keys: 0, valueReads: 0, valueReadBytes: 0, pageReads: 0 },
  };
  return {
    engine,
    writeDirect: io.writeDirect,
    pool: new BufferPool(engine, { bufferBytes, budgetBytes: 16 * MiB }),
    read,
    manifest,
    directory,
    readOnly: options.readOnly,
    settings: {
      segmentBytes: options.segmentBytes,
      indexBytes: Math.floor(options.memoryBytes / 6),
      waitingBytes: options.memoryBytes,
    },
  };
}
