/**
 * Checking the index of a layer and its filter: every page, by itself and against its neighbours.
 *
 * ```
 *   filter pages ─► in memory, 12 bits a key
 *   leaf 0 │ leaf 1 │ ░░░░░░ │ leaf 3 │ … parents … │ root       slots in order, every key in the filter,
 *                    └ keys between its neighbours are lost      every page under the next slot of the level above
 * ```
 *
 * @module
 */

import { CorruptionError, type IoError, pageBytes } from "../../base/mod.ts";
import { hashKey } from "../formats/key_hash.ts";
import {
  pageCount,
  pageHeaderBytes,
  pageLevel,
  prefixLength,
  runFlag,
  slotLsn,
  slotOffset,
  suffixStart,
  terminalFlag,
  tombstoneFlag,
} from "../formats/page_format.ts";
import { contradiction, type StoredLayer } from "../layer.ts";
import { isSameSpan } from "../spans.ts";
import { loadLeaf } from "../tree/load_leaf.ts";
import { compareRowKey, compareRows, rowKey, VersionBlock } from "../version_cursor.ts";
import { FilterCheck } from "./filter_check.ts";
import { type Inspector, Loss } from "./finding.ts";
import type { ObjectSource } from "./pieces.ts";
import { readPages, type TakePage } from "./read_pages.ts";
import { fingerprint, regionBytes } from "./slots.ts";

/** A stretch of leaves that cannot be read, and between which versions those lie that are lost. */
export interface LostLeaves {
  /** The first page. */
  readonly first: number;
  /** The page behind the last. */
  end: number;
  /** What is wrong with the first. */
  readonly error: CorruptionError | IoError;
  /** The last key before; `undefined` at the start. */
  readonly after: Uint8Array | undefined;
  /** The first key behind; `undefined` at the end. */
  before: Uint8Array | undefined;
  /** Versions that no slot leads to any more; found out when the values go by. */
  readonly loss: Loss;
}

/** What an index says, taken together. */
export interface CheckedIndex {
  /** Stretches of leaves that cannot be read. */
  readonly lostLeaves: readonly LostLeaves[];
  /** How many slots lead into each stretch of {@linkcode regionBytes} of the file. */
  readonly slotsByRegion: Uint32Array;
  /** Counts of what was read; in a sorted layer its records are counted when the values go by. */
  readonly tally: IndexTally;
  /** The filter; in a sorted layer its keys are checked when the values go by, and then it is finished. */
  readonly filter: FilterCheck;
}

/** Counts over all slots, as a description has them. */
export interface IndexTally {
  /** Slots. */
  versions: number;
  /** Tombstones among them. */
  tombstones: number;
  /** Patches among them, which need older versions. */
  patches: number;
  /** Distinct keys. */
  keys: number;
  /** The smallest key. */
  firstKey: Uint8Array;
  /** The largest key. */
  lastKey: Uint8Array;
}

/**
 * Checks the index and the filter of a layer.
 *
 * @param objects Where it lies.
 * @param layer The layer, described as it is found to be.
 * @param inspector Who is told of damage, but for that of leaves, which is known whole only when the values went by.
 */
export async function checkIndex(
  objects: ObjectSource,
  layer: StoredLayer,
  inspector: Inspector,
): Promise<CheckedIndex> {
  const { leafPages, indexPages, filterPages } = layer.description;
  const filter = new FilterCheck(layer);
  await readPages(objects, layer, inspector, indexPages, indexPages + filterPages, filter.take);
  const index = new IndexCheck(layer, inspector, filter);
  await readPages(objects, layer, inspector, 0, leafPages, index.takeLeaf);
  await readPages(objects, layer, inspector, leafPages, indexPages, index.takeParent);
  index.finish();
  if (layer.description.kind === "L0") filter.finish(inspector);
  inspector.read((indexPages + filterPages) * pageBytes);
  return index;
}

/** Pages of an index as they go by, from the first leaf to the root. */
class IndexCheck implements CheckedIndex {
  readonly lostLeaves: LostLeaves[] = [];
  readonly slotsByRegion: Uint32Array;
  readonly tally: IndexTally = {
    versions: 0,
    tombstones: 0,
    patches: 0,
    keys: 0,
    firstKey: new Uint8Array(0),
    lastKey: new Uint8Array(0),
  };
  readonly filter: FilterCheck;
  readonly #layer: StoredLayer;
  readonly #inspector: Inspector;
  readonly #block = new VersionBlock();
  /** The last slot, and where what it leads to ends. */
  #lastKey: Uint8Array = new Uint8Array(0);
  #lastLsn = -1;
  #lastEnd = 0;
  /** Of each page, what tells its first slot and its level; 0 if it cannot be read. */
  readonly #firsts: Float64Array;
  readonly #levels: Uint8Array;
  /** The page that must stand under the next slot. */
  #child = 0;

  constructor(layer: StoredLayer, inspector: Inspector, filter: FilterCheck) {
    const { valuesEnd, indexPages } = layer.description;
    this.#layer = layer;
    this.#inspector = inspector;
    this.filter = filter;
    this.slotsByRegion = new Uint32Array(Math.ceil(valuesEnd / regionBytes));
    this.#firsts = new Float64Array(indexPages);
    this.#levels = new Uint8Array(indexPages);
  }

  readonly takeLeaf: TakePage = (number, page): void => {
    const block = this.#block;
    try {
      if (page instanceof Error) throw page;
      loadLeaf(block, this.#layer, number, page, false);
      this.#checkOrder(number);
      this.#checkPlaces(number);
    } catch (error) {
      if (!(error instanceof CorruptionError) && error !== page) throw error;
      return this.#lose(number, error as CorruptionError | IoError);
    }
    const last = this.lostLeaves.at(-1);
    if (last?.end === number) last.before = rowKey(block, 0);
    this.#firsts[number] = firstOf(page);
    this.#count();
  };

  /** Checks that slots increase by (key, LSN), also from leaf to leaf. */
  #checkOrder(number: number): void {
    const block = this.#block;
    let order = compareRowKey(block, 0, this.#lastKey) || block.lsn[0] - this.#lastLsn;
    for (let row = 1; row < block.count && order > 0; row++) order = compareRows(block, row, block, row - 1);
    if (order <= 0) throw contradiction(this.#layer, number, "slots in the order of their keys");
  }

  /** Checks that slots of a sorted layer lead on and on, and that those of an L0 lead to records. */
  #checkPlaces(number: number): void {
    const { count, offset, length, flags } = this.#block, layer = this.#layer;
    const isSorted = layer.description.kind !== "L0";
    let end = this.#lastEnd;
    for (let row = 0; row < count; row++) {
      if (isSorted && offset[row] < end) {
        throw contradiction(layer, number, "slots in the order of their records");
      }
      if (!isSorted && flags[row] === runFlag) {
        throw contradiction(layer, number, "slots that lead to records");
      }
      end = offset[row] + length[row];
    }
  }

  #count(): void {
    const block = this.#block, { slotsByRegion } = this, last = block.count - 1;
    for (let row = 0; row < block.count; row++) slotsByRegion[Math.floor(block.offset[row] / regionBytes)]++;
    if (this.#layer.description.kind === "L0") this.#countVersions();
    this.#lastKey = rowKey(block, last);
    this.#lastLsn = block.lsn[last];
    this.#lastEnd = block.offset[last] + block.length[last];
  }

  #countVersions(): void {
    const block = this.#block, { tally } = this;
    for (let row = 0; row < block.count; row++) {
      const isKnown = row === 0
        ? compareRowKey(block, 0, tally.lastKey) === 0
        : isSameKey(block, row - 1, row);
      if (!isKnown) {
        tally.keys++;
        const hash = hashKey(block.bytes, block.keyStart[row], block.keyLength[row]);
        this.filter.check(() => rowKey(block, row), hash, block.lsn[row]);
      }
      if (block.flags[row] & tombstoneFlag) tally.tombstones++;
      else if ((block.flags[row] & terminalFlag) === 0) tally.patches++;
    }
    if (tally.versions === 0) tally.firstKey = rowKey(block, 0);
    tally.versions += block.count;
    tally.lastKey = rowKey(block, block.count - 1);
  }

  #lose(number: number, error: CorruptionError | IoError): void {
    const last = this.lostLeaves.at(-1);
    if (last?.end === number) {
      last.end++;
      return;
    }
    const after = this.#lastLsn < 0 ? undefined : this.#lastKey;
    this.lostLeaves.push({
      first: number,
      end: number + 1,
      error,
      after,
      before: undefined,
      loss: new Loss(),
    });
  }

  readonly takeParent: TakePage = (number, page): void => {
    try {
      if (page instanceof Error) throw page;
      this.#checkChildren(number, page);
      this.#firsts[number] = firstOf(page);
      this.#levels[number] = pageLevel(page);
    } catch (error) {
      if (!(error instanceof CorruptionError) && error !== page) throw error;
      this.#child = NaN;
      this.#loseParent(number, error as CorruptionError | IoError);
    }
  };

  /** Checks that the next pages stand under the slots of a page, each with its first slot (P2, P3). */
  #checkChildren(number: number, page: Uint8Array): void {
    // Behind a page that cannot be read nobody knows which pages are next.
    if (Number.isNaN(this.#child)) this.#child = slotOffset(page, 0);
    for (let slot = 0; slot < pageCount(page); slot++, this.#child++) {
      const child = slotOffset(page, slot), isNext = child === this.#child && child < number;
      const isRead = isNext && this.#firsts[child] !== 0;
      const isRight = isNext &&
        (!isRead || this.#firsts[child] === slotPrint(page, slot) &&
            this.#levels[child] === pageLevel(page) - 1);
      if (!isRight) throw contradiction(this.#layer, number, `the first slot of page ${this.#child}`);
    }
  }

  /** What stands under a page above the leaves is not known without it: any key of the layer may. */
  #loseParent(number: number, error: CorruptionError | IoError): void {
    const { description: { valuesEnd, firstKey, lastKey, firstLsn, lastLsn, indexPages, versions } } = this
      .#layer;
    const keys = {
      first: firstKey,
      last: lastKey,
      versions: number === indexPages - 1 ? versions : undefined,
    };
    const offset = valuesEnd + number * pageBytes;
    this.#inspector.found({
      error,
      offset,
      length: pageBytes,
      keys,
      lsns: { first: firstLsn, last: lastLsn },
    });
  }

  finish(): void {
    const { indexPages } = this.#layer.description;
    const isWhole = Number.isNaN(this.#child) || this.#child === indexPages - 1 || indexPages === 0;
    if (isWhole) return;
    const error = contradiction(this.#layer, indexPages - 1, `a root above ${indexPages - 1} pages`);
    this.#loseParent(indexPages - 1, error);
  }
}

function isSameKey({ bytes, keyStart, keyLength }: VersionBlock, a: number, b: number): boolean {
  return keyLength[a] === keyLength[b] && isSameSpan(bytes, keyStart[a], bytes, keyStart[b], keyLength[a]);
}

/** What tells the first slot of a page. */
function firstOf(page: Uint8Array): number {
  return slotPrint(page, 0);
}

/** What tells the key and the LSN of a slot. */
function slotPrint(page: Uint8Array, slot: number): number {
  const prefix = page.subarray(pageHeaderBytes, pageHeaderBytes + prefixLength(page));
  const suffix = page.subarray(suffixStart(page, slot), suffixStart(page, slot + 1));
  const key = new Uint8Array(prefix.length + suffix.length);
  key.set(prefix);
  key.set(suffix, prefix.length);
  return fingerprint(hashKey(key, 0, key.length), slotLsn(page, slot), 0, 0);
}
