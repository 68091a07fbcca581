/**
 * Where versions lie: for each key a list of places, from the newest on, up to the first that is terminal.
 *
 * ```
 *   key 0 ──► [LSN 9, terminal]                      a whole value or a tombstone: nothing older is needed
 *   key 1 ──► [LSN 8] ──► [LSN 5] ──► [LSN 2, terminal]
 *   key 2 ──► nothing: the key is absent
 * ```
 *
 * Places may be added in any order, since layers may overlap in LSN; a list keeps only what is needed. In a sorted layer
 * a version is found in its record, whose value, or patches, are held then and not read again.
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import {
  CompressedValue,
  type RecordFile,
  recordHeaderBytes,
  terminalFlag,
  tombstoneFlag,
  type VersionBlock,
} from "../../../layer/mod.ts";
import type { StoredObject } from "../../../objects/mod.ts";
import type { Copies } from "./copies.ts";
import { Content, contentAt, HeldContents } from "./held_contents.ts";

// A place, in numbers side by side, so that it costs one cache miss: its LSN, 0 if there is none; its offset; its length
// times four, with its flags; the number of the next older place, 0 if there is none.
const stride = 4;
const lsnField = 0, offsetField = 1, taggedField = 2, olderField = 3;

/** The number that stands for no place. */
export const noPlace: number = -1;

/** Lists of places by the numbers of keys. The newest place of a key has the key's number, older ones numbers behind. */
export class Places {
  #fields: Float64Array;
  readonly #files: RecordFile[] = [];
  #end: number;
  /** The key and the place that were added last. */
  #lastKey = noPlace;
  #last = noPlace;
  #failures: Map<number, Error> | undefined;
  /** Whether what is held lies in its record, behind its key. */
  hasRecords = false;
  /** Whether any place may be that of patches, as far as that is known before records are read. */
  hasPatches = false;
  readonly #held = new HeldContents();

  /** Makes room for so many keys, all of them absent until places are added. */
  constructor(keys: number) {
    this.#fields = new Float64Array(keys * stride);
    this.#end = keys;
  }

  /**
   * Adds a place to the list of a key, unless a terminal one that is newer makes it needless. It makes older ones
   * needless if it is terminal itself.
   *
   * @returns The place, or {@linkcode noPlace}.
   */
  add(key: number, file: RecordFile, lsn: Lsn, offset: number, length: number, flags: number): number {
    const tagged = length * 4 + flags, last = this.#last;
    // Versions of a key mostly come from new to old, and some keys have many.
    const isBehind = key === this.#lastKey && this.lsnOf(last) > lsn && !this.isTerminal(last) &&
      this.olderThan(last) === noPlace;
    const place = isBehind
      ? this.#setBehind(last, file, lsn, offset, tagged, noPlace)
      : this.#insert(key, file, lsn, offset, tagged);
    this.#lastKey = place === noPlace ? noPlace : key;
    return this.#last = place;
  }

  #insert(key: number, file: RecordFile, lsn: Lsn, offset: number, tagged: number): number {
    const newest = this.newestOf(key);
    if (newest === noPlace) return this.#set(key, file, lsn, offset, tagged, noPlace);
    let newer = noPlace, older = newest;
    while (older !== noPlace && this.lsnOf(older) > lsn) {
      if (this.isTerminal(older)) return noPlace;
      newer = older;
      older = this.olderThan(older);
    }
    const isTerminal = (tagged & terminalFlag) !== 0;
    // One version may stand in two layers; a whole value stands for what it was made of.
    if (older !== noPlace && this.lsnOf(older) === lsn && (!isTerminal || this.isTerminal(older))) {
      return noPlace;
    }
    if (isTerminal) older = noPlace;
    if (newer === noPlace) {
      return this.#set(key, file, lsn, offset, tagged, older === noPlace ? noPlace : this.#moveAway(key));
    }
    return this.#setBehind(newer, file, lsn, offset, tagged, older);
  }

  #setBehind(newer: number, file: RecordFile, lsn: Lsn, offset: number, tagged: number, older: number) {
    const place = this.#makePlace();
    this.#fields[newer * stride + olderField] = place;
    return this.#set(place, file, lsn, offset, tagged, older);
  }

  /**
   * Adds a place as {@linkcode add} does, and holds what its record has.
   *
   * @param bytes Memory that holds the value, or the patches, and stays as it is.
   * @param start Where they start in it.
   * @param end Where they end.
   * @param content Which of them it is: {@linkcode contentAt}. @default {a value}
   */
  addHeld(
    key: number,
    file: RecordFile,
    lsn: Lsn,
    offset: number,
    length: number,
    flags: number,
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    content: number = Content.PLAIN,
  ): void {
    const place = this.add(key, file, lsn, offset, length, flags);
    if (place === noPlace || (flags & tombstoneFlag) !== 0) return;
    this.hold(place, bytes, start, end, content);
  }

  /** Holds what the record of a place has; see {@linkcode addHeld}. */
  hold(place: number, bytes: Uint8Array<ArrayBuffer>, start: number, end: number, content: number): void {
    if (content === Content.PATCHES) this.hasPatches = true;
    this.#held.hold(place, bytes, start, end, content, this.#fields.length / stride);
  }

  /** The memory that holds the value of a key or place, which is only read; `undefined` if its record is to be read. */
  heldIn(key: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#held.in(key);
  }

  /** What is held of a place: one of `Content`. */
  contentOf(place: number): number {
    return this.#held.contentOf(place);
  }

  /** Where in it the value starts. */
  heldStart(key: number): number {
    return this.#held.startOf(key);
  }

  /** Where in it the value ends. */
  heldEnd(key: number): number {
    return this.#held.endOf(key);
  }

  /** A copy of the value that is held of a key, and no more held; it is one already if nothing else lies in its memory. */
  takeHeld(key: number, copies: Copies): Uint8Array<ArrayBuffer> | undefined {
    const held = this.heldIn(key), start = this.heldStart(key), end = this.heldEnd(key);
    this.letGo(key);
    if (held === undefined) return held;
    return start === 0 && end === held.length ? copies.release(held) : copies.copy(held, start, end);
  }

  /** The compressed value that is held of a key, and no more held. */
  takeCompressed(key: number): CompressedValue {
    const held = this.heldIn(key) as Uint8Array<ArrayBuffer>;
    this.letGo(key);
    return new CompressedValue(held, this.heldStart(key), this.heldEnd(key));
  }

  /** Lets go of the value of a key. */
  letGo(key: number): void {
    this.#held.letGo(key);
  }

  #set(
    place: number,
    file: RecordFile,
    lsn: Lsn,
    offset: number,
    tagged: number,
    older: number,
  ): number {
    const fields = this.#fields, at = place * stride;
    this.letGo(place);
    if ((tagged & terminalFlag) === 0) this.hasPatches = true;
    this.#files[place] = file;
    fields[at + lsnField] = lsn;
    fields[at + offsetField] = offset;
    fields[at + taggedField] = tagged;
    fields[at + olderField] = older === noPlace ? 0 : older;
    return place;
  }

  /** Moves the newest place of a key to a number behind all keys. */
  #moveAway(key: number): number {
    const place = this.#makePlace();
    this.#fields.copyWithin(place * stride, key * stride, (key + 1) * stride);
    this.#files[place] = this.#files[key];
    this.#held.copy(key, place, this.#fields.length / stride);
    return place;
  }

  #makePlace(): number {
    const place = this.#end++;
    if (this.#end * stride > this.#fields.length) {
      const larger = new Float64Array(this.#fields.length * 2);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    return place;
  }

  /** Forgets the places of a key. */
  clear(key: number): void {
    this.#fields.fill(0, key * stride, (key + 1) * stride);
    this.#lastKey = noPlace;
    this.letGo(key);
  }

  /** Notes why a key could not be found out about. What was found of it may be older than what was not. */
  fail(key: number, error: Error): void {
    this.clear(key);
    this.#failures ??= new Map();
    this.#failures.set(key, error);
  }

  /** Why a key could not be found out about, if so. */
  failureOf(key: number): Error | undefined {
    return this.#failures?.get(key);
  }

  /** The newest place of a key; {@linkcode noPlace} if it is absent. */
  newestOf(key: number): number {
    return this.#fields[key * stride + lsnField] === 0 ? noPlace : key;
  }

  /** The next older place of the same key; {@linkcode noPlace} if there is none, or none is needed. */
  olderThan(place: number): number {
    return this.#fields[place * stride + olderField] || noPlace;
  }

  /** The object that has the record. */
  objectOf(place: number): StoredObject {
    return this.#files[place].object;
  }

  /** The file that it lies in. */
  fileOf(place: number): RecordFile {
    return this.#files[place];
  }

  /** The seed of the checksums of its file. */
  seedOf(place: number): number {
    return this.#files[place].seed;
  }

  /** The LSN of the version. */
  lsnOf(place: number): Lsn {
    return this.#fields[place * stride + lsnField];
  }

  /** The offset of the record in its object, in bytes. */
  offsetOf(place: number): number {
    return this.#fields[place * stride + offsetField];
  }

  /** The length of the record in bytes. */
  lengthOf(place: number): number {
    return Math.floor(this.#fields[place * stride + taggedField] / 4);
  }

  /** The length of the record in bytes; 0 if there is none, or no value in it. */
  valueLengthOf(place: number): number {
    const tagged = this.#fields[place * stride + taggedField];
    return (tagged & tombstoneFlag) !== 0 ? 0 : Math.floor(tagged / 4);
  }

  /** The flags of the version. */
  flagsOf(place: number): number {
    return this.#fields[place * stride + taggedField] & (terminalFlag | tombstoneFlag);
  }

  /** Whether the version needs nothing older. */
  isTerminal(place: number): boolean {
    return (this.#fields[place * stride + taggedField] & terminalFlag) !== 0;
  }

  /** Whether the version is a tombstone. */
  isTombstone(place: number): boolean {
    return (this.#fields[place * stride + taggedField] & tombstoneFlag) !== 0;
  }
}

/** The lengths of all records that the value of a key is made of, in bytes; 0 if it has none. */
export function chainLengthOf(places: Places, key: number): number {
  let bytes = places.valueLengthOf(key);
  if (!places.hasPatches || bytes === 0 || places.isTerminal(key)) return bytes;
  for (let place = places.olderThan(key); place !== noPlace; place = places.olderThan(place)) {
    bytes += places.valueLengthOf(place);
  }
  return bytes;
}

/** How many versions of a key are listed that need older ones. */
export function patchesOf(places: Places, key: number): number {
  let count = 0;
  for (let place = places.newestOf(key); place !== noPlace; place = places.olderThan(place)) {
    if (!places.isTerminal(place)) count++;
  }
  return count;
}

/** Adds a row of a block that has records, and holds what its record has. */
export function addRow(
  places: Places,
  key: number,
  file: RecordFile,
  block: VersionBlock,
  row: number,
): void {
  const keyStart = block.keyStart[row], length = block.length[row];
  const bytes = block.bytes as Uint8Array<ArrayBuffer>;
  places.hasRecords = true;
  places.addHeld(
    key,
    file,
    block.lsn[row],
    block.offset[row],
    length,
    block.flags[row],
    bytes,
    keyStart + block.keyLength[row],
    keyStart - recordHeaderBytes + length,
    contentAt(bytes, keyStart - recordHeaderBytes),
  );
}

/** The LSN at which the list of a key ends: nothing at or before it is needed. 0 while the list has no end. */
export function settledAt(places: Places, key: number): Lsn {
  let place = places.newestOf(key);
  while (place !== noPlace && !places.isTerminal(place)) place = places.olderThan(place);
  return place === noPlace ? 0 : places.lsnOf(place);
}

/** Whether the value of a key is made of patches, as far as that is known before its records are read. */
export function isPatched(places: Places, key: number): boolean {
  if (!places.hasPatches) return false;
  const isKnown = places.heldIn(key) !== undefined && places.contentOf(key) === Content.PATCHES;
  return places.newestOf(key) !== noPlace && (isKnown || !places.isTerminal(key));
}
