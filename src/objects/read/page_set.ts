/**
 * The pages of one question, and ranges beside them: those in memory at once, the others read together.
 *
 * ```
 *   get ─► in this set? ─► in the cache? ─► noted ──fetch()──► on its way for somebody else? waited for
 *                                                         └──► else planned, read, checked
 * ```
 *
 * P1  A page is given out only after it and the footer of its object were checked.
 * P2  Of the questions that want a page at the same time one reads it. A read that others wait for waits for none
 *     itself, so that nobody waits in a circle.
 * P3  Why a page could not be read is remembered by the set that asked for it: another question tries anew.
 *
 * A set belongs to one question, which asks, awaits `fetch`, and asks again.
 *
 * @module
 */

import type { Objects } from "../objects.ts";
import { RangeMemory } from "./range_memory.ts";
import type { ObjectCache } from "../cache/object_cache.ts";
import type { StoredObject } from "../stored_object.ts";
import { PageFetch, type PageObserver } from "./page_fetch.ts";
import { footerNumber, pageKey, PageRead } from "./page_read.ts";
import { LentRange, RangeFetch, RangesWanted, RangeWanted } from "./summed_range.ts";

/** How a set of pages works. */
export interface PageSetOptions {
  /** Whether the cache keeps what is read. @default {true} */
  keep?: boolean | undefined;
  /**
   * Whether the set lets go of what it brought when it fetches again, so that a question that goes through many pages
   * holds few. For who needs no page but those that were missing last. @default {false}
   */
  fleeting?: boolean | undefined;
  /**
   * Whether whoever takes a range gives it back ({@linkcode PageSet.giveBack}), for others to be read into its memory.
   * @default {false}
   */
  reuse?: boolean | undefined;
  /** Is told what is read, if anybody wants to know. */
  observer?: PageObserver | undefined;
}

/** The pages of one question. */
export class PageSet {
  readonly #objects: Objects;
  readonly #cache: ObjectCache;
  readonly #keep: boolean;
  readonly #fleeting: boolean;
  readonly #memory: RangeMemory | undefined;
  readonly #observer: PageObserver | undefined;
  readonly #reads = new Map<number, PageRead>();
  /** What the next fetch reads. */
  #listed: PageRead[] = [];
  readonly #ranges = new RangesWanted();
  #listedRanges: RangeWanted[] = [];
  readonly #lent = new LentRange();
  #needs = 0;

  /** Starts without a page. */
  constructor(objects: Objects, options: PageSetOptions = {}) {
    this.#objects = objects;
    this.#cache = objects.context.cache;
    this.#keep = options.keep ?? true;
    this.#fleeting = options.fleeting ?? false;
    this.#memory = options.reuse === true ? new RangeMemory() : undefined;
    this.#observer = options.observer;
  }

  /** How many pages and ranges it holds, or is to fetch. */
  get count(): number {
    return this.#reads.size + this.#ranges.size;
  }

  /** How many pages and ranges the next {@linkcode fetch} reads. */
  get listed(): number {
    return this.#listed.length + this.#listedRanges.length;
  }

  /** How many pages and ranges are missing without which somebody cannot go on. */
  get needs(): number {
    return this.#needs;
  }

  /**
   * A page, if it is in memory; otherwise it is noted for the next {@linkcode fetch}.
   *
   * @param object An object with pages.
   * @param page The number of the page.
   * @returns The page, which must not be changed and stays as it is.
   * @throws {Error} Why it could not be read, if this set tried.
   */
  get(object: StoredObject, page: number): Uint8Array | undefined {
    // What this question brought itself is not used again by being taken.
    const isOwn = this.#reads.size > 0 && this.#reads.get(pageKey(object, page))?.bytes !== undefined;
    const cached = isOwn ? undefined : this.#cache.get(object.own.cached, page);
    return cached ?? this.#find(object, page);
  }

  /** Asks for a page ahead: the next {@linkcode fetch} reads it too, and nobody waits for it alone. */
  want(object: StoredObject, page: number): void {
    if (this.#cache.peek(object.own.cached, page) !== undefined) return;
    const key = pageKey(object, page);
    if (!this.#reads.has(key)) this.#list(key, object, page);
  }

  /** As {@linkcode get}, but the set lets go of the page. */
  take(object: StoredObject, page: number): Uint8Array | undefined {
    const bytes = this.get(object, page);
    if (bytes !== undefined) this.#reads.delete(pageKey(object, page));
    return bytes;
  }

  /** Takes over the pages of an object that another set brought and has not let go of. */
  takeOver(other: PageSet, object: StoredObject): void {
    for (const [key, read] of other.#reads) {
      if (read.object !== object || read.bytes === undefined) continue;
      other.#reads.delete(key);
      this.#reads.set(key, read);
    }
  }

  /**
   * A range, if it is in memory; otherwise it is noted for the next {@linkcode fetch}.
   *
   * @param object An object, of which a page was given out (P1).
   * @param offset Where the range starts.
   * @param length Its length in bytes.
   * @param sum Its checksum.
   * @returns The range, lent until this set is asked for another one.
   * @throws {Error} Why it could not be read, if this set tried.
   */
  getRange(object: StoredObject, offset: number, length: number, sum: number): LentRange | undefined {
    const own = this.#ranges.get(object, offset, length);
    if (own?.bytes !== undefined) {
      return this.#lent.set(own.bytes, own.at, own.isIntact);
    }
    const cache = this.#cache, place = cache.findRange(object.own.cached, offset);
    if (place !== 0 && cache.lengthAt(place) === length) {
      cache.useRange(place);
      return this.#lent.set(cache.bytesAt(place), cache.offsetAt(place), true);
    }
    this.#need(own ?? this.#listRange(object, offset, length, sum));
    return undefined;
  }

  /** Asks for a range ahead, of any length: the next {@linkcode fetch} reads it too, and nobody waits for it alone. */
  wantRange(object: StoredObject, offset: number, length: number): void {
    if (this.#ranges.get(object, offset, length) === undefined) {
      this.#listRange(object, offset, length, undefined);
    }
  }

  /**
   * As {@linkcode getRange}, of any length and from the object alone: the set lets go of the range, which then is whoever
   * asked's, and nobody has looked whether it checks.
   */
  takeRange(object: StoredObject, offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const own = this.#ranges.get(object, offset, length);
    if (own?.bytes !== undefined) {
      this.#ranges.delete(own);
      return own.bytesAlone;
    }
    this.#need(own ?? this.#listRange(object, offset, length, undefined));
    return undefined;
  }

  /** Takes back a range that was taken, and that nobody looks at any more. */
  giveBack(range: Uint8Array<ArrayBuffer>): void {
    this.#memory?.giveBack(range);
  }

  /** Gives up memory that waits to be used again: nothing is asked for any more. */
  end(): void {
    this.#memory?.end();
  }

  #need(range: RangeWanted): void {
    if (range.error !== undefined) throw range.error;
    if (range.isNeeded) return;
    range.isNeeded = true;
    this.#needs++;
  }

  #listRange(object: StoredObject, offset: number, length: number, sum: number | undefined): RangeWanted {
    const range = new RangeWanted(object, offset, length, sum);
    this.#ranges.set(range);
    this.#listedRanges.push(range);
    return range;
  }

  /** Reads what was asked for. It never rejects: why something could not be read is thrown by who is asked for it. */
  async fetch(): Promise<void> {
    const reads = this.#listed, ranges = this.#listedRanges;
    this.#listed = [];
    this.#listedRanges = [];
    this.#needs = 0;
    if (this.#fleeting) this.#holdOnly(reads, ranges);
    const pages = new PageFetch(this.#objects, this.#observer).run(reads, this.#keep);
    const options = { keep: this.#keep, memory: this.#memory, observer: this.#observer?.ranges };
    await new RangeFetch(this.#objects, ranges, options).run();
    await pages;
  }

  #holdOnly(reads: readonly PageRead[], ranges: readonly RangeWanted[]): void {
    this.#reads.clear();
    for (const read of reads) this.#reads.set(pageKey(read.object, read.page), read);
    this.#ranges.clear();
    for (const range of ranges) this.#ranges.set(range);
  }

  #find(object: StoredObject, page: number): Uint8Array | undefined {
    const key = pageKey(object, page);
    const read = this.#reads.get(key) ?? this.#list(key, object, page);
    const isUnchecked = read.bytes !== undefined && !object.own.isFooterChecked;
    const { error } = isUnchecked ? this.#footerOf(object) : read;
    if (error !== undefined) throw error;
    if (read.bytes === undefined && !read.isNeeded) {
      read.isNeeded = true;
      this.#needs++;
    }
    return read.bytes;
  }

  #list(key: number, object: StoredObject, page: number): PageRead {
    const read = new PageRead(object, page);
    this.#reads.set(key, read);
    this.#listed.push(read);
    if (page !== footerNumber && !object.own.isFooterChecked) this.#footerOf(object);
    return read;
  }

  #footerOf(object: StoredObject): PageRead {
    const key = pageKey(object, footerNumber);
    return this.#reads.get(key) ?? this.#list(key, object, footerNumber);
  }
}
