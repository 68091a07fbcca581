/**
 * Walking the leaves of a sealed layer in key order, either way.
 *
 * A cursor never waits: it says which pages it needs, and goes on when they were fetched. It reads ahead, first a few
 * leaves and then more, since leaves lie on disk in key order.
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../base/mod.ts";
import {
  entryKey,
  entryKeyEquals,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  pageCount,
  pageLevel,
  searchPage,
  tombstoneFlag,
} from "../layer/mod.ts";
import type { SealedLayer } from "./layer_set.ts";
import { type FetchedPages, footerNumber, type PageNeed, type ReadContext } from "./read_context.ts";

/** Where a cursor starts. */
export interface CursorStart {
  /** Forwards: the first entry at or after (key, LSN); backwards: the last one before it. Left out: from the end. */
  key: Uint8Array | undefined;
  /** See {@linkcode key}. */
  lsn: Lsn;
  /** Whether it walks towards smaller keys. */
  reverse: boolean;
}

const mostAhead = 16;

/** A place among the entries of one sealed layer. */
export class LeafCursor {
  readonly #context: ReadContext;
  readonly #layer: SealedLayer;
  readonly #start: CursorStart;
  readonly #pages = new Map<number, Uint8Array>();
  /** The page that is being searched on the way down; −1 before the root. */
  #descent = -1;
  #level = 0;
  #leaf = -1;
  #page: Uint8Array | undefined;
  #entry = 0;
  #ahead = 1;
  #ended = false;

  /** Makes a cursor that stands nowhere yet; {@linkcode settle} takes it to its first entry. */
  constructor(context: ReadContext, layer: SealedLayer, start: CursorStart) {
    this.#context = context;
    this.#layer = layer;
    this.#start = start;
    this.#ended = layer.entry.versions === 0;
  }

  /** Whether there is no entry any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** A copy of the key it stands at. */
  key(): Uint8Array {
    return entryKey(this.#page as Uint8Array, this.#entry);
  }

  /** Whether it stands at a version of `key`. */
  isAt(key: Uint8Array): boolean {
    return entryKeyEquals(this.#page as Uint8Array, this.#entry, key);
  }

  /** The LSN it stands at. */
  lsn(): Lsn {
    return entryLsn(this.#page as Uint8Array, this.#entry);
  }

  /** The offset of the record it stands at. */
  offset(): number {
    return entryOffset(this.#page as Uint8Array, this.#entry);
  }

  /** The length of the record it stands at. */
  length(): number {
    return Math.floor(entryTaggedLength(this.#page as Uint8Array, this.#entry) / 4);
  }

  /** Whether it stands at a tombstone. */
  isTombstone(): boolean {
    return (entryTaggedLength(this.#page as Uint8Array, this.#entry) & tombstoneFlag) !== 0;
  }

  /** Goes to the next entry; then {@linkcode settle} must be asked. */
  step(): void {
    this.#entry += this.#start.reverse ? -1 : 1;
  }

  /**
   * Whether it stands at an entry or has ended. If not, pages are needed, which are then in `needs`.
   *
   * @param needs Where needed pages are added.
   * @param fetched Pages that were read since the last call.
   * @throws {CorruptionError} If a page that it needs is damaged.
   */
  settle(needs: PageNeed[], fetched: FetchedPages | undefined): boolean {
    if (this.#ended) return true;
    if (this.#leaf < 0 && !this.#descend(needs, fetched)) return false;
    for (;;) {
      if (this.#page === undefined && !this.#loadLeaf(needs, fetched)) return false;
      if (this.#entry >= 0 && this.#entry < pageCount(this.#page as Uint8Array)) return true;
      if (!this.#nextLeaf()) return true;
    }
  }

  #nextLeaf(): boolean {
    this.#leaf += this.#start.reverse ? -1 : 1;
    const leaves = this.#layer.file.footer?.leafPages ?? 0;
    this.#page = undefined;
    this.#ended = this.#leaf < 0 || this.#leaf >= leaves;
    this.#entry = this.#start.reverse ? Infinity : 0;
    return !this.#ended;
  }

  #loadLeaf(needs: PageNeed[], fetched: FetchedPages | undefined): boolean {
    this.#page = this.#find(this.#leaf, fetched);
    if (this.#page === undefined) {
      this.#needAhead(needs);
      return false;
    }
    if (this.#entry === Infinity) this.#entry = pageCount(this.#page) - 1;
    return true;
  }

  #needAhead(needs: PageNeed[]): void {
    this.#pages.clear();
    const leaves = this.#layer.file.footer?.leafPages ?? 0;
    const direction = this.#start.reverse ? -1 : 1;
    for (let i = 0; i < this.#ahead; i++) {
      const number = this.#leaf + i * direction;
      if (number < 0 || number >= leaves) break;
      needs.push({ file: this.#layer.file, number });
    }
    this.#ahead = Math.min(mostAhead, this.#ahead * 2);
  }

  #find(number: number, fetched: FetchedPages | undefined): Uint8Array | undefined {
    this.#keep(fetched);
    const { file } = this.#layer;
    const page = this.#pages.get(number) ?? fetched?.page(file, number) ??
      this.#context.pages.get(file.cached, number);
    if (page !== undefined) return page;
    const failure = fetched?.failure(file, number);
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Keeps leaves that were read ahead. */
  #keep(fetched: FetchedPages | undefined): void {
    if (fetched === undefined || this.#leaf < 0) return;
    const direction = this.#start.reverse ? -1 : 1;
    for (let number = this.#leaf;; number += direction) {
      const page = fetched.page(this.#layer.file, number);
      if (page === undefined) return;
      this.#pages.set(number, page);
    }
  }

  /** Goes down to the leaf where it starts; false if a page is needed. */
  #descend(needs: PageNeed[], fetched: FetchedPages | undefined): boolean {
    const { file } = this.#layer;
    const { footer } = file;
    if (footer === undefined) {
      const failure = fetched?.failure(file, footerNumber);
      if (failure !== undefined) throw failure;
      needs.push({ file, number: footerNumber });
      return false;
    }
    if (this.#start.key === undefined) {
      this.#leaf = this.#start.reverse ? footer.leafPages - 1 : 0;
      this.#entry = this.#start.reverse ? Infinity : 0;
      return true;
    }
    if (this.#descent < 0) {
      this.#descent = file.rootPage();
      this.#level = footer.height - 1;
    }
    return this.#descendTo(this.#start.key, needs, fetched);
  }

  #descendTo(key: Uint8Array, needs: PageNeed[], fetched: FetchedPages | undefined): boolean {
    for (;;) {
      const page = this.#find(this.#descent, fetched);
      if (page === undefined) {
        needs.push({ file: this.#layer.file, number: this.#descent });
        return false;
      }
      if (pageLevel(page) !== this.#level) throw this.#damaged(`level ${this.#level}`);
      // LSNs are whole numbers: the last entry before (key, LSN) is the last at or before (key, LSN − 1).
      const before = searchPage(page, key, this.#start.lsn - 1);
      if (this.#level === 0) {
        this.#leaf = this.#descent;
        this.#page = page;
        this.#entry = this.#start.reverse ? before : before + 1;
        return true;
      }
      const child = entryOffset(page, Math.max(0, before));
      if (child >= this.#descent) throw this.#damaged("a page under it");
      this.#descent = child;
      this.#level--;
    }
  }

  #damaged(expected: string): CorruptionError {
    const { file } = this.#layer;
    const offset = file.pageOffset(this.#descent);
    return new CorruptionError({
      path: file.path,
      offset,
      expected,
      found: "an index that contradicts itself",
    });
  }
}
