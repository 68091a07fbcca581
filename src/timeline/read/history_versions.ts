/**
 * Where the versions of one key lie, from old to new or backwards: in a group of stored layers, or in a layer in memory.
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
  type RecordFile,
  type StoredLayer,
  type VersionBlock,
} from "../../layer/mod.ts";
import { addRow, Places } from "./records/places.ts";
import type { Plan, PlanState } from "./read.ts";

/** Versions whose values are read together. */
const windowVersions = 1024;
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
  /** Whether they come from new to old. */
  readonly reverse: boolean;
  /** The most versions. */
  readonly limit: number;
}

/** Some versions of the key, in order. */
export class VersionWindow {
  /** Where they lie, each by its number. */
  readonly places: Places = new Places(windowVersions);
  /** How many there are. */
  count = 0;

  /** Adds one. */
  add(file: RecordFile, lsn: Lsn, offset: number, length: number, flags: number): void {
    this.places.add(this.count++, file, lsn, offset, length, flags);
  }

  /** Adds a row, with its value if that was met. */
  addRow(file: RecordFile, block: VersionBlock, row: number): void {
    if (block.hasRecords) return addRow(this.places, this.count++, file, block, row);
    this.add(file, block.lsn[row], block.offset[row], block.length[row], block.flags[row]);
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
    const { key, from, to, reverse } = this.#plan;
    const range = { start: key, startLsn: from, end: key, endLsn: to + 1, reverse };
    return mergeCursors(this.#having.map((layer) => pageCursor(layer, range)), reverse);
  }

  #takeRows(cursor: MergedCursor): void {
    const { block, at, source } = cursor;
    const layer = this.#having[source];
    const end = Math.min(cursor.end, at + versionsPerLook, at + windowVersions - this.window.count);
    for (let row = at; row < end; row++) {
      const lsn = block.lsn[row];
      // One version may stand in two layers.
      if (lsn === this.#lastLsn) continue;
      this.#lastLsn = lsn;
      this.window.addRow(layer, block, row);
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
    const { index } = this.#layer;
    if (this.#plan.reverse) {
      this.#version = this.#take(this.#version, false);
      this.ended = !this.#counts(this.#version);
      return "done";
    }
    for (; this.#counts(this.#version); this.#version = index.previous(this.#version)) {
      if (this.#climbed % versionsPerLook === 0 && turns.due()) return "needs a turn";
      if (this.#climbed++ % windowVersions === 0) this.#marks.push(this.#version);
    }
    this.#take(this.#marks.pop() ?? -1, true);
    this.ended = this.#marks.length === 0;
    return "done";
  }

  /** Takes a window of versions from one on to older ones; returns the next older one. */
  #take(newest: number, oldestFirst: boolean): number {
    const { index } = this.#layer;
    const versions: number[] = [];
    let version = newest;
    for (; this.#counts(version) && versions.length < windowVersions; version = index.previous(version)) {
      versions.push(version);
    }
    if (oldestFirst) versions.reverse();
    for (const one of versions) {
      const lsn = index.lsnOf(one), offset = index.offsetOf(one);
      this.window.add(this.#layer, lsn, offset, index.lengthOf(one), index.flagsOf(one));
    }
    return version;
  }

  #counts(version: number): boolean {
    return version >= 0 && this.#layer.index.lsnOf(version) >= this.#plan.from;
  }
}
