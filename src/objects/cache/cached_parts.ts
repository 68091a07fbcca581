/**
 * What the cache knows of one object: where its pages are, and how many of its ranges are kept.
 *
 * Pages stand in chunks by their numbers, so that finding one costs two array reads and an object of which little is
 * read takes little.
 *
 * @module
 */

/** Pages whose numbers stand side by side. */
export interface PageChunk {
  /** Whose pages they are. */
  readonly owner: CachedParts;
  /** Its place among the chunks. */
  readonly index: number;
  /** By number in the chunk: the frame of the page plus 1, or 0. */
  readonly frames: Int32Array;
  /** How many pages it holds. */
  count: number;
}

/** What of an object is in the cache. Belongs to the cache. */
export class CachedParts {
  /** The number of the object, which no other has. */
  readonly order: number;
  /** By the number of the page divided by 32. */
  readonly chunks: (PageChunk | undefined)[] = [];
  /** How many ranges are kept, those of an object that was dropped too until they are swept. */
  ranges = 0;
  /** Whether the object was dropped, so that nothing of it is found or kept. */
  isDropped = false;

  /** Starts with nothing. */
  constructor(order: number) {
    this.order = order;
  }

  /** The frame of a page; −1 if it is not in memory. */
  frameOf(page: number): number {
    const chunk = this.chunks[page >>> 5];
    return chunk === undefined ? -1 : chunk.frames[page & 31] - 1;
  }

  /** The chunk that a page stands in, made if it is not there. */
  chunkFor(page: number): PageChunk {
    const index = page >>> 5;
    return this.chunks[index] ??= { owner: this, index, frames: new Int32Array(32), count: 0 };
  }
}

/** Takes a page out of its chunk, and a chunk without pages out of its object. */
export function forgetPage(chunk: PageChunk, page: number): void {
  chunk.frames[page & 31] = 0;
  if (--chunk.count === 0) chunk.owner.chunks[chunk.index] = undefined;
}
