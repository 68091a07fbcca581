/**
 * Reading the records of known places, and checking them.
 *
 * D2  A record is checked by its checksum, its key and its LSN before its value is given out; one that was found in a
 *     run was checked with that.
 * D3  A value is given out as a copy that the engine never touches again. Only rows are lent, from a
 *     column. What a scan gives out waits until it is taken: in a column, or in the memory that it was met in.
 * D8  A value that is made of patches is redone when it is taken, from memory of its own. What redo throws is that of its
 *     key alone.
 * D6  A value that is compressed waits as it is until it is taken, a large one until it is its turn; so what is read ahead
 *     is bounded by what was read, and what is taken at once by {@linkcode TakeBudget}.
 *
 * @module
 */

import type { Turns } from "../../../base/mod.ts";
import { CompressedValue, isCompressedAt, isPutAt, recordHeaderBytes } from "../../../layer/mod.ts";
import {
  type Objects,
  RangeRead,
  type RangeSink,
  type RangeWants,
  type StoredObject,
} from "../../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { KeyList, ValueColumn } from "./columns.ts";
import { apart, type Copies } from "./copies.ts";
import { Chains } from "./chains.ts";
import { damageOf, notOpened } from "./damage.ts";
import { PatchChain } from "./patch_chain.ts";
import type { Redoer } from "../../redo/redo.ts";
import { Content } from "./held_contents.ts";
import { HeldEntries } from "./held_entries.ts";
import { openInTurns, TakeBudget } from "./open_values.ts";
import { missing, type Outcome, Outcomes } from "./outcomes.ts";
import { isPatched, noPlace, type Places } from "./places.ts";
import type { ReadObserver } from "../explain/read_observer.ts";
import { patchesFound, RecordCache } from "./record_cache.ts";

/** Stands for a value in the column. */
const inColumn = new Uint8Array(0);
/** Stands for a value that is held with its place. */
const isHeld = new Uint8Array(0);

/** What becomes of values. */
export interface ValuesOptions {
  /** Where values wait until they are taken, or are lent from. */
  column?: ValueColumn | undefined;
  /**
   * The longest record whose value waits there, in bytes; that of a longer one is memory of its own at once, and one that
   * is held waits where it is. @default {Infinity}, which means that all values are lent from there
   */
  mostColumnBytes?: number | undefined;
  /** Whether records are looked for in the cache, and small ones kept there. @default {false} */
  keep?: boolean | undefined;
  /** What copies keys and values that are taken. @default {apart} */
  copies?: Copies | undefined;
  /** Is told where records are found, if anybody wants to know. */
  observer?: ReadObserver | undefined;
  /** What makes values of patches. @default {one without a function} */
  redoer?: Redoer | undefined;
  /** Whether patches are given out as they are, as a {@linkcode PatchedEntry}. @default {false} */
  keepPatches?: boolean | undefined;
}

/**
 * The records of the keys `[from, to)`, an item for each: that of its newest place. Of keys whose newest place is a patch
 * items are behind those: the records of all their places.
 */
export class Values implements RangeWants, RangeSink {
  /** The bytes of the records that are read. */
  readonly wantedBytes: number;
  readonly #keys: KeyList;
  readonly #places: Places;
  readonly #from: number;
  readonly #column: ValueColumn | undefined;
  readonly #mostColumnBytes: number;
  /** Where records are found, and kept, if they are. */
  readonly #cache: RecordCache | undefined;
  readonly #copies: Copies;
  readonly #observer: ReadObserver | undefined;
  /** Those whose values are made of patches. */
  readonly chains: Chains;
  /** What came of the keys, as far as their records were read. */
  readonly outcomes: Outcomes;
  /** By item of a key: 1 if its record need not be read, or is read as that of a place. */
  #here: Uint8Array | undefined;
  readonly #read: RangeRead;
  readonly #turns: Turns;
  /** The large one that is to be opened next. */
  #large: CompressedValue | undefined;

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
    {
      column,
      mostColumnBytes = Infinity,
      keep = false,
      copies = apart,
      observer,
      redoer,
      keepPatches,
    }: ValuesOptions = {},
  ) {
    this.#keys = keys;
    this.#column = column;
    this.#mostColumnBytes = mostColumnBytes;
    this.#cache = keep ? new RecordCache(objects) : undefined;
    this.#copies = copies;
    this.#observer = observer;
    const kept = { cache: this.#cache, observer, redoer, copies, keepPatches };
    this.chains = new Chains(places, keys, from, to, kept);
    this.#places = places;
    this.#from = from;
    this.outcomes = new Outcomes(from);
    this.#turns = objects.host.turns;
    let bytes = 0;
    for (let key = from; key < to; key++) {
      const length = places.valueLengthOf(key), isChain = length > 0 && isPatched(places, key);
      const outcome = isChain
        ? this.chains.begin(key, missing)
        : length > 0
        ? this.#begin(key)
        : places.failureOf(key);
      this.outcomes.push(outcome);
      if (outcome === missing && !isChain) bytes += length;
      if (length > 0 && (isChain || outcome !== missing)) {
        this.#here ??= new Uint8Array(to - from);
        this.#here[key - from] = 1;
      }
    }
    this.wantedBytes = bytes + this.chains.wantedBytes;
    if (this.outcomes.missing > 0 || this.#lends) column?.reserve(from, to, (key) => this.#roomOf(key));
    if (this.#lends) { for (let key = from; key < to; key++) this.#lend(key); }
    this.#read = new RangeRead(
      objects,
      this,
      this,
      "values",
      observer?.valuesOfItems((item) => this.chains.keyOf(item)),
    );
  }

  /** Whether all values are lent from the column, those that are held too. */
  get #lends(): boolean {
    return this.#column !== undefined && this.#mostColumnBytes === Infinity;
  }

  /** How much room a value needs in the column. */
  #roomOf(key: number): number {
    const places = this.#places, length = places.valueLengthOf(key);
    if (isPatched(places, key)) return 0;
    const isThere = this.#lends || places.heldIn(key) === undefined && length <= this.#mostColumnBytes;
    return isThere ? length : 0;
  }

  /** What there is of the value of a key. One that is held stays where it is until it is taken or lent. */
  #begin(key: number): Outcome {
    const places = this.#places;
    if (places.heldIn(key) === undefined) return this.#find(key);
    return places.contentOf(key) === Content.COMPRESSED ? places.takeCompressed(key) : isHeld;
  }

  /** Copies the value of a key into the column, if it is held. */
  #lend(key: number): void {
    const places = this.#places, held = places.heldIn(key);
    if (held === undefined) return;
    this.#column?.set(key, held, places.heldStart(key), places.heldEnd(key));
    this.outcomes.set(key, inColumn);
    places.letGo(key);
  }

  /** The value of a key, or what it is made of, if its record is in the cache. */
  #find(key: number): Outcome {
    const places = this.#places;
    const value = this.#cache?.find(
      places.objectOf(key),
      places.offsetOf(key),
      places.lengthOf(key),
      this.#keys.keyAt(key),
      places.lsnOf(key),
      this.#copies.waiting,
    );
    if (value === undefined) return missing;
    if (value === patchesFound) return this.chains.begin(key, missing);
    this.#observer?.foundInCache(key, places.lsnOf(key));
    return value;
  }

  /** How many items there are. */
  get count(): number {
    return this.chains.count;
  }

  /** The object of an item. */
  objectOf(item: number): StoredObject {
    return this.#places.objectOf(this.chains.placeOf(item));
  }

  /** Where an item's record starts, in bytes. */
  offsetOf(item: number): number {
    return this.#places.offsetOf(this.chains.placeOf(item));
  }

  /** The length of an item's record in bytes; 0 if there is none to be read. */
  lengthOf(item: number): number {
    return this.#here?.[item] === 1 ? 0 : this.#places.valueLengthOf(this.chains.placeOf(item));
  }

  /** Whether nothing is in flight or still to be read. */
  get done(): boolean {
    return this.#read.done;
  }

  /** Whether every entry can be had; what brought them may not have been given up yet. */
  get allReady(): boolean {
    return this.outcomes.missing === 0;
  }

  /** The entries of the keys `[from, to)`, up to the first that is not ready. */
  takeReady(from: number, to: number): (Entry | DamagedEntry)[] {
    const entries: (Entry | DamagedEntry)[] = [], places = this.#places, keys = this.#keys;
    const budget = new TakeBudget(), held = new HeldEntries();
    for (let key = from; key < to && this.outcomes.isReady(key);) {
      const length = this.outcomes.madeLengthOf(key);
      if (length !== undefined && !budget.admits(length)) break;
      const compressed = length === undefined ? undefined : this.outcomes.compressedOf(key);
      if (compressed?.isLarge && !compressed.isOpen) {
        this.#large = compressed;
        break;
      }
      if (held.find(places, keys, key, to, this.#copies.mostBlockBytes)) {
        held.take(places, keys, key, this.#copies, entries);
        key = held.to;
      } else entries.push(this.#takeEntry(key++));
    }
    return entries;
  }

  /** The entry of a key that is ready. What was handed on is not held here too. */
  #takeEntry(key: number): Entry | DamagedEntry {
    const copies = this.#copies, bytes = this.#keys.keyAt(key, copies);
    const outcome = this.outcomes.of(key);
    const lsn = this.#places.newestOf(key) === noPlace ? undefined : this.#places.lsnOf(key);
    if (outcome instanceof Error) return { key: bytes, lsn, error: outcome };
    this.outcomes.set(key, undefined);
    if (outcome instanceof CompressedValue) return openedEntry(this.#places, key, bytes, outcome);
    if (outcome instanceof PatchChain) return this.chains.entryOf(key, bytes, outcome);
    if (outcome === inColumn) return { key: bytes, value: this.#column?.valueAt(key, copies), lsn };
    if (outcome === isHeld) return { key: bytes, value: this.#places.takeHeld(key, copies), lsn };
    return { key: bytes, value: outcome && copies.release(outcome), lsn };
  }

  /** Takes note that a value is in the column by now that was compressed or patches, or why it is not: it is damaged. */
  opened(key: number, error: Error | boolean): void {
    this.outcomes.set(key, error === true ? inColumn : error || notOpened(this.#places, key));
  }

  /** Bytes that are read of files for the records, what lies between them included. */
  get plannedBytes(): number {
    return this.#read.plannedBytes;
  }

  /** Begins to read, as far as memory for that is free, and waits for nothing. */
  issue(): void {
    this.#read.issue();
  }

  /** Reads on, until more keys are ready; or opens the large value that is to be taken next. */
  async step(): Promise<void> {
    const large = this.#large;
    this.#large = undefined;
    if (large !== undefined) return await openInTurns(large, this.#turns);
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
    const key = this.chains.keyOf(item), place = this.chains.placeOf(item), places = this.#places;
    const error = damageOf(places, this.#keys, key, bytes, view, at, length, place);
    if (error !== undefined) return this.fail(item, error);
    if (this.chains.isLink(item) || !isPutAt(bytes, at)) {
      const chain = this.chains.accept(item, bytes, view, at, length, owned);
      return chain === undefined ? undefined : this.outcomes.settle(key, chain);
    }
    const end = at + length, keyEnd = at + recordHeaderBytes + view.getUint16(at + 6, true);
    const isCompressed = isCompressedAt(bytes, at);
    if (this.#column !== undefined && length <= this.#mostColumnBytes && !isCompressed) {
      this.#column.set(key, bytes, keyEnd, end);
      return this.outcomes.settle(key, inColumn);
    }
    if (!owned) this.#cache?.keep(places.objectOf(key), places.offsetOf(key), bytes, at, length);
    const value = owned ? bytes.subarray(keyEnd, end) : this.#copies.waiting.copy(bytes, keyEnd, end);
    this.outcomes.settle(key, isCompressed ? new CompressedValue(value, 0, value.length) : value);
  }

  /** Takes note that a record cannot be had. */
  fail(item: number, error: Error): void {
    this.outcomes.settle(this.chains.keyOf(item), error);
  }
}

/** The entry of a compressed value. */
function openedEntry(
  places: Places,
  key: number,
  bytes: Uint8Array<ArrayBuffer>,
  compressed: CompressedValue,
): Entry | DamagedEntry {
  const value = compressed.open(), lsn = places.lsnOf(key);
  return value === undefined
    ? { key: bytes, lsn, error: notOpened(places, key) }
    : { key: bytes, value, lsn };
}
