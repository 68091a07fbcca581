/**
 * Records that are read while the places of other keys are still looked for: the disk is asked for both at once, and not
 * for one after the other.
 *
 * ```
 *   keys    a  found ─► record ──────────────────┐
 *           b  waits for a page ─► found in a run ┴─► entries
 *   disk       ├ page, record of a: one round ┤
 * ```
 *
 * A value that was read, or patches with what they stand on, is held with its place, as one that was met in a run is.
 * What cannot be had is left to whoever reads the rest, and finds out why.
 *
 * @module
 */

import { mostRunBytes, recordHeaderBytes } from "../../../layer/mod.ts";
import {
  type Objects,
  RangeRead,
  type RangeSink,
  type RangeWants,
  type StoredObject,
} from "../../../objects/mod.ts";
import type { ReadObserver } from "../explain/read_observer.ts";
import type { KeyList } from "./columns.ts";
import type { Copies } from "./copies.ts";
import { Content, contentAt } from "./held_contents.ts";
import type { Places } from "./places.ts";
import { RecordCache } from "./record_cache.ts";
import { damageOf } from "./damage.ts";

/** The small records of keys that have arrived before others. */
export class EarlyRecords implements RangeWants, RangeSink {
  readonly #objects: Objects;
  readonly #keys: KeyList;
  readonly #places: Places;
  readonly #copies: Copies;
  readonly #observer: ReadObserver | undefined;
  readonly #cache: RecordCache;
  /** By key: 1 once its record was looked for. */
  readonly #isTried: Uint8Array;
  /** By item: the key. */
  #items: number[] = [];

  /**
   * Reads nothing yet.
   *
   * @param objects What reads.
   * @param keys The keys.
   * @param places Where their versions lie, as far as that is known.
   * @param copies What copies values.
   * @param observer Is told where records are found, if anybody wants to know.
   */
  constructor(objects: Objects, keys: KeyList, places: Places, copies: Copies, observer?: ReadObserver) {
    this.#objects = objects;
    this.#keys = keys;
    this.#places = places;
    this.#copies = copies;
    this.#observer = observer;
    this.#cache = new RecordCache(objects);
    this.#isTried = new Uint8Array(keys.length);
  }

  /** Reads the records of places that were found since it was called last, which stay while it does. It never rejects. */
  async read(): Promise<void> {
    this.#items = [];
    for (let key = 0; key < this.#keys.length; key++) if (this.#isToBeRead(key)) this.#items.push(key);
    if (this.#items.length === 0) return;
    const read = new RangeRead(
      this.#objects,
      this,
      this,
      "values",
      this.#observer?.valuesOf(this.#items, this.#places),
    );
    while (!read.done) await read.step();
  }

  /** Whether a record is to be read. One that is in the cache is held from now on. */
  #isToBeRead(key: number): boolean {
    const places = this.#places, length = places.valueLengthOf(key);
    if (this.#isTried[key] === 1 || length === 0) return false;
    this.#isTried[key] = 1;
    if (length > mostRunBytes || !places.isTerminal(key) || places.heldIn(key) !== undefined) return false;
    const value = this.#cache.find(
      places.objectOf(key),
      places.offsetOf(key),
      length,
      this.#keys.keyAt(key),
      places.lsnOf(key),
      this.#copies,
    );
    // What is compressed, or patches, is found there once more by who reads the rest.
    if (!(value instanceof Uint8Array)) return value === undefined;
    this.#observer?.foundInCache(key, places.lsnOf(key));
    places.hold(key, value, 0, value.length, Content.PLAIN);
    return false;
  }

  /** See {@linkcode RangeWants.count}. */
  get count(): number {
    return this.#items.length;
  }

  /** See {@linkcode RangeWants.objectOf}. */
  objectOf(item: number): StoredObject {
    return this.#places.objectOf(this.#items[item]);
  }

  /** See {@linkcode RangeWants.offsetOf}. */
  offsetOf(item: number): number {
    return this.#places.offsetOf(this.#items[item]);
  }

  /** See {@linkcode RangeWants.lengthOf}. */
  lengthOf(item: number): number {
    return this.#places.lengthOf(this.#items[item]);
  }

  /** Checks a record (D2) and holds its value, or its patches; see {@linkcode RangeSink.accept}. */
  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): void {
    const key = this.#items[item], places = this.#places;
    if (damageOf(places, this.#keys, key, bytes, view, at, length) !== undefined) return;
    if (!owned) this.#cache.keep(places.objectOf(key), places.offsetOf(key), bytes, at, length);
    const start = at + recordHeaderBytes + this.#keys.lengthAt(key);
    const value = this.#copies.copy(bytes, start, at + length);
    places.hold(key, value, 0, value.length, contentAt(bytes, at));
  }

  /** Whoever reads the rest finds out too. */
  fail(): void {}
}
