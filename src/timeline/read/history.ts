/**
 * The history of one key: all its versions, oldest first or newest first.
 *
 * Stored layers are walked in groups, and those of a group are merged, since they may overlap in LSN:
 *
 * ```
 *   LSN ─►   ├──── a ────┤                     a and b overlap: they are of one group
 *                  ├──── b ────┤               c is of the next one, if this one is large enough
 *                                 ├── c ──┤   layers in memory are newer than all of them
 * ```
 *
 * Levels follow each other (V1): what a branch goes on from comes before all that it has itself. What is a patch is redone
 * on the way (H3).
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import type { LayerMap, MemoryLayer, StoredLayer } from "../../layer/mod.ts";
import { type Objects, PageSet } from "../../objects/mod.ts";
import type { DamagedEntry, Entry, Version } from "../entry.ts";
import { ListedKeys } from "./records/columns.ts";
import { Copies } from "./records/copies.ts";
import { EntryRead } from "./records/entry_read.ts";
import { type HistoryPlan, MemoryVersions, StoredVersions, VersionWindow } from "./history_versions.ts";
import { complete, type Read } from "./read.ts";
import { RedoneVersions } from "./redone_versions.ts";
import type { View } from "./view.ts";

/** Layers that are walked together, if they do not overlap. */
const layersPerGroup = 64;

/** What is walked as one, and which versions of it. */
interface Part {
  readonly layers: readonly StoredLayer[] | MemoryLayer;
  readonly plan: HistoryPlan;
}

/** The versions of a key, in order. */
export class HistoryRead implements Read<Version | DamagedEntry> {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #plan: HistoryPlan;
  readonly #copies = new Copies();
  /** What is still to be walked, the next of it last. */
  #parts: Part[] | undefined;
  #part: StoredVersions | MemoryVersions | undefined;
  #pages: PageSet;
  #entries: EntryRead | undefined;
  #left: number;
  /** Versions whose records were read. */
  #read: (Entry | DamagedEntry)[] = [];
  readonly #redone: RedoneVersions;

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
    this.#left = plan.limit;
    this.#redone = new RedoneVersions(objects, view, plan.key, plan.reverse);
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(Version | DamagedEntry)[] | undefined> {
    for (;;) {
      if (this.#read.length > 0) return (await this.#redone.take(this.#read)).map(versionOf);
      const entries = await this.#entries?.next();
      if (entries !== undefined) {
        this.#read = entries;
        continue;
      }
      const window = this.#left === 0 ? undefined : await this.#findVersions();
      if (window === undefined) return undefined;
      const count = Math.min(window.count, this.#left);
      this.#left -= count;
      const keys = new Array<Uint8Array<ArrayBuffer>>(count).fill(this.#plan.key);
      this.#entries = new EntryRead(this.#objects, this.#view, new ListedKeys(keys), window.places, {
        copies: this.#copies,
        keepPatches: true,
      });
    }
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#entries?.cancel();
  }

  /** The next versions; `undefined` if there are no more. */
  async #findVersions(): Promise<VersionWindow | undefined> {
    this.#parts ??= partsOf(this.#view, this.#plan);
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
    const { layers, plan } = part;
    if (!isGroup(layers)) return new MemoryVersions(layers, plan);
    this.#pages = new PageSet(this.#objects);
    return new StoredVersions(layers, plan);
  }
}

function isGroup(layers: Part["layers"]): layers is readonly StoredLayer[] {
  return Array.isArray(layers);
}

/** What may hold the versions, the next of it last. Pure. */
function partsOf({ levels }: View, plan: HistoryPlan): Part[] {
  const newestFirst = levels.filter(({ lsn }) => lsn >= plan.from).flatMap(({ map, lsn }) => {
    const own = { ...plan, to: Math.min(plan.to, lsn) };
    return newestFirstOf(map, own).map((layers): Part => ({ layers, plan: own }));
  });
  return plan.reverse ? newestFirst.reverse() : newestFirst;
}

/** Those of one level, nothing that an image stands for (Q3). */
function newestFirstOf(map: LayerMap, { key, from, to }: HistoryPlan): Part["layers"][] {
  const candidates = map.candidates(key, to);
  const settled = candidates.reduce((most, { description }) => Math.max(most, description.imageLsn), 0);
  const stored = candidates.filter(({ description: { kind, lastLsn } }) =>
    lastLsn >= from && (kind === "image" || lastLsn > settled)
  );
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
