/**
 * A bounded cache of checked pages, over all objects.
 *
 * Each object keeps its own pages by number, in chunks, so that a hit costs two array reads and an object of which
 * little is read takes little; the cache decides which pages stay, by the clock algorithm (second chance). A page is
 * memory of its own: a reader that holds one is not disturbed when the cache gives it up.
 *
 * @module
 */

import { pageBytes } from "../../base/mod.ts";

/** As many pages as there are bits in what says which of them were used. */
const chunkPages = 32;

/** Pages of one object whose numbers stand side by side. */
export interface PageChunk {
  /** The chunks of its object. */
  readonly owner: CachedPages;
  /** Its place among them. */
  readonly index: number;
  /** By number in the chunk. */
  readonly pages: (Uint8Array | undefined)[];
  /** By page, a bit: whether it was used since the clock's hand passed. */
  used: number;
  /** How many pages it holds. */
  count: number;
}

/** The pages of one object that are in memory, by the number of the page divided by 32. Belongs to the cache. */
export type CachedPages = (PageChunk | undefined)[];

/** A bounded set of pages with second-chance replacement. */
export class PageCache {
  /** Pages that were found in memory. */
  hits = 0;
  /** Pages that had to be read. */
  misses = 0;
  readonly #most: number;
  readonly #chunks: PageChunk[] = [];
  readonly #numbers: number[] = [];
  #hand = 0;
  #held = 0;

  /**
   * Makes an empty cache.
   *
   * @param byteLength The bytes of pages that it may hold.
   */
  constructor(byteLength: number) {
    this.#most = Math.max(1, Math.floor(byteLength / pageBytes));
  }

  /** The bytes of pages in memory. */
  get byteLength(): number {
    return this.#held * pageBytes;
  }

  /** The page, if it is in memory. */
  get(pages: CachedPages, number: number): Uint8Array | undefined {
    const chunk = pages[number >>> 5];
    const bytes = chunk?.pages[number & 31];
    if (chunk === undefined || bytes === undefined) return undefined;
    chunk.used |= 1 << (number & 31);
    this.hits++;
    return bytes;
  }

  /** The page, if it is in memory, without that it counts as used. */
  peek(pages: CachedPages, number: number): Uint8Array | undefined {
    return pages[number >>> 5]?.pages[number & 31];
  }

  /** Keeps a page that was read and checked. */
  put(pages: CachedPages, number: number, bytes: Uint8Array): void {
    if (this.peek(pages, number) !== undefined) return;
    const slot = this.#chunks.length < this.#most ? this.#chunks.length : this.#evict();
    const chunk = chunkOf(pages, number >>> 5);
    this.#chunks[slot] = chunk;
    this.#numbers[slot] = number & 31;
    chunk.pages[number & 31] = bytes;
    chunk.count++;
    this.#held++;
  }

  /** Gives up every page of an object. */
  drop(pages: CachedPages): void {
    // What the clock's hand finds empty when it comes by is free.
    for (const chunk of pages.splice(0)) {
      if (chunk === undefined) continue;
      this.#held -= chunk.count;
      chunk.count = 0;
      chunk.pages.fill(undefined);
    }
  }

  /** Makes a slot free and returns it. */
  #evict(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (slot + 1) % this.#most;
      const chunk = this.#chunks[slot], number = this.#numbers[slot], bit = 1 << number;
      if (chunk.pages[number] === undefined) return slot;
      const isUsed = (chunk.used & bit) !== 0;
      chunk.used &= ~bit;
      if (!isUsed) {
        chunk.pages[number] = undefined;
        this.#held--;
        if (--chunk.count === 0) chunk.owner[chunk.index] = undefined;
        return slot;
      }
    }
  }
}

function chunkOf(owner: CachedPages, index: number): PageChunk {
  return owner[index] ??= { owner, index, pages: new Array(chunkPages).fill(undefined), used: 0, count: 0 };
}
