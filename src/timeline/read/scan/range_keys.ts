/**
 * The keys of a range, as all layers have them, and where their versions lie.
 *
 * ```
 *   layer that was merged    pageCursor ── runs of records ──────────────────┐
 *   L0, layer in memory      pageCursor, memoryCursor ─► LooseCursor ────────┼─► mergeCursors ─► ScanWindow
 *                                                        records, in order ──┘
 * ```
 *
 * Those of all levels are sources of one merge, each with the LSN that its level is read as of.
 *
 * @module
 */

import { compareKeys } from "../../../base/mod.ts";
import {
  commonLength,
  memoryCursor,
  type MemoryLayer,
  mergeCursors,
  type MergedCursor,
  pageCursor,
  sortIndex,
  StoredLayer,
  type VersionCursor,
} from "../../../layer/mod.ts";
import { type Objects, PageSet } from "../../../objects/mod.ts";
import type { ScanPlan } from "../options.ts";
import { complete } from "../read.ts";
import { KeyColumn } from "../records/columns.ts";
import { type ChunkSizes, LooseCursor } from "./loose_cursor.ts";
import { Places } from "../records/places.ts";
import type { FoundKeys, KeySource } from "../records/value_windows.ts";
import { type ScanSource, ScanWindow } from "./scan_window.ts";
import type { View } from "../view.ts";

/** Keys that are found together: few at first, so that the first entry comes soon, then more and more. */
const firstWindowKeys = 512;
const defaultWindowKeys = 8192;
/** Bytes of records that a scan has found before it has those put in order that lie as they came. */
const leastFoundBytes = 1024 * 1024;
/** Bytes of the first and of later chunks of all layers whose records lie as they came. */
const chunks: ChunkSizes = { firstBytes: 2 * 1024 * 1024, growth: 4, mostBytes: 16 * 1024 * 1024 };
/** What a record of a layer in memory is taken to have, to share that among layers. */
const looseRecordBytes = 128;

/** A layer that is walked. */
type Layer = MemoryLayer | StoredLayer;

/** A layer, and as of which LSN it is walked. */
interface LayerSource extends ScanSource {
  readonly file: Layer;
}

/** The keys of a range that have a value, in key order, a window at a time. */
export class RangeKeys implements KeySource {
  /** See {@linkcode KeySource.mostWindowKeys}. */
  mostWindowKeys: number = defaultWindowKeys;
  /** See {@linkcode KeySource.mostHeldBytes}. */
  mostHeldBytes: number = 0;
  readonly #objects: Objects;
  readonly #view: View;
  readonly #plan: ScanPlan;
  readonly #pages: PageSet;
  #cursor: MergedCursor | undefined;
  #sources: readonly LayerSource[] = [];
  /** Those of the sources whose records are put in order. */
  #loose: LooseCursor[] = [];
  readonly #bounded = new Set<number>();
  #foundBytes = 0;
  #left: number;
  #windowKeys = firstWindowKeys;
  /** Those of the keys before the last, and of the last: fresh memory costs more than what is done with it. */
  readonly #columns: [KeyColumn, KeyColumn] = [new KeyColumn(0), new KeyColumn(0)];

  /**
   * Starts at one end of the range; nothing is read yet.
   *
   * @param objects What reads.
   * @param view What is seen.
   * @param plan Which keys.
   */
  constructor(objects: Objects, view: View, plan: ScanPlan) {
    this.#objects = objects;
    this.#view = view;
    this.#plan = plan;
    this.#pages = new PageSet(objects, { keep: false });
    this.#left = plan.limit;
  }

  /** See {@linkcode KeySource.next}. */
  async next(): Promise<FoundKeys> {
    if (this.#left === 0) return { keys: new KeyColumn(0), places: new Places(0) };
    const cursor = this.#cursor ??= await this.#openCursor();
    const most = Math.min(this.#left, this.#windowKeys, this.mostWindowKeys);
    const keys = this.#columns.shift() as KeyColumn;
    this.#columns.push(keys);
    const { deleted } = this.#plan, { mostHeldBytes } = this, bounded = this.#bounded;
    const window = new ScanWindow(cursor, this.#sources, most, {
      deleted,
      mostHeldBytes,
      keys,
      bounded,
    });
    for (const loose of this.#loose) loose.begin();
    await complete(window, this.#pages, this.#objects.host.turns, this.#view, () => this.#fetchLoose());
    this.#left -= window.keys.length;
    this.#windowKeys = most * 2;
    if (this.#foundBytes < leastFoundBytes) this.#count(window);
    return window;
  }

  /** Counts what was found, until it is enough. */
  #count({ keys, places }: FoundKeys): void {
    for (let key = 0; key < keys.length; key++) this.#foundBytes += places.valueLengthOf(key);
    if (this.#foundBytes >= leastFoundBytes) { for (const loose of this.#loose) loose.start(this.#pages); }
  }

  async #fetchLoose(): Promise<void> {
    await Promise.all(this.#loose.map((loose) => loose.fetch()));
  }

  /** See {@linkcode KeySource.cancel}. */
  async cancel(): Promise<void> {
    for (const loose of this.#loose) await loose.cancel();
  }

  async #openCursor(): Promise<MergedCursor> {
    const { start, end, reverse } = this.#plan, range = { start, end, reverse };
    const sources = this.#sources = this.#view.levels.flatMap(({ map, lsn }) => {
      const memory = map.memory.filter((layer) => layer.firstLsn <= lsn);
      return [...memory, ...map.overlapping(start, end, lsn)].map((file): LayerSource => ({ file, lsn }));
    });
    const layers = sources.map(({ file }) => file);
    for (const layer of layers) {
      if (layer instanceof StoredLayer) continue;
      await sortIndex(layer.index, this.#objects.host.turns);
      this.#view.check();
    }
    const cursors = layers.map((layer) =>
      layer instanceof StoredLayer ? pageCursor(layer, range) : memoryCursor(layer.index, range)
    );
    if (this.mostHeldBytes > 0) this.#putInOrder(cursors, sources);
    return mergeCursors(cursors, reverse, sharedBytesOf(layers, this.#plan));
  }

  /** Has those of the cursors bring records whose layers have them as they came. */
  #putInOrder(cursors: VersionCursor[], sources: readonly LayerSource[]): void {
    const weights = sources.map(({ file }) => looseBytesOf(file));
    const sum = weights.reduce((all, bytes) => all + bytes, 0);
    sources.forEach((place, source) => {
      if (weights[source] === 0) return;
      const share = weights[source] / sum, { growth } = chunks;
      const sizes = { firstBytes: chunks.firstBytes * share, growth, mostBytes: chunks.mostBytes * share };
      const loose = new LooseCursor(
        this.#objects,
        this.#view,
        place,
        cursors[source],
        this.#plan.reverse,
        sizes,
      );
      cursors[source] = loose;
      this.#loose.push(loose);
      this.#bounded.add(source);
    });
  }
}

/** How much there is of a layer's records, roughly, if they lie as they came: those of one that was merged are in order. */
function looseBytesOf(layer: Layer): number {
  if (layer instanceof StoredLayer) {
    return layer.description.kind === "L0" ? layer.description.byteLength : 0;
  }
  return layer.index.versionCount * looseRecordBytes;
}

/** How many bytes all keys begin with in common that layers have in a range: those between two keys have what both have. */
function sharedBytesOf(layers: readonly Layer[], { start, end }: ScanPlan): number {
  const keys = layers.flatMap(boundsOf).sort(compareKeys);
  if (keys.length === 0) return 0;
  let first = keys[0], last = keys[keys.length - 1];
  if (start !== undefined && compareKeys(start, first) > 0) first = start;
  if (end !== undefined && compareKeys(end, last) < 0) last = end;
  return commonLength(first, last);
}

/** The first and the last key of a layer, which is sorted if it is in memory; nothing if it has none. */
function boundsOf(layer: Layer): Uint8Array[] {
  if (layer instanceof StoredLayer) {
    const { versions, firstKey, lastKey } = layer.description;
    return versions === 0 ? [] : [firstKey, lastKey];
  }
  const { index } = layer, sorted = index.sortedKeys();
  return sorted.length === 0
    ? []
    : [index.keys.keyOf(sorted[0]), index.keys.keyOf(sorted[sorted.length - 1])];
}
