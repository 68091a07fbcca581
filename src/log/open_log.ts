/**
 * Opening and closing the directory of a log.
 *
 * ```
 *   engine ─► directory ─► lock ─► direct IO proven ─► objects ─► manifest ─► generation ─► segments recovered
 *                            └ a reader takes none, and writes nothing
 * ```
 *
 * @module
 */

import { assert, CorruptionError, hasCode, LimitError, maxGeneration, noTimes } from "../base/mod.ts";
import { type Host, type Io, type IoEngine, openEngine, openIo, type PathLock } from "../io/mod.ts";
import {
  findDirectory,
  type FoundDirectory,
  logKind,
  Manifest,
  refuseUnnamedTimelines,
  removeLeftovers,
} from "../manifest/mod.ts";
import { Objects } from "../objects/mod.ts";
import { homeOf, type LogContext } from "./log_context.ts";
import type { LogOptions, LogSettings } from "./options.ts";

/** The name of the one history that the manifest of a log has. */
const historyName = "log";
/** Nothing of a log is cached. */
const cacheBytes = 64 * 1024;
/** How often a reader looks before it believes in damage. */
const readOnlyAttempts = 4;

/** The directory of a log that is open. */
export interface OpenLog {
  /** What the parts of the log share. */
  readonly context: LogContext;
  /** How IO is done. */
  readonly io: Io;
  /** Gives up the lock and the engine. */
  release(): Promise<void>;
}

/**
 * Opens the directory of a log, and has a log begin with it.
 *
 * @param path Where.
 * @param settings Its options, checked.
 * @param options What of them is about IO.
 * @param hostOf Makes the outside world from an engine.
 * @param begin Opens what there is.
 */
export async function openLog<T>(
  path: string,
  settings: LogSettings,
  options: LogOptions,
  hostOf: (engine: IoEngine) => Host,
  begin: (open: OpenLog) => Promise<T>,
): Promise<T> {
  const ioOptions = { ...options, readOnly: settings.readOnly };
  const opened = await openEngine(ioOptions), { engine } = opened;
  await using held = new AsyncDisposableStack();
  if (opened.ownsEngine) held.defer(() => engine.shutdown());
  const found = await findDirectory(engine, path, settings.mayCreate, logKind);
  const lock = settings.readOnly ? undefined : await engine.lock(found.directory);
  if (lock !== undefined) held.defer(() => lock.release());
  const io = await openIo(found.directory, ioOptions, opened), host = hostOf(engine);
  const release = new AsyncDisposableStack();
  const begun = await openLocked(found, settings, io, lock, host, async (context) => {
    return await begin({ context, io, release: () => release.disposeAsync() });
  });
  release.use(held.move());
  return begun;
}

async function openLocked<T>(
  { directory, isNew }: FoundDirectory,
  settings: LogSettings,
  io: Io,
  lock: PathLock | undefined,
  host: Host,
  begin: (context: LogContext) => Promise<T>,
): Promise<T> {
  const { readOnly } = settings;
  // What a reader finds while somebody else writes may not fit together: damage is what it finds again.
  for (let attempts = readOnly ? readOnlyAttempts : 1;; attempts--) {
    const objects = new Objects({ host, io, directory, cacheBytes, lock });
    try {
      const manifest = await openManifest(objects, readOnly, isNew), { timelines } = manifest.state;
      if (timelines.length !== 1 || timelines[0].name !== historyName) {
        const found = timelines.map(({ name }) => `"${name}"`).join(", ");
        throw new CorruptionError({ path: directory, offset: 0, expected: "the history of a log", found });
      }
      try {
        return await begin({ host, objects, manifest, id: timelines[0].id, settings });
      } catch (error) {
        await manifest.close().catch(() => {});
        throw error;
      }
    } catch (error) {
      await objects.close().catch(() => {});
      const mayPass = error instanceof CorruptionError || hasCode(error, "ENOENT");
      if (attempts === 1 || !mayPass) throw error;
    }
  }
}

async function openManifest(objects: Objects, readOnly: boolean, isNew: boolean): Promise<Manifest> {
  const home = homeOf({ objects });
  // Another process may have made the log since the first look.
  const manifest = await Manifest.open(home, { readOnly });
  if (manifest === undefined) return await createManifest(objects, isNew);
  const { timelines, dropped, generation } = manifest.state;
  const named = new Set([...timelines.map(({ id }) => id), ...dropped]);
  await refuseUnnamedTimelines(objects, named);
  if (readOnly) return manifest;
  if (generation >= maxGeneration) {
    throw new LimitError(`Cannot open log "${objects.directory}": it was opened ${generation} times`, {
      limit: maxGeneration,
      found: generation,
    });
  }
  await manifest.commit({ type: "generation", generation: generation + 1 });
  await removeLeftovers(objects, named);
  return manifest;
}

async function createManifest(objects: Objects, isNew: boolean): Promise<Manifest> {
  const { directory, host: { random, clock } } = objects;
  if (!isNew) {
    throw new CorruptionError({ path: directory, offset: 0, expected: "a manifest", found: "none" });
  }
  const id = random.id(),
    created = Math.trunc(Math.min(Math.max(clock.now(), 0), Number.MAX_SAFE_INTEGER)) || 0;
  await objects.prepare(id);
  await removeLeftovers(objects, new Set([id]));
  const history = {
    name: historyName,
    id,
    created,
    nextSequence: 1,
    horizon: 0,
    times: noTimes,
    segments: [],
    layers: [],
  };
  const manifest = await Manifest.create(homeOf({ objects }), {
    version: 1,
    storeId: random.bytes(16).toHex(),
    generation: 1,
    timelines: [history],
    dropped: [],
  });
  assert(manifest.state.timelines.length === 1, "a log has one history");
  return manifest;
}
