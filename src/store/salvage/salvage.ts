/**
 * Salvaging: all that still reads of a store is copied into a new one.
 *
 * Z1  Nothing is written to the source.
 * Z2  What is copied checks, and stands at its LSN; batches come in the order of their LSNs.
 * Z3  What was given up is not claimed: the new timeline has the horizon of the old one.
 *
 * @module
 */

import { assert, CorruptionError, type Lsn, pathOf, VarveError } from "../../base/mod.ts";
import { directoryOf, type IoEngine } from "../../io/mod.ts";
import {
  type AncestorState,
  Manifest,
  notDirectory,
  refuseOther,
  storeKind,
  type StoreState,
  type TimelineState,
  unlessMissing,
} from "../../manifest/mod.ts";
import { type Objects, timelineName } from "../../objects/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";
import { listingError } from "../inspect/found_files.ts";
import { isStoreLeft } from "../inspect/store_names.ts";
import { openUnopened } from "../inspect/unopened.ts";
import { mainName } from "../open_store.ts";
import { openStoreWith, raiseHorizon, type Store } from "../store.ts";
import { BatchClock } from "./batch_clock.ts";
import type { ReadBatch, SalvageWatch } from "./batch_reader.ts";
import { mergeBatches } from "./merge_batches.ts";
import {
  checkSalvageOptions,
  type SalvagedTimeline,
  type SalvageOptions,
  type SalvageReport,
} from "./options.ts";
import { findSources, type SalvageSource } from "./sources.ts";
import { TimelineTally } from "./tally.ts";

/**
 * Copies all that still reads of a store into a new one: every timeline, every version at its LSN, also of a store that
 * cannot be opened because its manifest, an index or a segment is damaged.
 *
 * Records are found without any index; one that reads only helps to cross what is damaged: of layers that were merged
 * it tells where the next 4 KiB of records begin, so that a length that is hit costs up to so much. Without it the next
 * record is looked for byte by byte: it must check, lie in its area and be of an LSN that may be there, and so may be
 * one that a value holds whose own record is damaged. What is lost is told; what a crash left and nobody was promised
 * is left out in silence. A branch goes on from its ancestor in the new store as it did in the old one. Without a manifest
 * the names of timelines are lost, and their ids stand for them; which of them are branches is lost too: each has the
 * versions of its own then, and none of what it went on from.
 *
 * @param from The directory of the store, which nobody writes meanwhile. It is only read.
 * @param to Where the new store is made; there must be nothing, or an empty directory.
 * @param options See {@linkcode SalvageOptions}.
 * @returns What was copied and what was lost.
 * @throws {Deno.errors.AlreadyExists} If there is anything at `to`.
 * @throws {Deno.errors.NotFound} If there is nothing of a store at `from`.
 * @throws {VarveError} If there is a log at `from`.
 * @throws {Deno.errors.NotADirectory} If there is a file at `from` or `to`.
 * @throws {IoError} If the system fails to write.
 * @throws {RangeError} If `to` lies within `from`, or an option has a value that cannot be.
 * @throws {TypeError} If a path is not one, or an option is unknown or of a wrong type.
 *
 * @example Salvage a store that has lost its manifest
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { salvage, Store } from "@varve/varve";
 *
 * const directory = await Deno.makeTempDir();
 * {
 *   await using store = await Store.open(`${directory}/old`);
 *   await store.timeline().append([{ key: "a", value: "1" }], { lsn: 7 });
 * }
 * for await (const { name } of Deno.readDir(`${directory}/old`)) {
 *   if (name.startsWith("manifest-")) await Deno.remove(`${directory}/old/${name}`);
 * }
 * const { timelines: [{ name, records, lostCount }] } = await salvage(`${directory}/old`, `${directory}/new`);
 * assertEquals([records, lostCount], [1, 0]);
 *
 * await using store = await Store.open(`${directory}/new`);
 * assertEquals(await store.timeline(name).get("a", { lsn: 7 }), new TextEncoder().encode("1"));
 * ```
 */
export async function salvage(
  from: string | URL,
  to: string | URL,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  checkSalvageOptions(options);
  const { ioMode, ioEngine } = options;
  const source = pathOf("salvage store", from), target = pathOf("salvage store", to);
  const find = async (engine: IoEngine) => {
    const directory = await findSource(engine, source);
    await checkTarget(engine, target, directory);
    return directory;
  };
  await using unopened = await openUnopened({ ioMode, ioEngine }, find, 0);
  const clock = new BatchClock();
  // What comes is read once more when it is opened next, and merged then.
  await using store = await openStoreWith(clock, target, { ioMode, ioEngine, upkeep: "manual" });
  return await new Salvage(unopened.objects, store, clock, options).run();
}

/** Finds the directory of a store of which something is left. */
async function findSource(engine: IoEngine, path: string): Promise<string> {
  const refuseFile = notDirectory(`salvage "${path}"`);
  const directory = await unlessMissing(engine.resolve(path)).catch(refuseFile);
  const names = directory === undefined ? [] : await engine.list(directory).catch(refuseFile);
  refuseOther(`salvage "${path}"`, names, storeKind);
  if (directory === undefined || !isStoreLeft(names)) {
    throw new Deno.errors.NotFound(`Cannot salvage "${path}": there is nothing of a store`);
  }
  return directory;
}

/** Checks that a new store may be made at a path. */
async function checkTarget(engine: IoEngine, target: string, directory: string): Promise<void> {
  const held = await heldAt(engine, target).catch(notDirectory(`salvage into "${target}"`));
  if (held !== undefined && held.length > 0) {
    throw new Deno.errors.AlreadyExists(`Cannot salvage into "${target}": it is not empty`);
  }
  const parent = await unlessMissing(engine.resolve(held === undefined ? directoryOf(target) : target));
  if (parent === directory || parent?.startsWith(`${directory}/`)) {
    throw new RangeError(`Cannot salvage into "${target}": it lies within "${directory}"`);
  }
}

/** What a directory holds, also one that a link leads to; `undefined` if there is nothing. */
async function heldAt(engine: IoEngine, path: string): Promise<string[] | undefined> {
  const directory = await unlessMissing(engine.resolve(path));
  return directory === undefined ? undefined : await unlessMissing(engine.list(directory));
}

/** A timeline that is to be copied. */
interface Part {
  readonly tally: TimelineTally;
  readonly sources: readonly SalvageSource[];
  /** What the manifest says of it. */
  readonly named: TimelineState | undefined;
  /** Where it goes on from, if the manifest says so. */
  readonly ancestor: SalvagedTimeline["ancestor"];
  /** Up to where others go on from it. */
  readonly leastLastLsn: Lsn;
}

/** Where a branch goes on from: the name of the timeline, and the branch LSN. */
function originIn({ timelines }: StoreState, { id, lsn }: AncestorState): SalvagedTimeline["ancestor"] {
  const found = timelines.find((timeline) => timeline.id === id);
  assert(found !== undefined, "M13: a branch stands behind its ancestor");
  return { name: found.name, lsn };
}

class Salvage implements SalvageWatch {
  readonly #objects: Objects;
  readonly #store: Store;
  readonly #clock: BatchClock;
  readonly #options: SalvageOptions;
  readonly #progress = { bytes: 0, totalBytes: 0, batches: 0 };

  constructor(objects: Objects, store: Store, clock: BatchClock, options: SalvageOptions) {
    this.#objects = objects;
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
  }

  async run(): Promise<SalvageReport> {
    const { state, error } = await this.#readManifest();
    const ids = new Set(state?.timelines.map(({ id }) => id));
    for (const id of await this.#objects.listTimelines()) ids.add(id);
    const parts: Part[] = [];
    // What is left of timelines that were dropped is nobody's history.
    for (const id of ids.difference(new Set(state?.dropped))) {
      const named = state?.timelines.find((timeline) => timeline.id === id);
      if (state !== undefined && named === undefined && await this.#isStranger(id)) continue;
      const tally = new TimelineTally(named?.name ?? timelineName(id));
      const sources = await findSources(this.#objects, id, named, tally, () => this.check());
      // A directory without records that no manifest names never became a timeline.
      if (named === undefined && sources.length === 0 && tally.lostCount === 0) continue;
      for (const { end } of sources) this.#progress.totalBytes += end;
      const ancestor = state && named?.ancestor && originIn(state, named.ancestor);
      const branches = state?.timelines.flatMap(({ ancestor }) => ancestor?.id === id ? ancestor.lsn : []);
      parts.push({ tally, sources, named, ancestor, leastLastLsn: Math.max(0, ...branches ?? []) });
    }
    // Those that others go on from come before them.
    for (const part of parts) await this.#copy(part);
    const timelines = parts.map(({ tally, ancestor }) => ({ ...tally, ...(ancestor && { ancestor }) }));
    return { path: this.#store.path, hasManifest: state !== undefined, manifestError: error, timelines };
  }

  /** Whether what has the name of a timeline that no manifest names is no directory: then it never was one. */
  async #isStranger(id: number): Promise<boolean> {
    return await listingError(this.#objects, id) instanceof CorruptionError;
  }

  async #readManifest(): Promise<{ state: StoreState | undefined; error: Error | undefined }> {
    try {
      const state = (await Manifest.open(this.#objects, { readOnly: true }))?.state;
      return { state, error: undefined };
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      return { state: undefined, error };
    }
  }

  async #copy({ tally, sources, named, ancestor, leastLastLsn }: Part): Promise<void> {
    const { name } = tally, origin = ancestor && { ancestor: ancestor.name, lsn: ancestor.lsn };
    const timeline = name === mainName
      ? this.#store.timeline()
      : await this.#store.createTimeline(name, origin);
    this.#clock.begin(named?.times);
    for await (const batch of mergeBatches(this.#objects, sources, tally, this)) {
      await this.#append(timeline, batch, tally);
    }
    // History went as far as others go on from, whatever is left of it: a batch without changes says so.
    if (timeline.lastLsn < leastLastLsn) await timeline.append([], { lsn: leastLastLsn });
    await timeline.sync();
    await raiseHorizon(this.#store, name, horizonIn(sources, named));
    this.read(0);
  }

  async #append(
    timeline: Timeline,
    { lsn, changes, isIncomplete }: ReadBatch,
    tally: TimelineTally,
  ): Promise<void> {
    if (isIncomplete) tally.doubt(lsn);
    if (isIncomplete && this.#options.incomplete === "drop") return;
    this.#clock.show(lsn);
    await timeline.append(changes, { lsn });
    tally.copied(lsn, changes.size);
    this.#progress.batches++;
  }

  time(lsn: Lsn, milliseconds: number): void {
    this.#clock.mark(lsn, milliseconds);
  }

  check(): void {
    this.#options.signal?.throwIfAborted();
  }

  read(bytes: number): void {
    this.#progress.bytes += bytes;
    this.#options.progress?.({ ...this.#progress });
  }
}

/** The horizon below which versions may be missing, by the manifest and by what merged layers say of themselves (Z3). */
function horizonIn(sources: readonly SalvageSource[], named: TimelineState | undefined): Lsn {
  const layers = [...named?.layers ?? [], ...sources.flatMap(({ file: { footer } }) => footer ?? [])];
  return layers.reduce((most, { horizon }) => Math.max(most, horizon), named?.horizon ?? 0);
}
