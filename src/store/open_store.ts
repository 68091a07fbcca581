/**
 * Opening and closing a store.
 *
 * ```
 *   engine ─► directory ─► lock ─► direct IO proven ─► objects ─► manifest ─► generation ─► timelines recovered
 *                            └ a reader takes none, writes nothing, and looks again before it believes in damage
 * ```
 *
 * What was opened is closed in the opposite order, also when opening fails half-way; then the first failure is the one
 * that is reported.
 *
 * @module
 */

import { assert, CorruptionError, hasCode, LimitError, maxGeneration, noTimes, pathOf } from "../base/mod.ts";
import {
  type Host,
  type Io,
  type IoEngine,
  openEngine,
  openIo,
  type PathLock,
  systemHost,
} from "../io/mod.ts";
import {
  type AncestorState,
  type Edit,
  findDirectory,
  type FoundDirectory,
  Manifest,
  refuseUnnamedTimelines,
  removeLeftovers,
  removeTimeline,
  type TimelineState,
} from "../manifest/mod.ts";
import { Objects } from "../objects/mod.ts";
import {
  ancestorOf,
  loadRedo,
  Meters,
  type OpenTimeline as OpenWriter,
  type Redoer,
  StoreUpkeep,
  Timeline,
  type TimelineContext,
  TimelineWriter,
  type UpkeepRunner,
  Views,
} from "../timeline/mod.ts";
import { chooseUpkeep } from "./choose_upkeep.ts";
import { EndedCounts } from "./ended_counts.ts";
import { Refresher } from "./refresher.ts";
import { type CheckedOptions, checkOptions, type StoreOptions } from "./options.ts";

/** The timeline that always exists. */
export const mainName = "main";
/** How often a reader looks before it believes in damage. */
const readOnlyAttempts = 3;

/** A timeline that is open. */
export interface OpenTimeline extends OpenWriter {
  /** What the manifest said of it when it was opened. */
  readonly state: TimelineState;
  /** Its reads. */
  readonly views: Views;
  /** What callers see of it. */
  readonly timeline: Timeline;
}

/** A store that is open. */
export interface OpenStore {
  /** Its options. */
  readonly options: CheckedOptions;
  /** How it does IO. */
  readonly io: Io;
  /** The lock on its directory; a reader has none. */
  readonly lock: PathLock | undefined;
  /** Its files. */
  readonly objects: Objects;
  /** What exists. */
  readonly manifest: Manifest;
  /** Who does the heavy work of upkeep. */
  readonly runner: UpkeepRunner;
  /** Whose turn it is to merge. */
  readonly upkeep: StoreUpkeep;
  /** Its timelines by their names. */
  readonly timelines: Map<string, OpenTimeline>;
  /** What those did that were deleted. */
  readonly ended: EndedCounts;
  /** What is measured while they work. */
  readonly meters: Meters;
  /** What reads on where another process writes. */
  readonly refresher: Refresher;
  /** What makes values of patches. */
  readonly redoer: Redoer;
}

/**
 * Opens a store, as {@linkcode Store.open} says.
 *
 * @param hostOf Makes the outside world from an engine; Workers can have one like it if we opened it. The default is
 * the machine itself.
 */
export async function openStore(
  path: string | URL,
  options: StoreOptions,
  hostOf: (engine: IoEngine, ownsEngine: boolean) => Host = systemHost,
): Promise<OpenStore> {
  const asked = pathOf("open store", path).replace(/(?<=.)\/+$/, "");
  const checked = checkOptions(options), redoer = await loadRedo(checked.redo);
  const ioOptions = { ...options, readOnly: checked.readOnly };
  const opened = await openEngine(ioOptions);
  let lock: PathLock | undefined;
  try {
    const found = await findDirectory(opened.engine, asked, checked.mayCreate);
    if (!checked.readOnly) lock = await opened.engine.lock(found.directory);
    const io = await openIo(found.directory, ioOptions, opened);
    return await openLocked(found, checked, io, lock, hostOf(io.engine, io.ownsEngine), redoer);
  } catch (error) {
    await lock?.release().catch(() => {});
    if (opened.ownsEngine) await opened.engine.shutdown();
    throw error;
  }
}

/**
 * Opens what is there. What a reader finds while somebody else writes may not fit together, since it does not look at
 * everything in one moment; damage is what it finds again.
 */
async function openLocked(
  { directory, isNew }: FoundDirectory,
  options: CheckedOptions,
  io: Io,
  lock: PathLock | undefined,
  host: Host,
  redoer: Redoer,
): Promise<OpenStore> {
  const { readOnly, cacheBytes } = options;
  for (let attempts = readOnly ? readOnlyAttempts : 1;; attempts--) {
    const objects = new Objects({ host, io, directory, cacheBytes, lock });
    try {
      if (readOnly) await objects.leases.take(await objects.listTimelines());
      let manifest = await openManifest(objects, readOnly, isNew);
      while (readOnly && await objects.leases.take(manifest.state.timelines.map(({ id }) => id))) {
        manifest = await openManifest(objects, readOnly, isNew);
      }
      const upkeep = new StoreUpkeep(readOnly ? "manual" : options.upkeep ?? "worker");
      const runner = chooseUpkeep(options, host, directory, io, lock), meters = new Meters();
      const timelines = new Map<string, OpenTimeline>(), ended = new EndedCounts();
      const refresher = new Refresher();
      const store = {
        options,
        io,
        lock,
        objects,
        manifest,
        runner,
        upkeep,
        timelines,
        ended,
        meters,
        refresher,
        redoer,
      };
      await openTimelines(store);
      upkeep.start();
      return store;
    } catch (error) {
      await objects.close().catch(() => {});
      if (attempts === 1 || !mayComeOfWriter(error)) throw error;
    }
  }
}

/** Whether an error may come of a writer that went on while a reader opened the store. */
function mayComeOfWriter(error: unknown): boolean {
  return error instanceof CorruptionError || hasCode(error, "ENOENT");
}

async function openManifest(objects: Objects, readOnly: boolean, isNew: boolean): Promise<Manifest> {
  // Another process may have made the store since the first look.
  const manifest = await Manifest.open(objects, { readOnly });
  if (manifest === undefined) return await createManifest(objects, isNew);
  const { timelines, dropped } = manifest.state;
  const named = new Set([...timelines.map(({ id }) => id), ...dropped]);
  await refuseUnnamedTimelines(objects, named);
  if (readOnly) return manifest;
  // From here on whatever opened the store earlier and still lives can be told from this opening.
  await manifest.commit({ type: "generation", generation: nextGeneration(objects.directory, manifest) });
  await removeLeftovers(objects, named);
  await removeDropped(objects, manifest);
  return manifest;
}

/** Removes what is left of timelines that were dropped, and forgets those of which nothing is (M14). */
async function removeDropped(objects: Objects, manifest: Manifest): Promise<void> {
  const { dropped } = manifest.state, forgotten: Edit[] = [];
  for (const id of dropped) {
    if (await removeTimeline(objects, id)) forgotten.push({ type: "forgetTimeline", id });
  }
  if (forgotten.length === 0) return;
  await objects.host.engine.syncDirectory(objects.directory);
  await manifest.commit(forgotten);
}

function nextGeneration(directory: string, { state: { generation } }: Manifest): number {
  if (generation < maxGeneration) return generation + 1;
  const often = `it was opened for writing ${generation} times`;
  throw new LimitError(`Cannot open store "${directory}": ${often}`, {
    limit: maxGeneration,
    found: generation,
  });
}

async function createManifest(objects: Objects, isNew: boolean): Promise<Manifest> {
  const { directory, host } = objects;
  if (!isNew) {
    throw new CorruptionError({ path: directory, offset: 0, expected: "a manifest", found: "none" });
  }
  const main = newTimeline(host, mainName);
  await objects.prepare(main.id);
  await removeLeftovers(objects, new Set([main.id]));
  const storeId = host.random.bytes(16).toHex();
  return await Manifest.create(objects, {
    version: 1,
    storeId,
    generation: 1,
    timelines: [main],
    dropped: [],
  });
}

/** A timeline without history of its own. */
export function newTimeline(
  { random, clock }: Host,
  name: string,
  ancestor?: AncestorState,
): TimelineState {
  return {
    name,
    id: random.id(),
    created: timestamp(clock.now()),
    ...(ancestor === undefined ? {} : { ancestor }),
    nextSequence: 1,
    horizon: 0,
    times: noTimes,
    segments: [],
    layers: [],
  };
}

/** Milliseconds since the epoch as the manifest holds them, whatever the clock says. */
function timestamp(now: number): number {
  return Math.trunc(Math.min(Math.max(now, 0), Number.MAX_SAFE_INTEGER)) || 0;
}

async function openTimelines(store: OpenStore): Promise<void> {
  try {
    // Those that others go on from stand before them (M13).
    for (const state of store.manifest.state.timelines) await openTimeline(store, state);
  } catch (error) {
    for (const { writer } of store.timelines.values()) await writer.close().catch(() => {});
    await store.runner.close();
    await store.manifest.close().catch(() => {});
    throw error;
  }
}

/** Opens a timeline that the manifest names. */
export async function openTimeline(store: OpenStore, state: TimelineState): Promise<Timeline> {
  const { options, io, objects, manifest, runner, upkeep, timelines, meters, redoer } = store;
  const { host, directory } = objects;
  const views = new Views(host.clock, directory, redoer), { ancestor } = state;
  const origin = timelines.values().find(({ state }) => state.id === ancestor?.id);
  assert((origin === undefined) === (ancestor === undefined), "what a branch goes on from is open");
  const context: TimelineContext = {
    host,
    objects,
    manifest,
    settings: options.settings,
    readOnly: options.readOnly,
    refresh: options.readOnly ? () => refreshStore(store) : undefined,
    name: state.name,
    id: state.id,
    ancestor: origin && ancestor && ancestorOf(origin, ancestor.lsn),
    storeId: manifest.state.storeId,
    views,
    runner,
    note: io.note,
    upkeep,
    meters,
    shard: options.shard,
  };
  const writer = await TimelineWriter.open(context);
  const timeline = new Timeline({ context, writer });
  timelines.set(state.name, { state, context, writer, views, timeline });
  return timeline;
}

/** Reads what another process has written meanwhile, into a store that is only read. */
export function refreshStore(store: OpenStore): Promise<void> {
  return store.refresher.refresh({ ...store, open: (state) => openTimeline(store, state) });
}

/** Refuses further reads, and has those that run stop at their next step. */
export function stopReads({ timelines }: OpenStore): void {
  for (const { views } of timelines.values()) views.close();
}

/**
 * Ends reads, syncs, seals what is worth it, and gives up everything, whatever fails meanwhile.
 *
 * @throws {PoisonedError} If what was appended could not be made durable.
 * @throws {IoError} If the disk is too full for that, or for the manifest to say that it was closed.
 */
export async function closeStore(store: OpenStore): Promise<void> {
  const { timelines, manifest, runner, objects, upkeep, io, lock } = store;
  const lost: unknown[] = [], others: unknown[] = [];
  const attempt = (work: Promise<void>) => work.catch((error) => void others.push(error));
  stopReads(store);
  await store.refresher.idle();
  // Timelines that were opened meanwhile.
  stopReads(store);
  upkeep.stop();
  for (const { writer } of timelines.values()) writer.compactor.stop();
  await Promise.all([...timelines.values()].map(({ views }) => views.drain()));
  for (const { writer } of timelines.values()) await writer.close().catch((error) => void lost.push(error));
  await attempt(runner.close());
  await attempt(manifest.close());
  await attempt(objects.close());
  if (lock !== undefined) await attempt(lock.release());
  if (io.ownsEngine) await attempt(io.engine.shutdown());
  if (lost.length > 1) throw new AggregateError(lost, `Cannot close store "${objects.directory}" cleanly`);
  // What a timeline lost matters most, and is mostly why the others failed.
  const [first] = [...lost, ...others];
  if (first !== undefined) throw first;
}
