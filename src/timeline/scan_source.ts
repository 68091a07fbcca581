/**
 * The keys of one layer in key order, each with its newest version at or before an LSN.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../base/mod.ts";
import type { MemoryIndex } from "../layer/mod.ts";
import type { SealedLayer } from "./layer_set.ts";
import { LeafCursor } from "./leaf_cursor.ts";
import type { FetchedPages, PageNeed, ReadContext } from "./read_context.ts";

/** A range of keys in one direction. */
export interface ScanBounds {
  /** The first key that counts, or the least there is. */
  readonly start: Uint8Array | undefined;
  /** The first key that does not count any more, or none. */
  readonly end: Uint8Array | undefined;
  /** Whether keys come from the largest to the smallest. */
  readonly reverse: boolean;
}

/** A key, and where its version lies. */
export interface ScanItem {
  readonly key: Uint8Array;
  readonly lsn: Lsn;
  readonly offset: number;
  readonly length: number;
  readonly deleted: boolean;
}

/** The keys of one layer, in order. */
export interface ScanSource {
  /** The key it stands at; `undefined` at its end. Valid after {@linkcode settle} returned true. */
  readonly item: ScanItem | undefined;
  /** Whether {@linkcode item} is valid; if not, pages were added to `needs`. */
  settle(needs: PageNeed[], fetched: FetchedPages | undefined): boolean;
  /** Leaves the key it stands at; then {@linkcode settle} must be asked. */
  next(): void;
}

/** The keys of a layer whose index is in memory. */
export class MemoryScanSource implements ScanSource {
  item: ScanItem | undefined;
  readonly #index: MemoryIndex;
  readonly #lsn: Lsn;
  readonly #sorted: Uint32Array;
  readonly #step: number;
  #at: number;
  readonly #stop: number;

  /** Takes the keys there are now; later ones do not matter, since their LSNs are beyond the read's. */
  constructor(index: MemoryIndex, bounds: ScanBounds, lsn: Lsn) {
    this.#index = index;
    this.#lsn = lsn;
    this.#sorted = index.sortedKeys();
    const from = bounds.start === undefined ? 0 : this.#lowerBound(bounds.start);
    const to = bounds.end === undefined ? this.#sorted.length : this.#lowerBound(bounds.end);
    this.#step = bounds.reverse ? -1 : 1;
    this.#at = bounds.reverse ? to - 1 : from;
    this.#stop = bounds.reverse ? from - 1 : Math.max(from, to);
  }

  #lowerBound(key: Uint8Array): number {
    let low = 0, high = this.#sorted.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (compareKeys(this.#index.keyOf(this.#sorted[middle]), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  settle(): boolean {
    const index = this.#index;
    for (; this.item === undefined && (this.#stop - this.#at) * this.#step > 0; this.#at += this.#step) {
      const key = this.#sorted[this.#at];
      const entry = index.seek(key, this.#lsn);
      if (entry < 0) continue;
      this.item = {
        key: index.keyOf(key).slice(),
        lsn: index.lsnOf(entry),
        offset: index.offsetOf(entry),
        length: index.lengthOf(entry),
        deleted: index.isTombstone(entry),
      };
    }
    return true;
  }

  next(): void {
    this.item = undefined;
  }
}

/** The keys of a sealed layer. */
export class SealedScanSource implements ScanSource {
  item: ScanItem | undefined;
  readonly #cursor: LeafCursor;
  readonly #bounds: ScanBounds;
  readonly #lsn: Lsn;
  /** The newest version so far of the key that is being passed. */
  #candidate: ScanItem | undefined;
  #passed: Uint8Array | undefined;

  /** Starts at the first key of the range. */
  constructor(context: ReadContext, layer: SealedLayer, bounds: ScanBounds, lsn: Lsn) {
    const key = bounds.reverse ? bounds.end : bounds.start;
    this.#cursor = new LeafCursor(context, layer, { key, lsn: 0, reverse: bounds.reverse });
    this.#bounds = bounds;
    this.#lsn = lsn;
  }

  settle(needs: PageNeed[], fetched: FetchedPages | undefined): boolean {
    while (this.item === undefined) {
      if (!this.#cursor.settle(needs, fetched)) return false;
      if (this.#cursor.ended) {
        this.#takeCandidate();
        return true;
      }
      const isEnd = this.#bounds.reverse ? this.#stepBackwards() : this.#stepForwards();
      if (isEnd) return true;
    }
    return true;
  }

  next(): void {
    this.item = undefined;
  }

  #takeCandidate(): void {
    this.item = this.#candidate;
    this.#candidate = undefined;
  }

  /** Versions come oldest first: the last one that counts is known when another key comes. */
  #stepForwards(): boolean {
    const candidate = this.#candidate;
    if (candidate !== undefined && !this.#cursor.isAt(candidate.key)) {
      this.#takeCandidate();
      return false;
    }
    const key = candidate?.key ?? this.#cursor.key();
    if (candidate === undefined && this.#isOutside(key)) return true;
    if (this.#cursor.lsn() <= this.#lsn) this.#candidate = this.#read(key);
    this.#cursor.step();
    return false;
  }

  /** Versions come newest first: the first one that counts is it, the rest of the key is passed over. */
  #stepBackwards(): boolean {
    const isPassed = this.#passed !== undefined && this.#cursor.isAt(this.#passed);
    if (!isPassed) {
      const key = this.#cursor.key();
      if (this.#isOutside(key)) return true;
      if (this.#cursor.lsn() <= this.#lsn) {
        this.item = this.#read(key);
        this.#passed = key;
      }
    }
    this.#cursor.step();
    return false;
  }

  #isOutside(key: Uint8Array): boolean {
    const { start, end, reverse } = this.#bounds;
    if (reverse) return start !== undefined && compareKeys(key, start) < 0;
    return end !== undefined && compareKeys(key, end) >= 0;
  }

  #read(key: Uint8Array): ScanItem {
    const cursor = this.#cursor;
    return {
      key,
      lsn: cursor.lsn(),
      offset: cursor.offset(),
      length: cursor.length(),
      deleted: cursor.isTombstone(),
    };
  }
}
