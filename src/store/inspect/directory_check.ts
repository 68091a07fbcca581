/**
 * What stands in the directories of a store: files that nobody names, and who may read them.
 *
 * @module
 */

import { CorruptionError, hasCode, IoError } from "../../base/mod.ts";
import {
  isLeftover,
  lockName,
  Manifest,
  metricsName,
  parseManifestName,
  type StoreState,
  type TimelineState,
  unnamed,
} from "../../manifest/mod.ts";
import {
  type ObjectId,
  type Objects,
  parseObjectId,
  parseTimelineName,
  timelineName,
} from "../../objects/mod.ts";
import { hasData } from "../../segment/mod.ts";
import { objectOf } from "../../timeline/mod.ts";
import type { Findings } from "./findings.ts";
import type { InspectedStore } from "./inspected_store.ts";

/** What a file of a store may permit: its owner to read and write. */
const filePermissions = 0o600;
/** What a directory of a store may permit. */
const directoryPermissions = 0o700;

/**
 * Tells which names permit more than they should.
 *
 * @param objects Whose directory.
 * @param folder The folder in it; empty for itself.
 * @param findings Who is told.
 */
export async function tellPermissions(objects: Objects, folder: string, findings: Findings): Promise<void> {
  const { host: { engine }, directory } = objects,
    path = folder === "" ? directory : `${directory}/${folder}`;
  await tellPermission(objects, path, directoryPermissions, findings);
  const names = await engine.list(path).catch(noneIfMissing);
  for (const name of names.sort()) {
    findings.check();
    const isFolder = folder === "" && parseTimelineName(name) !== undefined;
    if (!isFolder) await tellPermission(objects, `${path}/${name}`, filePermissions, findings);
  }
}

function noneIfMissing(error: unknown): string[] {
  if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
  throw error;
}

async function tellPermission(
  { host: { engine } }: Objects,
  path: string,
  most: number,
  findings: Findings,
): Promise<void> {
  // What went meanwhile has no permissions any more.
  const mode = await engine.permissions?.(path).catch((error) =>
    hasCode(error, "ENOENT") ? undefined : Promise.reject(error)
  );
  if (mode === undefined || (mode & ~most) === 0) return;
  const expected = `the permissions ${octal(most)}`, found = octal(mode);
  findings.found({ severity: "warning", error: new CorruptionError({ path, offset: 0, expected, found }) });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/**
 * Tells of what stands in the store's directory and belongs to nobody: timelines that hold data and are not named, which
 * is damage, and other files.
 */
export async function tellUnnamedRoot(
  store: InspectedStore,
  state: StoreState | undefined,
  findings: Findings,
): Promise<void> {
  const { objects } = store, before = timelinesIn(state);
  const strangers: { name: string; held: readonly string[] | IoError | undefined }[] = [];
  for (const name of (await objects.root.list()).sort()) {
    if (name === lockName) await tellLock(objects, findings);
    const timeline = parseTimelineName(name);
    const isOurs = name === lockName || name === metricsName || isLeftover(name) ||
      parseManifestName(name) !== undefined ||
      before.has(name) || timeline !== undefined && state === undefined;
    if (isOurs) continue;
    const held = timeline === undefined ? undefined : await heldIn(objects, timeline);
    strangers.push({ name, held });
  }
  // A timeline is named before it holds anything: one that was made meanwhile is named by now.
  const isTimeline = strangers.some(({ held }) =>
    held instanceof IoError || held !== undefined && held.length > 0
  );
  const after = isTimeline ? timelinesIn(await newestState(store)) : before;
  for (const { name, held } of strangers) {
    const path = `${objects.directory}/${name}`;
    if (after.has(name)) continue;
    if (held instanceof IoError) findings.found({ error: held });
    else if (held === undefined) findings.found({ severity: "warning", error: stranger(path) });
    else if (held.length > 0) findings.found({ error: unnamed(path) });
  }
}

/** The directories that a manifest knows of, those of timelines that were dropped among them. */
function timelinesIn(state: StoreState | undefined): Set<string> {
  return new Set([...state?.timelines.map(({ id }) => id) ?? [], ...state?.dropped ?? []].map(timelineName));
}

/**
 * The objects of a timeline, or why they cannot be told; `undefined` for a file that is named like the directory of a
 * timeline, which is none.
 */
async function heldIn(objects: Objects, timeline: number): Promise<readonly string[] | IoError | undefined> {
  try {
    return await objects.list(timeline);
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return undefined;
    if (error instanceof IoError) return error;
    throw error;
  }
}

/** Tells of what is called `lock` and is no file: whoever opens the store to write replaces files and links alone. */
async function tellLock({ host: { engine }, directory }: Objects, findings: Findings): Promise<void> {
  const path = `${directory}/${lockName}`;
  try {
    await engine.close(await engine.open(path, { access: "read", direct: false }));
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    if (!hasCode(error, "EISDIR", "ENXIO")) return;
    const found = error.code === "EISDIR" ? "a directory" : "neither a file nor a directory";
    const refusal = new CorruptionError({ path, offset: 0, expected: "a file", found, cause: error });
    findings.found({ severity: "warning", error: refusal });
  }
}

/** The error of a file that nothing reads. */
function stranger(path: string): CorruptionError {
  const expected = "files of the store alone", found = "one that nobody names";
  return new CorruptionError({ path, offset: 0, expected, found });
}

/**
 * Tells of what stands in the directory of a timeline and is not named. Nothing is written to a file before the manifest
 * names it, or says that its number is taken: one that holds data and that the manifest cannot know of proves that it is
 * too old.
 *
 * @param store What is inspected.
 * @param timeline The timeline.
 * @param findings Who is told.
 */
export async function tellUnnamed(
  store: InspectedStore,
  timeline: TimelineState,
  findings: Findings,
): Promise<void> {
  const { objects } = store, folder = timelineName(timeline.id), path = `${objects.directory}/${folder}`;
  const names = await objects.host.engine.list(path).catch(noneIfMissing);
  const before = namesIn(timeline), strangers: { name: string; hasData: boolean }[] = [];
  for (const name of names.sort()) {
    findings.check();
    const id = `${folder}/${name}` as ObjectId;
    if (before.has(id)) continue;
    const isObject = parseObjectId(id) !== undefined;
    strangers.push({ name, hasData: isObject && await hasData(objects, objects.object(id)) });
  }
  // What was made meanwhile is named by now, if anything was written to it.
  const newest = await newestOf(store, timeline);
  // Of one that was dropped meanwhile all is left over.
  if (newest === undefined) return;
  const after = namesIn(newest);
  for (const { name, hasData } of strangers) {
    const id = `${folder}/${name}`, object = parseObjectId(id);
    if (after.has(id)) continue;
    const isNew = object !== undefined && object.sequence >= newest.nextSequence;
    // Where a store is open somebody makes it just now, or removes it as soon as nobody needs it.
    if (object !== undefined && !isNew && store.state !== undefined) continue;
    if (!isNew) findings.found({ severity: "warning", error: stranger(`${path}/${name}`) });
    else if (hasData) findings.found({ error: unnamed(`${path}/${name}`) });
  }
}

function namesIn(timeline: TimelineState): Set<string> {
  const { segments, layers } = timeline;
  return new Set([...segments, ...layers].map((file) => objectOf(timeline, file)));
}

/** What the manifest says of a timeline by now; `undefined` if it was dropped. */
async function newestOf(
  store: InspectedStore,
  timeline: TimelineState,
): Promise<TimelineState | undefined> {
  const state = await newestState(store);
  return state === undefined ? timeline : state.timelines.find(({ id }) => id === timeline.id);
}

/** What the manifest says by now. */
async function newestState({ objects, committed }: InspectedStore): Promise<StoreState | undefined> {
  return committed?.() ?? (await Manifest.open(objects, { readOnly: true }))?.state;
}
