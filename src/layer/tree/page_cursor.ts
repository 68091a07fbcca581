/**
 * Walking the leaves of a stored layer, and in a sorted layer the runs of records that its slots lead to. Both lie on
 * disk in the order of keys, so that the cursor reads ahead: first little, then more and more, and together with the
 * cursors that it is merged with.
 *
 * ```
 *   leaf of an L0            │ record │ record │ record │ …       its slots are the rows
 *   leaf of a sorted layer   │ run │ run │ run │ record │ run │ …
 *                              └─ stretch ───┘   └ a row  └ stretch: its records are the rows
 * ```
 *
 * @module
 */

import { pageLevel, runFlag, searchPage } from "../formats/page_format.ts";
import { contradiction, misplacedRecord, type StoredLayer } from "../layer.ts";
import {
  type PageSource,
  RangeWalk,
  VersionBlock,
  type VersionCursor,
  type VersionRange,
} from "../version_cursor.ts";
import { childUnder, treePage } from "./descent.ts";
import { loadLeaf } from "./load_leaf.ts";
import type { RowOrder } from "./row_order.ts";
import { Stretches } from "./stretches.ts";

/**
 * Walks the versions of a stored layer.
 *
 * @param layer The layer.
 * @param range Which versions, and which way.
 * @param order Looks at every row before it is handed on, of a walk through all of the layer. Left out, nobody does: what
 * only reads pays for what it reads.
 */
export function pageCursor(layer: StoredLayer, range: VersionRange = {}, order?: RowOrder): VersionCursor {
  return new PageCursor(layer, range, order);
}

/** How many leaves are read at once at the most. One whose slots lead to runs leads to a megabyte, and is read alone. */
const mostAhead = 16;

class PageCursor implements VersionCursor {
  block: VersionBlock;
  at = 0;
  end = 0;
  ended: boolean;
  readonly #layer: StoredLayer;
  readonly #walk: RangeWalk;
  readonly #order: RowOrder | undefined;
  /** The page that is needed next, and its level. */
  #page: number;
  #level: number;
  /** How many leaves are read at once. */
  #ahead = 1;
  /** How many leaves, from the next one on, were asked for. */
  #coming = 0;
  #isLast = false;
  /** The slots of the leaf, the next of them that is walked, and the one after the last that may count. */
  readonly #slots = new VersionBlock();
  #slot = 0;
  #slotsEnd = 0;
  /** The records of runs; made where there are any. */
  #runs: Stretches | undefined;

  constructor(layer: StoredLayer, range: VersionRange, order: RowOrder | undefined) {
    this.#layer = layer;
    this.#walk = new RangeWalk(range);
    this.#order = order;
    this.block = this.#slots;
    this.ended = layer.description.versions === 0 || this.#walk.isEmpty;
    const { leafPages, indexPages, height } = layer.description;
    const isFromEnd = this.#walk.entry === undefined;
    this.#page = !isFromEnd ? indexPages - 1 : this.#walk.reverse ? leafPages - 1 : 0;
    this.#level = isFromEnd ? 0 : height - 1;
  }

  settle(pages: PageSource): boolean {
    while (this.at >= this.end && !this.ended) {
      if (this.#slot < this.#slotsEnd) {
        if (!this.#loadRows(pages)) return false;
        if (this.#order !== undefined) this.#checkOrder(this.#order);
      } else if (this.#isLast) this.ended = true;
      else if (!this.#load(pages)) return false;
    }
    return true;
  }

  step(rows = 1): void {
    this.at += rows;
  }

  /** Loads the next leaf; false if a page is needed. */
  #load(pages: PageSource): boolean {
    const { entry, reverse } = this.#walk, layer = this.#layer;
    for (; this.#level > 0 && entry !== undefined; this.#level--) {
      const page = treePage(layer, this.#page, this.#level, pages);
      if (page === undefined) return false;
      // LSNs are whole numbers: the last slot before (key, LSN) is the last at or before (key, LSN − 1).
      const slot = searchPage(page, entry.key, entry.lsn - 1);
      this.#page = childUnder(layer, this.#page, page, Math.max(0, slot));
    }
    const leaf = this.#page;
    const page = pages.take(layer.object, leaf);
    if (page === undefined) {
      if (this.#coming === 0) this.#want(pages);
      return false;
    }
    if (this.#coming > 0) this.#coming--;
    if (pageLevel(page) !== 0) throw contradiction(layer, leaf, "level 0");
    loadLeaf(this.#slots, layer, leaf, page, reverse);
    this.#enter(leaf);
    return true;
  }

  /** Finds the slots of a leaf that count. A run that starts in front of the range may have rows in it. */
  #enter(leaf: number): void {
    const slots = this.#slots, walk = this.#walk, { reverse } = walk;
    const first = walk.firstRow(slots), end = walk.lastRow(slots);
    this.#slot = !reverse && isRun(slots, first - 1) ? first - 1 : first;
    this.#slotsEnd = reverse && isRun(slots, end) ? end + 1 : end;
    this.#page = leaf + (reverse ? -1 : 1);
    this.#isLast = end < slots.count || !this.#isLeaf(this.#page);
    this.#runs?.enter(leaf, this.#slot, this.#slotsEnd);
  }

  /** Stands at the rows of the next slots; false if their records are needed. */
  #loadRows(pages: PageSource): boolean {
    const slots = this.#slots;
    if (!isRun(slots, this.#slot)) {
      this.block = slots;
      this.at = this.#slot;
      while (this.#slot < this.#slotsEnd && !isRun(slots, this.#slot)) this.#slot++;
      this.end = this.#slot;
      return true;
    }
    const runs = this.#runs ??= this.#openRuns();
    const next = runs.load(this.#slot, pages);
    if (next < 0) {
      if (runs.isAllWanted) this.readAhead(pages);
      return false;
    }
    this.#slot = next;
    this.block = runs.rows;
    this.at = this.#walk.firstRow(runs.rows);
    this.end = this.#walk.lastRow(runs.rows);
    if (this.end < runs.rows.count) {
      this.#slot = this.#slotsEnd;
      this.#isLast = true;
    }
    return true;
  }

  /** Checks the rows that were loaded. */
  #checkOrder(order: RowOrder): void {
    const layer = this.#layer, { block, at, end } = this;
    const row = at < end ? order.check(block, at, end) : -1;
    if (row < 0) return;
    if (block !== this.#slots) throw misplacedRecord(layer, block.offset[row]);
    throw contradiction(layer, this.#leaf, "slots in order, within the keys and the LSNs of its layer");
  }

  /** The leaf whose slots are walked. */
  get #leaf(): number {
    return this.#page + (this.#walk.reverse ? 1 : -1);
  }

  #openRuns(): Stretches {
    const runs = new Stretches(this.#layer, this.#slots, this.#walk.reverse);
    runs.enter(this.#leaf, this.#slot, this.#slotsEnd);
    return runs;
  }

  readAhead(pages: PageSource): void {
    if (this.#level > 0 || this.ended) return;
    const runs = this.#runs;
    if (runs !== undefined && this.#slot < this.#slotsEnd) runs.readAhead(this.#slot, pages);
    if (this.#isLast || runs !== undefined && !runs.isAllWanted) return;
    const ahead = runs === undefined ? this.#ahead >> 1 : 0;
    if (this.#coming <= ahead) this.#want(pages);
  }

  /** Asks for the leaves that are not asked for yet. */
  #want(pages: PageSource): void {
    const step = this.#walk.reverse ? -1 : 1, ahead = this.#runs === undefined ? this.#ahead : 1;
    for (let i = 0; i < ahead; i++) {
      const leaf = this.#page + this.#coming * step;
      if (!this.#isLeaf(leaf)) break;
      pages.want(this.#layer.object, leaf);
      this.#coming++;
    }
    this.#ahead = Math.min(mostAhead, this.#ahead * 2);
  }

  #isLeaf(page: number): boolean {
    return page >= 0 && page < this.#layer.description.leafPages;
  }
}

/** Whether a slot leads to a run. Behind the last one stands what a leaf before this one left. */
function isRun({ flags, count }: VersionBlock, slot: number): boolean {
  return slot < count && flags[slot] === runFlag;
}
