/**
 * A bounded cache of checked pages, over all files.
 *
 * Each file keeps its own pages by number, so that a hit costs two array reads; the cache decides which pages stay,
 * by the clock algorithm (second chance). A page is memory of its own: a reader that holds one is not disturbed when
 * the cache gives it up.
 *
 * @module
 */

import { pageBytes } from "../base/mod.ts";

/** The pages of one file that are in memory. */
export class CachedPages {
  /** By page number: the page, or `undefined`. */
  readonly pages: (Uint8Array | undefined)[] = [];
  /** By page number: whether it was used since the clock's hand passed. */
  readonly used: boolean[] = [];
}

/** What a cache did. */
export interface PageCacheMetrics {
  /** Pages that were found in memory. */
  hits: number;
  /** Pages that had to be read. */
  misses: number;
  /** The bytes of pages in memory. */
  bytes: number;
}

/** A bounded set of pages with second-chance replacement. */
export class PageCache {
  readonly #most: number;
  readonly #files: CachedPages[] = [];
  readonly #numbers: number[] = [];
  #hand = 0;
  #hits = 0;
  #misses = 0;

  /**
   * Makes an empty cache.
   *
   * @param byteLength The bytes of pages that it may hold.
   */
  constructor(byteLength: number) {
    this.#most = Math.max(1, Math.floor(byteLength / pageBytes));
  }

  /** What it did so far. */
  metrics(): PageCacheMetrics {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#files.length * pageBytes };
  }

  /** The page, if it is in memory. */
  get(file: CachedPages, number: number): Uint8Array | undefined {
    const page = file.pages[number];
    if (page === undefined) return undefined;
    file.used[number] = true;
    this.#hits++;
    return page;
  }

  /** Keeps a page that was read and checked. */
  put(file: CachedPages, number: number, page: Uint8Array): void {
    this.#misses++;
    if (file.pages[number] !== undefined) return;
    const slot = this.#files.length < this.#most ? this.#files.length : this.#evict();
    this.#files[slot] = file;
    this.#numbers[slot] = number;
    file.pages[number] = page;
    file.used[number] = false;
  }

  #evict(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (slot + 1) % this.#most;
      const file = this.#files[slot], number = this.#numbers[slot];
      if (!file.used[number]) {
        file.pages[number] = undefined;
        return slot;
      }
      file.used[number] = false;
    }
  }
}
