/**
 * Reading the pages that a question misses: each once, however many want it.
 *
 * @module
 */

import { assert, blockBytes, pageBytes } from "../../base/mod.ts";
import type { Objects } from "../objects.ts";
import type { PageLayout, StoredObject } from "../stored_object.ts";
import { type RangeObserver, RangeRead, type RangeSink, type RangeWants } from "./range_read.ts";
import { footerNumber, pageKey, type PageRead } from "./page_read.ts";

/** Is told what rounds of reading pages bring. */
export interface PageObserver extends RangeObserver {
  /**
   * A round begins.
   *
   * @param pages How many pages it reads itself.
   * @param footers How many footers it reads beside them.
   * @param followed How many pages and footers are on their way for another question.
   */
  fetching(pages: number, footers: number, followed: number): void;
  /** Is told of ranges that are read beside pages. */
  readonly ranges: RangeObserver;
}

/** One round of reading pages. What it reads itself are ranges, an item for each page or footer. */
export class PageFetch implements RangeWants, RangeSink {
  readonly #objects: Objects;
  readonly #observer: PageObserver | undefined;
  /** What this round reads itself, by item. */
  readonly #own: PageRead[] = [];
  /** How many pages are still on their way for other questions. */
  #following = 0;
  #followed: (() => void) | undefined;

  /** Starts nothing yet. */
  constructor(objects: Objects, observer?: PageObserver) {
    this.#objects = objects;
    this.#observer = observer;
  }

  /**
   * Reads pages. It never rejects.
   *
   * @param reads Which, and where they go.
   * @param keep Whether the cache keeps them.
   */
  async run(reads: readonly PageRead[], keep: boolean): Promise<void> {
    const { cache, flights, host: { turns } } = this.#objects.context;
    for (const read of reads) this.#start(read);
    if (this.#observer !== undefined) this.#tell(this.#observer);
    const range = new RangeRead(this.#objects, this, this, "pages", this.#observer);
    while (!range.done) await range.step();
    if (this.#following > 0) {
      turns.awaiting();
      await new Promise<void>((resolve) => this.#followed = resolve);
      turns.answered();
    }
    for (const read of reads) {
      const { object: { own }, page, leader = read } = read;
      read.leader = undefined;
      read.error = leader.error;
      read.bytes = leader.bytes;
      // What cannot be given out is not kept either (P1), nor what is gone.
      const isKept = keep && own.isFooterChecked && !own.isRemoved;
      if (isKept && read.bytes !== undefined) cache.put(own.cached, page, read.bytes);
    }
    for (const { object, page } of this.#own) flights.delete(pageKey(object, page));
  }

  #tell(observer: PageObserver): void {
    const footers = this.#own.filter(({ page }) => page === footerNumber).length;
    observer.fetching(this.#own.length - footers, footers, this.#following);
  }

  /** Reads a page, unless it came since it was asked for, or is on its way: then this round follows that (P2). */
  #start(read: PageRead): void {
    const { object, object: { own }, page } = read;
    const { flights, cache } = this.#objects.context;
    read.bytes = cache.peek(own.cached, page);
    if (read.bytes !== undefined || page === footerNumber && own.isFooterChecked) return;
    const key = pageKey(object, page);
    const leader = read.leader = flights.get(key);
    if (leader === undefined) {
      flights.set(key, read);
      this.#own.push(read);
      if (page !== footerNumber) cache.counters.pageMisses++;
    } else if (leader.bytes === undefined && leader.error === undefined) {
      this.#following++;
      (leader.listeners ??= []).push(this.#onLanded);
    }
  }

  readonly #onLanded = (): void => {
    if (--this.#following === 0) this.#followed?.();
  };

  /** See {@linkcode RangeWants.count}. */
  get count(): number {
    return this.#own.length;
  }

  /** See {@linkcode RangeWants.objectOf}. */
  objectOf(item: number): StoredObject {
    return this.#own[item].object;
  }

  /** See {@linkcode RangeWants.offsetOf}. */
  offsetOf(item: number): number {
    const { object, page } = this.#own[item];
    const layout = layoutOf(object);
    return page === footerNumber ? layout.byteLength - blockBytes : layout.offsetOf(page);
  }

  /** See {@linkcode RangeWants.lengthOf}. */
  lengthOf(item: number): number {
    return this.#own[item].page === footerNumber ? blockBytes : pageBytes;
  }

  /** Checks a page, or a footer, and takes a copy; see {@linkcode RangeSink.accept}. */
  accept(item: number, bytes: Uint8Array, _view: DataView, at: number, length: number): void {
    const read = this.#own[item], { object, page } = read;
    if (page === footerNumber) {
      layoutOf(object).checkFooter(bytes.subarray(at, at + length));
      object.own.isFooterChecked = true;
    } else {
      const copy = bytes.slice(at, at + length);
      layoutOf(object).checkPage(page, copy);
      read.bytes = copy;
    }
    read.listeners?.forEach((listener) => listener());
  }

  /** See {@linkcode RangeSink.fail}. */
  fail(item: number, error: Error): void {
    const read = this.#own[item];
    read.error = error;
    read.listeners?.forEach((listener) => listener());
  }
}

function layoutOf(object: StoredObject): PageLayout {
  assert(object.layout !== undefined, "only objects with a layout have pages");
  return object.layout;
}
