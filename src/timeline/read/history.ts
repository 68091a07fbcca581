/**
 * The history of one key: all its versions, oldest first.
 *
 * Stored layers are walked in groups from old to new, and those of a group are merged, since they may overlap in LSN:
 *
 * ```
 *   LSN ─►   ├──── a ────┤                     a and b overlap: they are of one group
 *                  ├──── b ────┤               c is of the next one, if this one is large enough
 *                                 ├── c ──┤   layers in memory come last: they are newer than all of them
 * ```
 *
 * @module
 */

import type { Lsn, Turns } from "../../base/mod.ts";
import {
  Descent,
  DescentSteps,
  findVersion,
  hashKey,
  type MemoryLayer,
  mergeCursors,
  type MergedCursor,
  pageCursor,
  type PageSource,
  type StoredLayer,
  terminalFlag,
} from "../../layer/mod.ts";
import { type Objects, PageSet, type StoredObject } from "../../objects/mod.ts";
import type { DamagedEntry, Entry, Version } from "../entry.ts";
import { EntryRead } from "./entry_read.ts";
import { Places } from "./places.ts";
import { complete, type Plan, type PlanState, type Read } from "./read.ts";
import type { View } from "./view.ts";

/** Versions whose values are read together. */
const windowVersions = 1024;
/** Layers that are walked together, if they do not overlap. */
const layersPerGroup = 64;
/** Versions between two looks whether the event loop's turn is due. */
const versionsPerLook = 256;

/** Which versions of which key. */
export interface HistoryPlan {
  /** The key. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The first LSN that counts. */
  readonly from: Lsn;
  /** The last LSN that counts. */
  readonly to: Lsn;
}

/** Some versions of the key, from old to new. */
export class VersionWindow {
  /** Where they lie, each by its number. */
  readonly places: Places = new Places(windowVersions);
  /** How many there are. */
  count = 0;

  /** Adds one. */
  add(object: StoredObject, lsn: Lsn, offset: number, length: number, flags: number): void {
    this.places.add(this.count++, object, lsn, offset, length, flags | terminalFlag);
  }
}

/** The versions of a key in some stored layers, a window at a time. */
export class StoredVersions implements Plan {
  /** The window that {@linkcode advance} fills. */
  window: VersionWindow = new VersionWindow();
  /** Whether there are no more versions behind the window. */
  ended = false;
  readonly #layers: readonly StoredLayer[];
  readonly #plan: HistoryPlan;
  readonly #hash: number;
  readonly #steps: DescentSteps;
  /** Layers whose filter or index was not passed yet, and those that have the key. */
  #unknown: number[];
  readonly #having: StoredLayer[] = [];
  #cursor: MergedCursor | undefined;
  #lastLsn = 0;

  /**
   * Starts before the first version.
   *
   * @param layers Where to look.
   * @param plan Which versions.
   */
  constructor(layers: readonly StoredLayer[], plan: HistoryPlan) {
    this.#layers = layers;
    this.#plan = plan;
    this.#hash = hashKey(plan.key, 0, plan.key.length);
    this.#steps = new DescentSteps(layers.length);
    this.#unknown = layers.map((_, i) => i);
  }

  /** Fills the window; see {@linkcode Plan.advance}. */
  advance(pages: PageSource, turns: Turns): PlanState {
    if (this.#cursor === undefined && !this.#findLayers(pages)) return "needs pages";
    const cursor = this.#cursor ??= this.#openCursor();
    while (this.window.count < windowVersions) {
      if (!cursor.settle(pages)) return "needs pages";
      this.ended = cursor.ended;
      if (cursor.ended) break;
      this.#takeRows(cursor);
      if (turns.due()) return "needs a turn";
    }
    return "done";
  }

  /** Asks every layer whether it has such versions; false if pages are needed to tell. */
  #findLayers(pages: PageSource): boolean {
    const { key, from, to } = this.#plan;
    this.#unknown = this.#unknown.filter((i) => {
      const layer = this.#layers[i];
      const came = findVersion(layer, key, this.#hash, to, pages, this.#steps, i);
      if (came === Descent.FOUND && this.#steps.lsnOf(i) >= from) this.#having.push(layer);
      return came === Descent.WAITING;
    });
    return this.#unknown.length === 0;
  }

  #openCursor(): MergedCursor {
    const { key, from, to } = this.#plan;
    const range = { start: key, startLsn: from, end: key, endLsn: to + 1 };
    return mergeCursors(this.#having.map((layer) => pageCursor(layer, range)));
  }

  #takeRows(cursor: MergedCursor): void {
    const { block, at, source } = cursor;
    const { object } = this.#having[source];
    const end = Math.min(cursor.end, at + versionsPerLook, at + windowVersions - this.window.count);
    for (let row = at; row < end; row++) {
      const lsn = block.lsn[row];
      // One version may stand in two layers.
      if (lsn === this.#lastLsn) continue;
      this.#lastLsn = lsn;
      this.window.add(object, lsn, block.offset[row], block.length[row], block.flags[row]);
    }
    cursor.step(end - at);
  }
}

/** The versions of a key in a layer in memory, a window at a time. */
export class MemoryVersions implements Plan {
  /** The window that {@linkcode advance} fills. */
  window: VersionWindow = new VersionWindow();
  /** Whether there are no more versions behind the window. */
  ended = false;
  readonly #layer: MemoryLayer;
  readonly #plan: HistoryPlan;
  /**
   * The newest version of each window, newest first. An index leads from new to old, so that it is climbed once to the
   * oldest version, and then a window's height from each of these.
   */
  readonly #marks: number[] = [];
  #climbed = 0;
  #version: number;

  /**
   * Starts before the first version.
   *
   * @param layer Where to look.
   * @param plan Which versions.
   */
  constructor(layer: MemoryLayer, plan: HistoryPlan) {
    this.#layer = layer;
    this.#plan = plan;
    const id = layer.index.keyId(plan.key, hashKey(plan.key, 0, plan.key.length));
    this.#version = id < 0 ? -1 : layer.index.seek(id, plan.to);
  }

  /** Fills the window; see {@linkcode Plan.advance}. */
  advance(_pages: PageSource, turns: Turns): PlanState {
    const { index, object } = this.#layer;
    for (; this.#counts(this.#version); this.#version = index.previous(this.#version)) {
      if (this.#climbed % versionsPerLook === 0 && turns.due()) return "needs a turn";
      if (this.#climbed++ % windowVersions === 0) this.#marks.push(this.#version);
    }
    const versions: number[] = [];
    let version = this.#marks.pop() ?? -1;
    for (; this.#counts(version) && versions.length < windowVersions; version = index.previous(version)) {
      versions.push(version);
    }
    for (const one of versions.reverse()) {
      const lsn = index.lsnOf(one), offset = index.offsetOf(one);
      this.window.add(object, lsn, offset, index.lengthOf(one), index.flagsOf(one));
    }
    this.ended = this.#marks.length === 0;
    return "done";
  }

  #counts(version: number): boolean {
    return version >= 0 && this.#layer.index.lsnOf(version) >= this.#plan.from;
  }
}

/** The versions of a key, oldest first. */
export class HistoryRead implements Read<Version | DamagedEntry> {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #plan: HistoryPlan;
  /** What is still to be walked, the oldest last. */
  #parts: (readonly StoredLayer[] | MemoryLayer)[] | undefined;
  #part: StoredVersions | MemoryVersions | undefined;
  #pages: PageSet;
  #entries: EntryRead | undefined;

  /**
   * Starts before the first version; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which versions.
   */
  constructor(objects: Objects, view: View, plan: HistoryPlan) {
    this.#objects = objects;
    this.#view = view;
    this.#plan = plan;
    this.#pages = new PageSet(objects);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(Version | DamagedEntry)[] | undefined> {
    for (;;) {
      const entries = await this.#entries?.next();
      if (entries !== undefined) return entries.map(versionOf);
      const window = await this.#findVersions();
      if (window === undefined) return undefined;
      const keys = new Array<Uint8Array<ArrayBuffer>>(window.count).fill(this.#plan.key);
      this.#entries = new EntryRead(this.#objects, this.#view, keys, window.places);
    }
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#entries?.cancel();
  }

  /** The next versions; `undefined` if there are no more. */
  async #findVersions(): Promise<VersionWindow | undefined> {
    const { key, from, to } = this.#plan;
    this.#parts ??= partsOf(this.#view, key, from, to);
    for (;;) {
      const part = this.#part ??= this.#nextPart();
      if (part === undefined) return undefined;
      await complete(part, this.#pages, this.#objects.host.turns, this.#view);
      const { window } = part;
      part.window = new VersionWindow();
      if (part.ended) this.#part = undefined;
      if (window.count > 0) return window;
    }
  }

  #nextPart(): StoredVersions | MemoryVersions | undefined {
    const part = this.#parts?.pop();
    if (part === undefined) return undefined;
    if (!isGroup(part)) return new MemoryVersions(part, this.#plan);
    this.#pages = new PageSet(this.#objects);
    return new StoredVersions(part, this.#plan);
  }
}

function isGroup(part: readonly StoredLayer[] | MemoryLayer): part is readonly StoredLayer[] {
  return Array.isArray(part);
}

/** What may hold the versions, the oldest last. Pure. */
function partsOf(
  { map }: View,
  key: Uint8Array,
  from: Lsn,
  to: Lsn,
): (readonly StoredLayer[] | MemoryLayer)[] {
  const stored = map.candidates(key, to).filter(({ description }) => description.lastLsn >= from);
  return [...map.memory, ...groupByLsn(stored).reverse()];
}

/**
 * Groups layers from old to new, so that no group overlaps another in LSN. Pure.
 *
 * @param layers The layers, in any order.
 * @param size How many layers a group takes in that it need not.
 */
export function groupByLsn(layers: readonly StoredLayer[], size: number = layersPerGroup): StoredLayer[][] {
  const groups: StoredLayer[][] = [];
  let lastLsn = 0;
  for (const layer of layers.toSorted((a, b) => a.description.firstLsn - b.description.firstLsn)) {
    const group = groups.at(-1);
    const joins = group !== undefined && (group.length < size || layer.description.firstLsn <= lastLsn);
    if (joins) group.push(layer);
    else groups.push([layer]);
    lastLsn = Math.max(lastLsn, layer.description.lastLsn);
  }
  return groups;
}

function versionOf(entry: Entry | DamagedEntry): Version | DamagedEntry {
  if ("error" in entry) return { ...entry, key: entry.key.slice() };
  return { lsn: entry.lsn as Lsn, value: entry.value, deleted: entry.value === undefined };
}
