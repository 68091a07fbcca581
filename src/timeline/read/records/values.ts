/**
 * Reading the records of known places, and checking them.
 *
 * D2  A record is checked by its checksum, its key and its LSN before its value is given out; one that was found in a
 *     run was checked with that.
 * D3  A value is given out as memory of its own, which the engine never touches again. Only rows are lent: their values
 *     are copied into a column.
 *
 * @module
 */

import { CorruptionError } from "../../../base/mod.ts";
import { checkRecord, readRecordHeader, recordHeaderBytes, RecordKind } from "../../../layer/mod.ts";
import {
  type Objects,
  RangeRead,
  type RangeSink,
  type RangeWants,
  type StoredObject,
} from "../../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { KeyList, ValueColumn } from "./columns.ts";
import { noPlace, type Places } from "./places.ts";
import type { ReadObserver } from "../explain/read_observer.ts";
import { RecordCache } from "./record_cache.ts";

/** What came of a key: its value, why there is none, or `undefined` if there is none to be read. */
type Outcome = Uint8Array<ArrayBuffer> | Error | undefined;

/** Stands for what came of a key whose record is still to be read. */
const missing = new Error("missing");

/** What becomes of values. */
export interface ValuesOptions {
  /** Where values go, if they are not to be memory of their own. */
  column?: ValueColumn | undefined;
  /** Whether records are looked for in the cache, and small ones kept there. @default {false} */
  keep?: boolean | undefined;
  /** Is told where records are found, if anybody wants to know. */
  observer?: ReadObserver | undefined;
}

/**
 * The records of the keys `[from, to)`, an item for each: that of its newest place, which is a whole value, since no
 * other kind of record has one.
 */
export class Values implements RangeWants, RangeSink {
  readonly #keys: KeyList;
  readonly #places: Places;
  readonly #from: number;
  readonly #to: number;
  readonly #column: ValueColumn | undefined;
  /** Where records are found, and kept, if they are. */
  readonly #cache: RecordCache | undefined;
  readonly #observer: ReadObserver | undefined;
  /** By item. */
  readonly #outcomes: Outcome[] = [];
  /** By item: 1 if its record was found in the cache. */
  #found: Uint8Array | undefined;
  readonly #read: RangeRead;

  /**
   * Takes what is in memory and plans the rest.
   *
   * @param objects What reads.
   * @param keys The keys.
   * @param places Where their versions lie.
   * @param from The first key.
   * @param to The key after the last.
   * @param options See {@linkcode ValuesOptions}.
   */
  constructor(
    objects: Objects,
    keys: KeyList,
    places: Places,
    from: number,
    to: number,
    { column, keep = false, observer }: ValuesOptions = {},
  ) {
    this.#keys = keys;
    this.#column = column;
    this.#cache = keep ? new RecordCache(objects) : undefined;
    this.#observer = observer;
    this.#places = places;
    this.#from = from;
    this.#to = to;
    for (let key = from; key < to; key++) {
      if (places.heldIn(key) !== undefined) this.#outcomes.push(this.#takeHeld(key));
      else this.#outcomes.push(places.valueLengthOf(key) > 0 ? this.#find(key) : places.failureOf(key));
    }
    this.#read = new RangeRead(objects, this, this, "values", observer?.valuesFrom(from));
  }

  /** A value that is held is copied into the column at once, otherwise when it is handed on. */
  #takeHeld(key: number): undefined {
    const places = this.#places, held = places.heldIn(key);
    if (held !== undefined) this.#column?.set(key, held, places.heldStart(key), places.heldEnd(key));
  }

  /** The value of a key, if its record is in the cache. */
  #find(key: number): Outcome {
    const places = this.#places;
    const value = this.#cache?.find(
      places.objectOf(key),
      places.offsetOf(key),
      places.lengthOf(key),
      this.#keys.keyAt(key),
      places.lsnOf(key),
    );
    if (value === undefined) return missing;
    this.#observer?.foundInCache(key);
    this.#found ??= new Uint8Array(this.#to - this.#from);
    this.#found[key - this.#from] = 1;
    return value;
  }

  /** How many items there are. */
  get count(): number {
    return this.#outcomes.length;
  }

  /** The object of an item. */
  objectOf(item: number): StoredObject {
    return this.#places.objectOf(this.#from + item);
  }

  /** Where an item's record starts, in bytes. */
  offsetOf(item: number): number {
    return this.#places.offsetOf(this.#from + item);
  }

  /** The length of an item's record in bytes; 0 if there is none to be read. */
  lengthOf(item: number): number {
    const key = this.#from + item, places = this.#places;
    return this.#found?.[item] === 1 || places.heldIn(key) !== undefined ? 0 : places.valueLengthOf(key);
  }

  /** Whether nothing is in flight or still to be read. */
  get done(): boolean {
    return this.#read.done;
  }

  /** Whether the entry of a key can be had. */
  isReady(key: number): boolean {
    return this.#outcomes[key - this.#from] !== missing;
  }

  /** The entry of a key that is ready. What was handed on is not held here too. */
  takeEntry(key: number): Entry | DamagedEntry {
    const bytes = this.#keys.keyAt(key);
    const outcome = this.#outcomes[key - this.#from];
    const lsn = this.#places.newestOf(key) === noPlace ? undefined : this.#places.lsnOf(key);
    if (outcome instanceof Error) return { key: bytes, lsn, error: outcome };
    this.#outcomes[key - this.#from] = undefined;
    return { key: bytes, value: outcome ?? this.#copyHeld(key), lsn };
  }

  /** The value of a key, if it is held; memory that holds nothing else is handed on as it is (D3). */
  #copyHeld(key: number): Uint8Array<ArrayBuffer> | undefined {
    const places = this.#places, held = places.heldIn(key);
    if (held === undefined) return undefined;
    const start = places.heldStart(key), end = places.heldEnd(key);
    places.letGo(key);
    return start === 0 && end === held.length ? held : held.slice(start, end);
  }

  /** The first key that is ready and cannot be had. */
  firstFailure(): number | undefined {
    const item = this.#outcomes.findIndex((outcome) => outcome instanceof Error);
    return item < 0 ? undefined : this.#from + item;
  }

  /** Why a key that is ready cannot be had, if so. */
  failureOf(key: number): Error | undefined {
    const outcome = this.#outcomes[key - this.#from];
    return outcome instanceof Error ? outcome : undefined;
  }

  /** Reads on, until more keys are ready. */
  async step(): Promise<void> {
    this.#observer?.waitsForValues();
    await this.#read.step();
  }

  /** Waits for what is in flight. */
  async cancel(): Promise<void> {
    await this.#read.cancel();
  }

  /** Checks a whole record and takes its value out (D2, D3). */
  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): void {
    const key = this.#from + item;
    const header = length < recordHeaderBytes ? undefined : readRecordHeader(view, at);
    if (header === undefined || !checkRecord(bytes, view, at, length, this.#places.seedOf(key))) {
      return this.fail(item, this.#corruption(key, "a record that checks", "one that does not"));
    }
    const keyStart = at + recordHeaderBytes, keyEnd = keyStart + header.keyLength;
    const isIt = header.kind === RecordKind.PUT && header.lsn === this.#places.lsnOf(key) &&
      keyEnd + header.valueLength === at + length && this.#keys.isAt(key, bytes, keyStart, keyEnd);
    if (!isIt) return this.fail(item, this.#corruption(key, "the record of this key and LSN", "another"));
    if (this.#column !== undefined) {
      this.#column.set(key, bytes, keyEnd, at + length);
      this.#outcomes[item] = undefined;
      return;
    }
    if (!owned) this.#cache?.keep(this.#places.objectOf(key), this.#places.offsetOf(key), bytes, at, length);
    this.#outcomes[item] = owned ? bytes.subarray(keyEnd, at + length) : bytes.slice(keyEnd, at + length);
  }

  /** Takes note that a record cannot be had. */
  fail(item: number, error: Error): void {
    this.#outcomes[item] = error;
  }

  #corruption(key: number, expected: string, found: string): CorruptionError {
    const places = this.#places;
    return new CorruptionError({
      path: places.objectOf(key).path,
      offset: places.offsetOf(key),
      expected: `${expected} at LSN ${places.lsnOf(key)}`,
      found,
    });
  }
}
