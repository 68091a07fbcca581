/**
 * Walking the leaves of a stored layer. Leaves lie on disk in the order of keys, so that the cursor reads ahead:
 * first one leaf, then more and more, and together with the cursors that it is merged with.
 *
 * @module
 */

import { pageLevel, searchPage } from "../formats/page_format.ts";
import { contradiction, type StoredLayer } from "../layer.ts";
import {
  type PageSource,
  RangeWalk,
  VersionBlock,
  type VersionCursor,
  type VersionRange,
} from "../version_cursor.ts";
import { childUnder, treePage } from "./descent.ts";
import { loadLeaf } from "./load_leaf.ts";

/**
 * Walks the versions of a stored layer.
 *
 * @param layer The layer.
 * @param range Which versions, and which way.
 */
export function pageCursor(layer: StoredLayer, range: VersionRange = {}): VersionCursor {
  return new PageCursor(layer, range);
}

/** How many leaves are read at once at the most. */
const mostAhead = 16;

class PageCursor implements VersionCursor {
  readonly block: VersionBlock = new VersionBlock();
  at = 0;
  end = 0;
  ended: boolean;
  readonly #layer: StoredLayer;
  readonly #walk: RangeWalk;
  /** The page that is needed next, and its level. */
  #page: number;
  #level: number;
  /** How many leaves are read at once. */
  #ahead = 1;
  /** How many leaves, from the next one on, were asked for. */
  #coming = 0;
  #isLast = false;

  constructor(layer: StoredLayer, range: VersionRange) {
    this.#layer = layer;
    this.#walk = new RangeWalk(range);
    this.ended = layer.description.versions === 0 || this.#walk.isEmpty;
    const { leafPages, indexPages, height } = layer.description;
    const isFromEnd = this.#walk.entry === undefined;
    this.#page = !isFromEnd ? indexPages - 1 : this.#walk.reverse ? leafPages - 1 : 0;
    this.#level = isFromEnd ? 0 : height - 1;
  }

  settle(pages: PageSource): boolean {
    while (this.at >= this.end && !this.ended) {
      if (this.#isLast) this.ended = true;
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
    loadLeaf(this.block, layer, leaf, page, reverse);
    this.at = this.#walk.firstRow(this.block);
    this.end = this.#walk.lastRow(this.block);
    this.#page = leaf + (reverse ? -1 : 1);
    this.#isLast = this.end < this.block.count || !this.#isLeaf(this.#page);
    return true;
  }

  readAhead(pages: PageSource): void {
    if (this.#level > 0 || this.#isLast || this.ended) return;
    if (this.#coming <= this.#ahead >> 1) this.#want(pages);
  }

  /** Asks for the leaves that are not asked for yet. */
  #want(pages: PageSource): void {
    const step = this.#walk.reverse ? -1 : 1;
    for (let i = 0; i < this.#ahead; i++) {
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
