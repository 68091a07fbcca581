/**
 * The pages of one question: those in memory at once, the others read together.
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
import type { ObjectCache } from "../cache/object_cache.ts";
import type { StoredObject } from "../stored_object.ts";
import { PageFetch, type PageObserver } from "./page_fetch.ts";
import { footerNumber, pageKey, PageRead } from "./page_read.ts";

/** How a set of pages works. */
export interface PageSetOptions {
  /** Whether the cache keeps what is read. @default {true} */
  keep?: boolean | undefined;
  /**
   * Whether the set lets go of what it brought when it fetches again, so that a question that goes through many pages
   * holds few. For who needs no page but those that were missing last. @default {false}
   */
  fleeting?: boolean | undefined;
  /** Is told what is read, if anybody wants to know. */
  observer?: PageObserver | undefined;
}

/** The pages of one question. */
export class PageSet {
  readonly #objects: Objects;
  readonly #cache: ObjectCache;
  readonly #keep: boolean;
  readonly #fleeting: boolean;
  readonly #observer: PageObserver | undefined;
  readonly #reads = new Map<number, PageRead>();
  /** What the next fetch reads. */
  #listed: PageRead[] = [];
  #needs = 0;

  /** Starts without a page. */
  constructor(objects: Objects, options: PageSetOptions = {}) {
    this.#objects = objects;
    this.#cache = objects.context.cache;
    this.#keep = options.keep ?? true;
    this.#fleeting = options.fleeting ?? false;
    this.#observer = options.observer;
  }

  /** How many pages it holds, or is to fetch. */
  get count(): number {
    return this.#reads.size;
  }

  /** How many pages the next {@linkcode fetch} reads. */
  get listed(): number {
    return this.#listed.length;
  }

  /** How many pages are missing without which somebody cannot go on. */
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

  /** Reads what was asked for. It never rejects: why a page could not be read is thrown by {@linkcode get}. */
  fetch(): Promise<void> {
    const reads = this.#listed;
    this.#listed = [];
    this.#needs = 0;
    if (this.#fleeting) this.#holdOnly(reads);
    return new PageFetch(this.#objects, this.#observer).run(reads, this.#keep);
  }

  #holdOnly(reads: readonly PageRead[]): void {
    this.#reads.clear();
    for (const read of reads) this.#reads.set(pageKey(read.object, read.page), read);
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
