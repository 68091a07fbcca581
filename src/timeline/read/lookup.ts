/**
 * Finding where the versions of many keys lie, as of one LSN.
 *
 * ```
 *   keys ─► layers in memory (hash, at once) ─► for each key, its candidates by last LSN from new to old:
 *              filter page ─► root ─► … ─► leaf ─► a place, or the next candidate
 *                                            └─► run of records ─► a place and its value, or the next candidate
 *   keys that have not arrived when all have walked ─► the same at the level below
 * ```
 *
 * Every key walks on its own as far as pages in memory carry it; the pages that all of them miss are then read in one
 * batch, and they walk on. So each page is read at most once for one question, and the number of batches is that of
 * the longest walk, not of keys. The walk is synchronous; whoever drives it awaits between rounds. Keys of a branch walk
 * through all levels, all of them through one before the next, so that those that are close go on from each other.
 *
 * Q1  A version in memory is newer than every stored version of its key at its level: a key that finds a terminal one there
 *     has arrived, and goes on through older ones, older layers and levels from one that is not.
 * Q2  A key has arrived when no candidate is left that may hold anything newer than its newest terminal place.
 *     Layers may overlap in LSN, so that the first place found need not be the newest.
 * Q3  A key that has come to an image needs nothing at or before the image's LSN besides (I1), found there or not. Only
 *     the last level has any.
 * Q4  A key goes on at the level below unless it has a terminal place, which is newer than all that is there (V1).
 *
 * @module
 */

import type { Lsn, Turns } from "../../base/mod.ts";
import {
  Candidates,
  Descent,
  DescentSteps,
  findVersion,
  type Finger,
  hashKey,
  type LayerMap,
  type MemoryLayer,
  type PageSource,
  recordHeaderBytes,
  type StoredLayer,
  terminalFlag,
  tombstoneFlag,
  wantFilter,
} from "../../layer/mod.ts";
import type { ReadObserver } from "./explain/read_observer.ts";
import type { Level } from "./levels.ts";
import type { Copies } from "./records/copies.ts";
import { contentAt } from "./records/held_contents.ts";
import { Places, settledAt } from "./records/places.ts";
import type { Plan, PlanState } from "./read.ts";

/** How many older candidates a key whose filter page is missing asks for at once. */
const filtersAhead = 64;
/** Pages after which those that are missing are fetched before more keys walk, so that one round holds few. */
const pagesPerRound = 512;
/** Keys between two looks whether the event loop's turn is due. */
const keysPerLook = 64;

/** The walk of keys to the places of their versions. */
export class Lookup implements Plan {
  /** Where versions lie, once {@linkcode advance} has said that it is done. */
  readonly places: Places;
  /** Those that are still to be walked through, the next one last. */
  readonly #levels: Level[];
  /** The level that keys walk through. */
  #map: LayerMap;
  #lsn: Lsn;
  readonly #keys: readonly Uint8Array[];
  readonly #copies: Copies | undefined;
  readonly #observer: ReadObserver | undefined;
  readonly #hashes: number[] = [];
  /** By key: the stored layers that it walks through; not there before its first step at a level. */
  #candidates: Candidates[] = [];
  /** By key: which of its candidates it stands at. */
  readonly #at: number[] = [];
  /** Not there as long as memory answers. */
  #steps: DescentSteps | undefined;
  /** By key: below which LSN it looks on in the layer that it stands at, after a place that was not terminal. */
  #below: Map<number, Lsn> | undefined;
  /** Those of the key that walked last, and whether others of them did in this round: then they have its fingers. */
  #near: Candidates | undefined;
  #areManyNear = false;
  /** Keys that have not arrived: those of this round from `#next` on, and those that wait for pages. */
  #round: number[];
  #next = 0;
  #waiting: number[] = [];

  /**
   * Starts at the newest layers.
   *
   * @param levels Where to look, the newest first.
   * @param keys The keys; the same key may stand more than once.
   * @param copies What copies values that are met; left out, none is held, and of each key only the newest version is
   * looked for, whatever that stands on.
   * @param observer Is told which layers are visited, if anybody wants to know.
   */
  constructor(
    [level, ...older]: readonly Level[],
    keys: readonly Uint8Array[],
    copies?: Copies,
    observer?: ReadObserver,
  ) {
    this.#levels = older.reverse();
    this.#map = level.map;
    this.#lsn = level.lsn;
    this.#keys = keys;
    this.#copies = copies;
    this.#observer = observer;
    this.places = new Places(keys.length);
    this.#round = keys.map((_, key) => key);
  }

  /** Lets every key walk as far as it can; see {@linkcode Plan.advance}. */
  advance(pages: PageSource, turns: Turns): PlanState {
    let state = this.#advance(pages, turns);
    while (state === "done" && this.#descend()) state = this.#advance(pages, turns);
    return state;
  }

  /** Goes on at the level below with the keys that need it (Q4); returns whether there are any. */
  #descend(): boolean {
    const level = this.#levels.pop();
    if (level === undefined) return false;
    this.#map = level.map;
    this.#lsn = level.lsn;
    this.#candidates = [];
    for (let key = 0; key < this.#keys.length; key++) {
      if (settledAt(this.places, key) === 0 && this.places.failureOf(key) === undefined) {
        this.#round.push(key);
      }
    }
    return this.#round.length > 0 || this.#descend();
  }

  #advance(pages: PageSource, turns: Turns): PlanState {
    const round = this.#round;
    // What was in memory when keys walked before may be gone.
    this.#near = undefined;
    while (this.#next < round.length) {
      const key = round[this.#next++];
      try {
        if (!this.#walk(key, pages)) this.#waiting.push(key);
      } catch (error) {
        this.places.fail(key, error as Error);
      }
      if ((pages.listed ?? 0) >= pagesPerRound) break;
      if (this.#next % keysPerLook === 0 && turns.due()) return "needs a turn";
    }
    // Those that waited go first: what is fetched for them is held for one round.
    this.#round = this.#waiting.concat(round.slice(this.#next));
    this.#waiting = [];
    this.#next = 0;
    return this.#round.length === 0 ? "done" : "needs pages";
  }

  /** Walks one key; returns whether it has arrived. */
  #walk(key: number, pages: PageSource): boolean {
    if (this.#candidates[key] === undefined && this.#start(key)) return true;
    const { layers } = this.#stand(this.#candidates[key]);
    const fingers = this.#areManyNear ? this.#candidates[key].fingers : undefined;
    const steps = this.#steps ??= new DescentSteps(this.#keys.length);
    let settled = 0;
    for (let at = 0; at < this.#at[key]; at++) {
      settled = Math.max(settled, layers[at].description.imageLsn);
    }
    for (let at = this.#at[key]; at < layers.length; at++) {
      const layer = layers[at], { lastLsn, imageLsn } = layer.description;
      if (lastLsn <= settled || lastLsn <= settledAt(this.places, key)) break;
      if (!this.#search(key, layer, pages, steps, fingers?.[at])) {
        this.#at[key] = at;
        // It stands before the filter: those of older layers come with it, so that an absent key takes one round.
        if (steps.pageOf(key) < 0) this.#wantFilters(key, at + 1, pages);
        return false;
      }
      steps.restart(key);
      settled = Math.max(settled, imageLsn);
    }
    return true;
  }

  /** Stands at candidates, which keys that follow each other share. */
  #stand(candidates: Candidates): Candidates {
    this.#areManyNear = candidates === this.#near;
    if (!this.#areManyNear) candidates.restart();
    return this.#near = candidates;
  }

  /** Looks a key up in memory; returns whether it has arrived (Q1). */
  #start(key: number): boolean {
    const bytes = this.#keys[key];
    const hash = hashKey(bytes, 0, bytes.length);
    for (const layer of this.#map.memory) {
      const { index, firstLsn } = layer;
      if (firstLsn > this.#lsn) continue;
      const id = index.keyId(bytes, hash);
      const version = id < 0 ? -1 : index.seek(id, this.#lsn);
      this.#observer?.visitedMemory(key, layer, version >= 0, this.#lsn);
      if (version >= 0 && this.#take(key, layer, version)) return true;
    }
    this.#hashes[key] = hash;
    this.#at[key] = 0;
    this.#candidates[key] = this.#candidatesOf(bytes);
    return false;
  }

  /** Takes a version in memory, and those under it that it needs; returns whether nothing older is needed. */
  #take(key: number, layer: MemoryLayer, newest: number): boolean {
    const { index } = layer;
    for (let version = newest; version >= 0; version = index.previous(version)) {
      const lsn = index.lsnOf(version), offset = index.offsetOf(version);
      const flags = this.#flagsOf(index.flagsOf(version));
      this.places.add(key, layer, lsn, offset, index.lengthOf(version), flags);
      if ((flags & terminalFlag) !== 0) return true;
    }
    return false;
  }

  /** The flags of a version that was found: it needs nothing older if nobody wants values. */
  #flagsOf(flags: number): number {
    return this.#copies === undefined ? flags | terminalFlag : flags;
  }

  #candidatesOf(key: Uint8Array): Candidates {
    if (this.#near?.have(key)) return this.#near;
    if (this.#keys.length > 1) return this.#map.candidatesFrom(key, this.#lsn);
    // Nobody shares those of one key.
    return new Candidates(this.#map.candidates(key, this.#lsn), key, key, undefined);
  }

  /** Looks a key up in a stored layer; returns whether nothing more is to be found there. */
  #search(
    key: number,
    layer: StoredLayer,
    pages: PageSource,
    steps: DescentSteps,
    finger: Finger | undefined,
  ): boolean {
    const bytes = this.#keys[key], hash = this.#hashes[key];
    this.#observer?.visits(key, layer, this.#lsn);
    for (;;) {
      const lsn = this.#below?.get(key) ?? this.#lsn;
      const came = findVersion(layer, bytes, hash, lsn, pages, steps, key, finger);
      if (came === Descent.WAITING) return false;
      if (came === Descent.ABSENT) {
        this.#observer?.absent(key, steps.pageOf(key) < 0);
        break;
      }
      this.#observer?.found(key);
      const found = steps.lsnOf(key), flags = this.#flagsOf(steps.flagsOf(key));
      this.#add(key, layer, steps);
      if ((flags & terminalFlag) !== 0) break;
      this.#below ??= new Map();
      this.#below.set(key, found - 1);
      steps.restart(key);
    }
    this.#below?.delete(key);
    return true;
  }

  /** Adds the place that was found, with its value if it was met. */
  #add(key: number, layer: StoredLayer, steps: DescentSteps): void {
    const lsn = steps.lsnOf(key), offset = steps.offsetOf(key), length = steps.lengthOf(key);
    const flags = this.#flagsOf(steps.flagsOf(key)), { memory, memoryAt } = steps;
    if (this.#copies === undefined || memory === undefined || (flags & tombstoneFlag) !== 0) {
      return void this.places.add(key, layer, lsn, offset, length, flags);
    }
    // It is lent by the cache, or by pages that serve other keys too.
    const start = memoryAt + recordHeaderBytes + this.#keys[key].length;
    const value = this.#copies.waiting.copy(memory, start, memoryAt + length);
    const content = contentAt(memory, memoryAt);
    this.places.addHeld(key, layer, lsn, offset, length, flags, value, 0, value.length, content);
  }

  #wantFilters(key: number, from: number, pages: PageSource): void {
    const { layers } = this.#candidates[key], to = Math.min(layers.length, from + filtersAhead);
    for (let at = from; at < to; at++) wantFilter(layers[at], this.#hashes[key], pages);
  }
}
