/**
 * Finding where the newest versions of many keys lie, as of one LSN.
 *
 * ```
 *   keys ─► open, frozen (hash, at once) ─► for each key, newest sealed layer first:
 *              bloom page ─► root ─► … ─► leaf ─► found, or the next older layer
 * ```
 *
 * Every key walks on its own as far as pages in memory carry it; the pages that all of them miss are then read in
 * one batch, and they walk on. So each page is read at most once for one question, and the number of batches is that
 * of the longest walk, not of keys. The walk is synchronous; the await is between rounds.
 *
 * @module
 */

import { compareKeys, CorruptionError, type Lsn } from "../base/mod.ts";
import {
  bloomMayContain,
  entryKeyEquals,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  hashKey,
  pageLevel,
  searchPage,
  tombstoneFlag,
} from "../layer/mod.ts";
import { type LayerSet, type MemoryLayer, memoryLayers, type SealedLayer } from "./layer_set.ts";
import {
  FetchedPages,
  fetchPages,
  footerNumber,
  type PageNeed,
  type ReadContext,
  type ReadLeases,
} from "./read_context.ts";

/** Where a record can be read from. */
export interface RecordSource {
  /** The path of the file. */
  readonly path: string;
  /** Who has the newest bytes in memory, if somebody does. */
  readonly writer: MemoryLayer["writer"];
}

// What is known of a key, in numbers side by side: a question of one key takes one array and not four.
const stride = 4;

/** Where versions lie, by the number of their key. */
export class Located {
  /** What records are read from. */
  readonly sources: RecordSource[];
  /** Why a key could not be found out about, by its number. */
  readonly failures: Map<number, Error> = new Map();
  readonly #fields: Float64Array;

  /** Makes room for so many keys, which are absent until they are found. */
  constructor(count: number, sources: RecordSource[]) {
    this.sources = sources;
    this.#fields = new Float64Array(count * stride);
    for (let i = 0; i < count; i++) this.#fields[i * stride] = absent;
  }

  /** Notes where the version of key `i` lies; `source` may be {@linkcode tombstone} or {@linkcode failed}. */
  set(i: number, source: number, lsn: Lsn, offset: number, length: number): void {
    const fields = this.#fields;
    fields[i * stride] = source;
    fields[i * stride + 1] = lsn;
    fields[i * stride + 2] = offset;
    fields[i * stride + 3] = length;
  }

  /** Which of {@linkcode sources} has the record; {@linkcode absent}, {@linkcode tombstone} or {@linkcode failed}. */
  sourceOf(i: number): number {
    return this.#fields[i * stride];
  }

  /** The LSN of the version. */
  lsnOf(i: number): Lsn {
    return this.#fields[i * stride + 1];
  }

  /** The offset of the record in its file. */
  offsetOf(i: number): number {
    return this.#fields[i * stride + 2];
  }

  /** The length of the record in bytes. */
  lengthOf(i: number): number {
    return this.#fields[i * stride + 3];
  }
}

/** The key has no version. */
export const absent: number = -1;
/** The newest version is a tombstone. */
export const tombstone: number = -2;
/** It could not be found out. */
export const failed: number = -3;

/** The sources of a set of layers: memory layers newest first, then sealed layers oldest first. */
export function sourcesOf(layers: LayerSet): RecordSource[] {
  const sources: RecordSource[] = memoryLayers(layers).map(({ path, writer }) => ({ path, writer }));
  for (const layer of layers.sealed) sources.push({ path: layer.file.path, writer: undefined });
  return sources;
}

/**
 * Finds the newest version of each key at or before an LSN.
 *
 * @param context What reads.
 * @param leases Leases of the question.
 * @param layers Where to look.
 * @param keys The keys; the same key may stand more than once.
 * @param lsn The LSN.
 */
export async function locate(
  context: ReadContext,
  leases: ReadLeases,
  layers: LayerSet,
  keys: readonly Uint8Array[],
  lsn: Lsn,
): Promise<Located> {
  const walk = new Walk(context, layers, keys, lsn);
  while (!walk.advance()) await fetchPages(context, leases, walk.takeNeeds(), walk.fetched);
  return walk.located;
}

/** How many older layers a key whose filter page is missing asks for at once. */
const filtersAhead = 64;
const atFilter = -1;
// Where a key stands: the layer, the page it needs there, and that page's level.
const stepStride = 3, pageStep = 1, levelStep = 2;

/** The walk of keys to their newest versions, between rounds of reading pages. */
export class Walk {
  /** Where versions lie, once {@linkcode advance} has returned true. */
  readonly located: Located;
  /** Pages that were read for this walk. */
  readonly fetched: FetchedPages = new FetchedPages();
  readonly #context: ReadContext;
  readonly #sealed: readonly SealedLayer[];
  readonly #firstSealedSource: number;
  readonly #keys: readonly Uint8Array[];
  readonly #hashes: Uint32Array;
  readonly #lsn: Lsn;
  /** By key: the layer it stands at, the page it needs there, and that page's level. */
  readonly #steps: Int32Array;
  #waiting: number[] = [];
  #needs = new Map<SealedLayer, Set<number>>();

  /** Looks keys up in memory. */
  constructor(context: ReadContext, layers: LayerSet, keys: readonly Uint8Array[], lsn: Lsn) {
    const sources = sourcesOf(layers);
    this.located = new Located(keys.length, sources);
    this.#context = context;
    this.#sealed = layers.sealed;
    this.#firstSealedSource = sources.length - layers.sealed.length;
    this.#keys = keys;
    this.#lsn = lsn;
    this.#hashes = new Uint32Array(keys.length);
    this.#steps = new Int32Array(keys.length * stepStride);
    this.#searchMemory(memoryLayers(layers));
  }

  #searchMemory(layers: MemoryLayer[]): void {
    for (let key = 0; key < this.#keys.length; key++) {
      const bytes = this.#keys[key];
      const hash = this.#hashes[key] = hashKey(bytes, 0, bytes.length);
      if (this.#findInMemory(layers, key, bytes, hash)) continue;
      this.#steps[key * stepStride] = this.#sealed.length - 1;
      this.#steps[key * stepStride + pageStep] = atFilter;
      this.#waiting.push(key);
    }
  }

  #findInMemory(layers: MemoryLayer[], key: number, bytes: Uint8Array, hash: number): boolean {
    for (let source = 0; source < layers.length; source++) {
      const { index, firstLsn } = layers[source];
      if (firstLsn > this.#lsn) continue;
      const id = index.keyId(bytes, hash);
      const entry = id < 0 ? -1 : index.seek(id, this.#lsn);
      if (entry < 0) continue;
      const found = index.isTombstone(entry) ? tombstone : source;
      this.#settle(key, found, index.lsnOf(entry), index.offsetOf(entry), index.lengthOf(entry));
      return true;
    }
    return false;
  }

  #settle(key: number, source: number, lsn: number, offset: number, length: number): void {
    this.located.set(key, source, lsn, offset, length);
  }

  /** Lets every key walk as far as it can; returns whether all have arrived. */
  advance(): boolean {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const key of waiting) {
      try {
        if (!this.#walk(key)) this.#waiting.push(key);
      } catch (error) {
        this.located.set(key, failed, 0, 0, 0);
        this.located.failures.set(key, error as Error);
      }
    }
    return this.#waiting.length === 0;
  }

  /** The pages without which keys cannot walk on. */
  takeNeeds(): PageNeed[] {
    const needs: PageNeed[] = [];
    for (const [layer, numbers] of this.#needs) {
      for (const number of numbers) needs.push({ file: layer.file, number });
    }
    this.#needs = new Map();
    return needs;
  }

  /** Walks one key; returns whether it has arrived. */
  #walk(key: number): boolean {
    for (;;) {
      const at = this.#steps[key * stepStride];
      if (at < 0) return true;
      const layer = this.#sealed[at];
      const passed = this.#steps[key * stepStride + pageStep] === atFilter
        ? this.#passFilter(key, layer)
        : true;
      if (passed === undefined) return false;
      const found = passed && this.#descend(key, layer, at);
      if (found === undefined) return false;
      if (found) return true;
      this.#steps[key * stepStride] = at - 1;
      this.#steps[key * stepStride + pageStep] = atFilter;
    }
  }

  /** Whether the layer may have the key; `undefined` if a page is needed to tell. */
  #passFilter(key: number, layer: SealedLayer): boolean | undefined {
    if (!this.#inRange(key, layer)) return false;
    const footer = layer.file.footer;
    if (footer === undefined) {
      this.#needFooter(layer);
      this.#needFiltersBelow(key);
      return undefined;
    }
    const number = layer.file.bloomPage(this.#hashes[key]);
    const page = this.#lookUp(layer, number);
    if (page === undefined) {
      this.#needFiltersBelow(key);
      return undefined;
    }
    if (!bloomMayContain(page, this.#hashes[key])) return false;
    this.#steps[key * stepStride + pageStep] = layer.file.rootPage();
    this.#steps[key * stepStride + levelStep] = footer.height - 1;
    return footer.height > 0;
  }

  #inRange(key: number, layer: SealedLayer): boolean {
    if (layer.entry.firstLsn > this.#lsn || layer.entry.versions === 0) return false;
    const bytes = this.#keys[key];
    return compareKeys(bytes, layer.firstKey) >= 0 && compareKeys(bytes, layer.lastKey) <= 0;
  }

  /** Whether the index has the key; `undefined` if a page is needed to tell. */
  #descend(key: number, layer: SealedLayer, at: number): boolean | undefined {
    for (;;) {
      const number = this.#steps[key * stepStride + pageStep];
      const page = this.#lookUp(layer, number);
      if (page === undefined) return undefined;
      if (pageLevel(page) !== this.#steps[key * stepStride + levelStep]) {
        throw damaged(layer, number, `level ${this.#steps[key * stepStride + levelStep]}`);
      }
      const entry = searchPage(page, this.#keys[key], this.#lsn);
      if (entry < 0) return false;
      if (this.#steps[key * stepStride + levelStep] === 0) return this.#acceptLeafEntry(key, page, entry, at);
      const child = entryOffset(page, entry);
      if (child >= number) throw damaged(layer, number, "a page under it");
      this.#steps[key * stepStride + pageStep] = child;
      this.#steps[key * stepStride + levelStep]--;
    }
  }

  #acceptLeafEntry(key: number, page: Uint8Array, entry: number, at: number): boolean {
    if (!entryKeyEquals(page, entry, this.#keys[key])) return false;
    const tagged = entryTaggedLength(page, entry);
    const source = (tagged & tombstoneFlag) !== 0 ? tombstone : this.#firstSealedSource + at;
    this.#settle(key, source, entryLsn(page, entry), entryOffset(page, entry), Math.floor(tagged / 4));
    return true;
  }

  #lookUp(layer: SealedLayer, number: number): Uint8Array | undefined {
    const page = this.#context.pages.get(layer.file.cached, number) ?? this.fetched.page(layer.file, number);
    if (page !== undefined) return page;
    const failure = this.fetched.failure(layer.file, number);
    if (failure !== undefined) throw failure;
    this.#need(layer, number);
    return undefined;
  }

  #needFooter(layer: SealedLayer): void {
    const failure = this.fetched.failure(layer.file, footerNumber);
    if (failure !== undefined) throw failure;
    this.#need(layer, footerNumber);
  }

  #need(layer: SealedLayer, number: number): void {
    const numbers = this.#needs.get(layer);
    if (numbers === undefined) this.#needs.set(layer, new Set([number]));
    else numbers.add(number);
  }

  /** Asks for the filter pages of older layers too, so that a key that no layer has takes two rounds and not many. */
  #needFiltersBelow(key: number): void {
    const from = this.#steps[key * stepStride] - 1;
    for (let at = from; at >= 0 && at > from - filtersAhead; at--) {
      const layer = this.#sealed[at];
      if (!this.#inRange(key, layer)) continue;
      const { file } = layer;
      const number = file.footer === undefined ? footerNumber : file.bloomPage(this.#hashes[key]);
      if (this.fetched.failure(file, number) !== undefined) continue;
      const known = number !== footerNumber &&
        (this.fetched.page(file, number) ?? this.#context.pages.get(file.cached, number)) !== undefined;
      if (!known) this.#need(layer, number);
    }
  }
}

function damaged(layer: SealedLayer, number: number, expected: string): CorruptionError {
  return new CorruptionError({
    path: layer.file.path,
    offset: layer.file.pageOffset(number),
    expected,
    found: "an index that contradicts itself",
  });
}
