/**
 * The chains of patches among keys whose values are read: from memory what is there, the rest as ranges of files.
 *
 * @module
 */

import type { CorruptionError } from "../../../base/mod.ts";
import {
  CompressedValue,
  decodePatches,
  isCompressedAt,
  isPatchKind,
  recordHeaderBytes,
  RecordKind,
} from "../../../layer/mod.ts";
import type { ReadObserver } from "../explain/read_observer.ts";
import { Redoer } from "../../redo/redo.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import { apart, type Copies } from "./copies.ts";
import { PatchChain, type Patches, type PatchLink, wholeLink } from "./patch_chain.ts";
import { corruption, notOpened } from "./damage.ts";
import { Content } from "./held_contents.ts";
import { noPlace, type Places } from "./places.ts";
import type { RecordCache } from "./record_cache.ts";
import type { KeyList } from "./columns.ts";

/** A record of a chain that is to be read. */
interface WantedLink {
  /** The key. */
  readonly key: number;
  /** Its place. */
  readonly place: number;
  readonly chain: PatchChain;
  /** Which link of the chain it is. */
  readonly at: number;
}

/** What stands in the place of an entry whose patches are not redone. */
export interface PatchedEntry extends Entry {
  /** What its value is made of. */
  readonly patches: Patches;
}

/** Whether an entry is one whose patches are not redone. */
export function isPatchedEntry(entry: Entry | DamagedEntry): entry is PatchedEntry {
  return "patches" in entry;
}

/** What becomes of chains. */
export interface ChainOptions {
  /** Where records are found and kept, if they are. */
  readonly cache?: RecordCache | undefined;
  /** Is told where records are found, if anybody wants to know. */
  readonly observer?: ReadObserver | undefined;
  /** What makes values of patches. @default {one without a function} */
  readonly redoer?: Redoer | undefined;
  /** What copies values that are taken. @default {apart} */
  readonly copies?: Copies | undefined;
  /** Whether patches are given out as they are. @default {false} */
  readonly keepPatches?: boolean | undefined;
}

/**
 * The chains among the keys `[from, to)`, whose items come first: behind them stand those of links.
 */
export class Chains {
  /** Records that are to be read. */
  readonly #wanted: WantedLink[] = [];
  readonly #from: number;
  readonly #keyCount: number;
  readonly #redoer: Redoer;
  readonly #copies: Copies;
  readonly #keepsPatches: boolean;
  readonly #places: Places;
  readonly #keys: KeyList;
  readonly #cache: RecordCache | undefined;
  readonly #observer: ReadObserver | undefined;

  /**
   * Starts without chains.
   *
   * @param places Where versions lie.
   * @param keys The keys.
   * @param from The first key.
   * @param to The key after the last.
   * @param options See {@linkcode ChainOptions}.
   */
  constructor(
    places: Places,
    keys: KeyList,
    from: number,
    to: number,
    { cache, observer, redoer = new Redoer(), copies = apart, keepPatches = false }: ChainOptions,
  ) {
    this.#places = places;
    this.#keys = keys;
    this.#from = from;
    this.#keyCount = to - from;
    this.#cache = cache;
    this.#observer = observer;
    this.#redoer = redoer;
    this.#copies = copies;
    this.#keepsPatches = keepPatches;
  }

  /** How many items there are, those of keys among them. */
  get count(): number {
    return this.#keyCount + this.#wanted.length;
  }

  /** The bytes of the records that are read for links. */
  get wantedBytes(): number {
    return this.#wanted.reduce((bytes, { place }) => bytes + this.#places.lengthOf(place), 0);
  }

  /** Whether an item is that of a link. */
  isLink(item: number): boolean {
    return item >= this.#keyCount;
  }

  /** The key of an item. */
  keyOf(item: number): number {
    return this.isLink(item) ? this.#wanted[item - this.#keyCount].key : this.#from + item;
  }

  /** The place of an item. */
  placeOf(item: number): number {
    return this.isLink(item) ? this.#wanted[item - this.#keyCount].place : this.#from + item;
  }

  /**
   * Begins the chain of a key with what memory has of it; the rest is among what is to be read.
   *
   * @returns The chain if it is whole, or why it cannot be had; `missing` if it is to be read.
   */
  begin<T>(key: number, missing: T): PatchChain | Error | T {
    const places = this.#places, list: number[] = [];
    for (let place = places.newestOf(key); place !== noPlace; place = places.olderThan(place)) {
      list.push(place);
    }
    const chain = new PatchChain(places.lsnOf(key), list.length),
      links = list.map((place) => this.#find(key, place));
    const error = links.find((link) => link instanceof Error);
    if (error !== undefined) return error;
    for (const [at, link] of links.entries()) {
      if (link === undefined) this.#wanted.push({ key, place: list[at], chain, at });
      else chain.set(at, link as PatchLink);
    }
    return chain.isReady ? chain : missing;
  }

  /** What memory has of a place. */
  #find(key: number, place: number): PatchLink | Error | undefined {
    const places = this.#places;
    if (places.isTombstone(place)) return wholeLink(undefined);
    const held = places.heldIn(place);
    if (held === undefined) return this.#findCached(key, place);
    if (places.contentOf(place) === Content.COMPRESSED) return wholeLink(places.takeCompressed(place));
    const start = places.heldStart(place),
      end = places.heldEnd(place),
      isPatches = places.contentOf(place) === Content.PATCHES;
    places.letGo(place);
    if (!isPatches) return wholeLink(held.slice(start, end));
    return this.#decode(place, kindOfPatches(places, place), held, start, end);
  }

  #findCached(key: number, place: number): PatchLink | Error | undefined {
    const places = this.#places, keyBytes = this.#keys.keyAt(key), lsn = places.lsnOf(place);
    const found = this.#cache?.findContent(
      places.objectOf(place),
      places.offsetOf(place),
      places.lengthOf(place),
      keyBytes,
      lsn,
    );
    if (found === undefined) return undefined;
    this.#observer?.foundInCache(key, lsn);
    const { kind, content } = found;
    if (content instanceof CompressedValue) return wholeLink(content);
    return isPatchKind(kind) ? this.#decode(place, kind, content, 0, content.length) : wholeLink(content);
  }

  /** Takes a record that was read and checked; returns the chain that is whole with it, if one is, or what is wrong with it. */
  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): PatchChain | Error | undefined {
    const places = this.#places, place = this.placeOf(item), wanted = this.#wanted[item - this.#keyCount];
    const link = this.#linkOf(place, bytes, view, at, length, owned);
    if (link instanceof Error) return link;
    if (!owned) this.#cache?.keep(places.objectOf(place), places.offsetOf(place), bytes, at, length);
    const chain = wanted?.chain ?? new PatchChain(places.lsnOf(place), 1);
    chain.set(wanted?.at ?? 0, link);
    return chain.isReady ? chain : undefined;
  }

  /** The entry of a key whose value is made of patches. */
  entryOf(
    key: number,
    bytes: Uint8Array<ArrayBuffer>,
    chain: PatchChain,
  ): PatchedEntry | Entry | DamagedEntry {
    const { lsn } = chain;
    if (this.#keepsPatches) {
      const patches = chain.gather();
      return patches === undefined
        ? { key: bytes, lsn, error: this.#notOpened(key) }
        : { key: bytes, lsn, value: undefined, patches };
    }
    const value = this.redone(key, chain);
    if (value instanceof Error) return { key: bytes, lsn, error: value };
    // What redo returned may be somebody else's memory (H2).
    return { key: bytes, lsn, value: this.#copies.copy(value, 0, value.length) };
  }

  /** The value of a key that is made of patches, or why it cannot be. */
  redone(key: number, chain: PatchChain): Uint8Array | Error {
    const patches = chain.gather();
    if (patches === undefined) return this.#notOpened(key);
    try {
      return this.#redoer.redo(this.#keys.keyAt(key), chain.lsn, patches.base, patches.patches);
    } catch (error) {
      return error as Error;
    }
  }

  #linkOf(
    place: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): PatchLink | Error {
    const start = at + recordHeaderBytes + view.getUint16(at + 6, true),
      end = at + length,
      kind = bytes[at + 4];
    if (isPatchKind(kind)) return this.#decode(place, kind, bytes, start, end);
    const value = owned ? bytes.subarray(start, end) : bytes.slice(start, end);
    return wholeLink(isCompressedAt(bytes, at) ? new CompressedValue(value, 0, value.length) : value);
  }

  #decode(
    place: number,
    kind: number,
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
  ): PatchLink | Error {
    const patches = decodePatches(kind, bytes, start, end);
    return patches ?? corruption(this.#places, place, "patches", "something else");
  }

  /** What patches stand on cannot be decompressed: it is the oldest that is listed. */
  #notOpened(key: number): CorruptionError {
    const places = this.#places;
    let oldest = key;
    for (let place = key; place !== noPlace; place = places.olderThan(place)) oldest = place;
    return notOpened(places, oldest);
  }
}

/** The kind of a record of patches. */
function kindOfPatches(places: Places, place: number): number {
  return places.isTerminal(place) ? RecordKind.PATCHED : RecordKind.PATCH;
}
