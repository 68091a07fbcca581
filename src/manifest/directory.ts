/**
 * The directory of a store, or of a log: found, judged and tidied before anything in it is trusted.
 *
 * D1  What is not a store, nor what a killed making of one leaves behind, is refused and not touched.
 * D2  The path is resolved once; from then on the store's directory is that one, wherever links and the working
 *     directory lead later.
 *
 * @module
 */

import { CorruptionError, hasCode, VarveError } from "../base/mod.ts";
import { type IoEngine, probeNamePattern } from "../io/mod.ts";
import {
  isAsideName,
  type ObjectId,
  type Objects,
  parseObjectId,
  parseTimelineName,
  timelineName,
} from "../objects/mod.ts";
import { type DirectoryKind, holdsManifest, refuseOther, storeKind } from "./directory_kind.ts";

/** The file that says who holds the lock. */
export const lockName = "lock";
/** The file in which the process that writes tells its metrics. */
export const metricsName = "metrics";

/** Where a store is, or is to be made. */
export interface FoundDirectory {
  /** The absolute path of the directory. */
  readonly directory: string;
  /** Whether there is no store in it yet. */
  readonly isNew: boolean;
}

/**
 * Finds the directory of a store, or makes one (D1, D2).
 *
 * @param engine What reads and makes it.
 * @param path The path that the caller gave.
 * @param mayCreate Whether a store may be made.
 * @param kind What it is the directory of. @default {storeKind}
 * @returns The directory, and whether there is a store in it.
 * @throws {VarveError} If it holds something else.
 * @throws {CorruptionError} If it holds segments and no manifest.
 * @throws {Deno.errors.NotFound} If there is no store, and none may be made.
 * @throws {Deno.errors.NotADirectory} If there is a file.
 */
export async function findDirectory(
  engine: IoEngine,
  path: string,
  mayCreate: boolean,
  kind: DirectoryKind = storeKind,
): Promise<FoundDirectory> {
  const { word } = kind, refuseFile = notDirectory(`open ${word} "${path}"`);
  const directory = await unlessMissing(engine.resolve(path)).catch(refuseFile);
  if (directory !== undefined) {
    const names = await engine.list(directory).catch(refuseFile);
    if (holdsManifest(names, kind)) return { directory, isNew: false };
    refuseOther(`open ${word} "${directory}"`, names, kind);
    try {
      for (const name of names) await refuseForeign(engine, directory, name, kind);
    } catch (error) {
      // Another process may have made the store since the look at its directory.
      if (holdsManifest(await engine.list(directory), kind)) return { directory, isNew: false };
      throw error;
    }
  }
  if (!mayCreate) throw new Deno.errors.NotFound(`Cannot open ${word} "${path}": there is no ${word}`);
  // One that stands already is made durable all the same: whoever made it may have been killed.
  await engine.makeDirectory(directory ?? path);
  return { directory: directory ?? await engine.resolve(path), isNew: true };
}

/** What was asked for; `undefined` if there is nothing of the name. */
export function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  return unless("ENOENT", asked);
}

/** Says in words that what could not be done needs a directory; throws any other error as it is. */
export function notDirectory(what: string): (cause: unknown) => never {
  return (cause) => {
    if (!hasCode(cause, "ENOTDIR")) throw cause;
    throw new Deno.errors.NotADirectory(`Cannot ${what}: it is not a directory`, { cause });
  };
}

/** What was asked for; `undefined` if the system answers with `code`. */
async function unless<T>(code: string, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (hasCode(error, code)) return undefined;
    throw error;
  }
}

/** Whether making, opening or locking a store leaves a file of this name behind when it is killed. */
export function isLeftover(name: string): boolean {
  return isAsideName(name) || probeNamePattern.test(name);
}

/** The names in a directory, of which there are none if another process removed it; `undefined` if it is none. */
async function heldBy(engine: IoEngine, path: string): Promise<string[] | undefined> {
  const names = unless("ENOENT", engine.list(path)).then((found) => found ?? []);
  return await unless("ENOTDIR", names);
}

async function refuseForeign(
  engine: IoEngine,
  directory: string,
  name: string,
  { word }: DirectoryKind,
): Promise<void> {
  if (name === lockName || isLeftover(name)) return;
  const isTimeline = parseTimelineName(name) !== undefined;
  const held = isTimeline ? await heldBy(engine, `${directory}/${name}`) : undefined;
  if (held?.length === 0) return;
  if (held?.some((file) => parseObjectId(`${name}/${file}`) !== undefined)) {
    throw unnamed(`${directory}/${name}`);
  }
  throw new VarveError(
    `Cannot open ${word} "${directory}": it holds "${name}" and no manifest, it is not a ${word}`,
  );
}

/** The error of what holds data and is in no manifest. */
export function unnamed(path: string): CorruptionError {
  return new CorruptionError({ path, offset: 0, expected: "a manifest that names it", found: "none" });
}

/**
 * Refuses timelines that the manifest does not name and that hold anything: the manifest is then older than the store,
 * since a timeline is in the manifest before its first segment is made.
 *
 * @throws {CorruptionError} If there is one.
 */
export async function refuseUnnamedTimelines(objects: Objects, named: ReadonlySet<number>): Promise<void> {
  for await (const { name, held } of unnamedTimelines(objects, named)) {
    if (held.length > 0) throw unnamed(`${objects.directory}/${name}`);
  }
}

/** The directories of timelines that are not named, and the objects in them. What is no directory is no timeline. */
async function* unnamedTimelines(
  objects: Objects,
  named: ReadonlySet<number>,
): AsyncGenerator<{ name: string; held: readonly ObjectId[] }> {
  for (const id of await objects.listTimelines()) {
    const held = named.has(id) ? undefined : await unless("ENOTDIR", objects.list(id));
    if (held !== undefined) yield { name: timelineName(id), held };
  }
}

/**
 * Removes what a killed making or opening left in the directory, of a store or of a timeline.
 *
 * @param objects The store's objects.
 * @param named The timelines that the manifest names; of others there are at most empty directories.
 */
export async function removeLeftovers(objects: Objects, named: ReadonlySet<number>): Promise<void> {
  const names = await objects.host.engine.list(objects.directory);
  for (const name of names) if (isLeftover(name)) await objects.root.remove(name);
  if (names.includes(metricsName)) await objects.root.remove(metricsName).catch(passIfForeign);
  for await (const { name } of unnamedTimelines(objects, named)) {
    await objects.root.remove(name).catch(passIfForeign);
  }
}

/**
 * Removes what is left of a timeline that no manifest names any more, unless another process may read it, or something in
 * its directory is not ours.
 *
 * @param objects The store's objects, of which nothing of the timeline is read or written.
 * @param id The timeline's id.
 * @returns Whether nothing is left.
 */
export async function removeTimeline(objects: Objects, id: number): Promise<boolean> {
  const name = timelineName(id), left = async () => (await objects.root.list()).includes(name);
  if (!await left()) return true;
  await objects.leases.whileNone(id, async () => {
    for (const object of await objects.list(id)) await objects.remove(object);
    await objects.root.remove(name).catch(passIfForeign);
  });
  return !await left();
}

/** What is not ours stays, and the directory that it is in. */
function passIfForeign(error: unknown): void {
  if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
}
