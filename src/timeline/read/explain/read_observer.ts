/**
 * Takes note of what a read of keys does, as the read tells it: it decides nothing and reads nothing.
 *
 * ```
 *   VectoredRead ─► Lookup      visits, found, absent          a key in a layer
 *                ─► PageSet     watch: get, want, fetch        pages in the cache and on disk, rounds, time
 *                     └ PageFetch ─► RangeRead                 pages read, reads, bytes
 *                ─► PageSet     watch: getRange, fetch         runs of records in the cache and on disk
 *                     └ RangeFetch ─► RangeRead                reads, bytes
 *                ─► Values      foundInCache, valuesOfItems    records: memory, cache, disk
 *                     └ RangeRead                              reads, bytes
 * ```
 *
 * One that nobody asked for is not there, which costs a read one look for each layer that a key is looked for in.
 *
 * @module
 */

import type { Clock, Lsn } from "../../../base/mod.ts";
import type { MemoryLayer, PageSource, StoredLayer } from "../../../layer/mod.ts";
import type { PageObserver, PageSet, RangeObserver, StoredObject } from "../../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import { noPlace, patchesOf, type Places } from "../records/places.ts";
import type { View } from "../view.ts";
import type { Explanation, VisitCosts } from "./explanation.ts";
import { type IsOpen, KeyRecord } from "./key_record.ts";

/** What is noted of one read of keys. */
export class ReadObserver implements PageObserver {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #keys: KeyRecord[] = [];
  /** The first key of the window that is looked up. */
  #window = 0;
  /** The key that walks. */
  #walking: KeyRecord | undefined;
  #arrived = 0;
  /** By object: its pages that were looked at, and whether each had to be waited for. */
  readonly #pages = new Map<StoredObject, Map<number, boolean>>();
  /** By object: offsets of runs of records that had to be waited for. */
  readonly #runs = new Map<StoredObject, Set<number>>();
  readonly #index = { readPages: 0, readFooters: 0, sharedPages: 0, reads: 0, readBytes: 0, rounds: 0 };
  readonly #values = { reads: 0, readBytes: 0, valueBytes: 0, rounds: 0 };
  #lookupBegan = 0;
  #lookupTime = 0;
  #pageTime = 0;

  /** Starts the clock. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** Keys are looked up, which the numbers of keys speak of from now on. */
  looksUp(keys: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#window = this.#keys.length;
    for (const key of keys) this.#keys.push(new KeyRecord(key));
    this.#lookupBegan = this.#clock.monotonic();
  }

  /** A key was looked for in a layer in memory, as of an LSN. */
  visitedMemory(key: number, layer: MemoryLayer, isFound: boolean, lsn: Lsn): void {
    this.#record(key).visit(layer, lsn);
    this.#record(key).answer(isFound ? "found" : "absent");
  }

  /** A key walks through a stored layer, or walks on in it, as of an LSN. */
  visits(key: number, layer: StoredLayer, lsn: Lsn): void {
    this.#walking = this.#record(key);
    this.#walking.visit(layer, lsn);
  }

  /** The layer that a key walks through has a version of it. */
  found(key: number): void {
    this.#record(key).answer("found");
  }

  /** It has none, by its filter or by its index. */
  absent(key: number, isByFilter: boolean): void {
    this.#record(key).answer(isByFilter ? "filter" : "absent");
  }

  /** Keys were looked up. */
  placed(places: Places): void {
    this.#lookupTime += this.#clock.monotonic() - this.#lookupBegan;
    for (let key = 0; this.#window + key < this.#keys.length; key++) {
      if (places.newestOf(key) === noPlace) continue;
      const record = this.#record(key), byteLength = places.lengthOf(key);
      const deleted = places.isTombstone(key);
      record.patches = patchesOf(places, key);
      record.place = {
        file: places.fileOf(key),
        lsn: places.lsnOf(key),
        offset: places.offsetOf(key),
        byteLength,
        deleted,
      };
      if (places.valueLengthOf(key) === 0) continue;
      if (places.heldIn(key) !== undefined && record.earlyLsn === places.lsnOf(key)) continue;
      // Unless it turns out to lie elsewhere.
      record.source = places.heldIn(key) === undefined ? "memory" : record.isRunRead ? "disk" : "cache";
    }
  }

  /** The record of a key at an LSN was found in the cache. */
  foundInCache(key: number, lsn: Lsn): void {
    this.#record(key).source = "cache";
    this.#record(key).earlyLsn = lsn;
  }

  /** See {@linkcode PageObserver.ranges}: what is told of runs. */
  readonly ranges: RangeObserver = {
    planned: () => {},
    transferred: (reads, bytes) => this.#readValues(reads, bytes),
  };

  #readValues(reads: number, bytes: number): void {
    this.#values.reads += reads;
    this.#values.readBytes += bytes;
  }

  /** What is told of ranges, each the record of a key. */
  valuesOfItems(keyOf: (item: number) => number): RangeObserver {
    const window = this.#window;
    return {
      planned: (items) => {
        for (const item of items) this.#keys[window + keyOf(item)].source = "disk";
      },
      transferred: (reads, bytes) => this.#readValues(reads, bytes),
    };
  }

  /** What is told of ranges that are the records of some keys, before it is known that they are the newest. */
  valuesOf(keys: readonly number[], places: Places): RangeObserver {
    for (const key of keys) {
      this.#record(key).source = "memory";
      this.#record(key).earlyLsn = places.lsnOf(key);
    }
    return {
      planned: (items) => {
        for (const item of items) this.#record(keys[item]).source = "disk";
      },
      transferred: (reads, bytes) => this.#readValues(reads, bytes),
    };
  }

  /** The read waits for records. */
  waitsForValues(): void {
    this.#values.rounds++;
  }

  /** The next key has its entry. */
  arrived(entry: Entry | DamagedEntry): void {
    if ("value" in entry) this.#values.valueBytes += entry.value?.length ?? 0;
    this.#keys[this.#arrived++].arrive(entry);
  }

  /** The same pages, of which is noted whether they are there. */
  watch(pages: PageSet): PageSource {
    return {
      get: (object, page) => this.#note(object, page, pages.get(object, page)),
      take: (object, page) => this.#note(object, page, pages.take(object, page)),
      want: (object, page) => {
        const { listed } = pages;
        pages.want(object, page);
        if (pages.listed > listed) this.#pagesOf(object).set(page, true);
      },
      getRange: (object, offset, length, sum) => {
        const range = pages.getRange(object, offset, length, sum);
        this.#noteRun(object, offset, range === undefined);
        return range;
      },
      wantRange: (object, offset, length) => pages.wantRange(object, offset, length),
      takeRange: (object, offset, length) => pages.takeRange(object, offset, length),
      fetch: async () => {
        const began = this.#clock.monotonic();
        this.#index.rounds++;
        await pages.fetch();
        this.#pageTime += this.#clock.monotonic() - began;
      },
      get listed() {
        return pages.listed;
      },
    };
  }

  /** Notes a page: one that is missing now is there later, and was waited for all the same. */
  #note(object: StoredObject, page: number, bytes: Uint8Array | undefined): Uint8Array | undefined {
    const known = this.#pagesOf(object), isRead = known.get(page) === true || bytes === undefined;
    known.set(page, isRead);
    this.#walking?.page(page, isRead);
    return bytes;
  }

  /** Notes a run of records, as a page. */
  #noteRun(object: StoredObject, offset: number, isMissing: boolean): void {
    const read = this.#runs.get(object) ?? new Set<number>();
    this.#runs.set(object, read);
    if (isMissing) read.add(offset);
    if (this.#walking !== undefined) this.#walking.isRunRead = read.has(offset);
  }

  #pagesOf(object: StoredObject): Map<number, boolean> {
    const known = this.#pages.get(object) ?? new Map<number, boolean>();
    this.#pages.set(object, known);
    return known;
  }

  /** See {@linkcode PageObserver.fetching}. */
  fetching(pages: number, footers: number, followed: number): void {
    this.#index.readPages += pages;
    this.#index.readFooters += footers;
    this.#index.sharedPages += followed;
  }

  /** Pages are never cut, so that nothing is to be noted. */
  planned(): void {}

  /** A batch of reads of pages was carried out. */
  transferred(reads: number, bytes: number): void {
    this.#index.reads += reads;
    this.#index.readBytes += bytes;
  }

  #record(key: number): KeyRecord {
    return this.#keys[this.#window + key];
  }

  /** Says what the read cost, at its end. */
  explain({ levels, lsn }: View, isOpen: IsOpen): Explanation {
    const total = this.#clock.monotonic() - this.#began;
    const keys = this.#keys.map((record) => record.explain(levels, isOpen));
    const records = (source: string) => keys.filter(({ found }) => found?.source === source).length;
    const pages = [...this.#pages.values()].flatMap((known) => [...known.values()]);
    return {
      lsn,
      memoryLayers: levels.reduce((sum, { map }) => sum + map.memory.length, 0),
      storedLayers: levels.reduce((sum, { map }) => sum + map.storedCount, 0),
      keys,
      visits: sumVisits(keys),
      index: { cachedPages: pages.filter((isRead) => !isRead).length, ...this.#index },
      values: {
        memoryRecords: records("memory"),
        cachedRecords: records("cache"),
        readRecords: records("disk"),
        ...this.#values,
      },
      milliseconds: {
        walk: this.#lookupTime - this.#pageTime,
        pages: this.#pageTime,
        values: total - this.#lookupTime,
        total,
      },
    };
  }
}

function sumVisits(keys: Explanation["keys"]): VisitCosts {
  const sums = { memory: 0, stored: 0, excusedByFilter: 0, falsePositives: 0 };
  for (const { visits } of keys) {
    for (const { kind, outcome, falsePositive } of visits) {
      sums[kind === "open" || kind === "frozen" ? "memory" : "stored"]++;
      if (outcome === "filter") sums.excusedByFilter++;
      if (falsePositive) sums.falsePositives++;
    }
  }
  return sums;
}
