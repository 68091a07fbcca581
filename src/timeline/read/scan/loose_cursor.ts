/**
 * Walking a layer whose records lie as they came, with the records: read ahead in the order of keys, by megabytes.
 *
 * ```
 *   walk     rows as they are ─ start() ┤ chunk ─────┤ chunk ──────────────┤ chunk …
 *   read                         └ first ┘     └ the next, once half of that before it was passed
 * ```
 *
 * Records that are next to each other in the order of keys lie all over such a layer, so that whoever reads some of them
 * reads nearly all of it: the more are put in order at once, the fewer times that is.
 *
 * F3  Who takes little has little read: a walk begins without records, until it is started; and a chunk is no more than
 *     {@linkcode ChunkSizes.growth} times the one before it.
 *
 * Two chunks are in memory, and one that was walked as long as somebody keeps values of it.
 *
 * @module
 */

import { type Objects, PageSet } from "../../../objects/mod.ts";
import { type PageSource, VersionBlock, type VersionCursor } from "../../../layer/mod.ts";
import type { View } from "../view.ts";
import { LooseRows } from "./loose_rows.ts";
import type { ScanSource } from "./scan_window.ts";

/** How large chunks are. */
export interface ChunkSizes {
  /** Bytes of the first chunk; each is {@linkcode growth} times the one before it. */
  readonly firstBytes: number;
  /** See {@linkcode firstBytes}. */
  readonly growth: number;
  /** The most bytes of a chunk, if it is more than one record. */
  readonly mostBytes: number;
}

/** A cursor over the versions of one file that has the records of most of them. */
export class LooseCursor implements VersionCursor {
  block: VersionBlock = new VersionBlock();
  at = 0;
  end = 0;
  ended = false;
  readonly #objects: Objects;
  readonly #view: View;
  readonly #file: ScanSource["file"];
  readonly #inner: VersionCursor;
  readonly #sizes: ChunkSizes;
  /** Those that chunks are walked by, apart from what others read meanwhile. */
  readonly #pages: PageSet;
  /** Whether it reads chunks, once the rows are passed that are at hand without. */
  #isStarted = false;
  #chunkBytes: number;
  /** The chunk that is walked, if there is one, and the other, which is filled meanwhile. */
  #chunk: LooseRows | undefined;
  #spare: LooseRows;
  #other: LooseRows;
  #filling: Promise<void> | undefined;
  #isFilled = false;
  /** Why no chunk comes behind those that were filled. */
  #failure: unknown;
  #hasFailed = false;
  #isNeeded = false;

  /**
   * Stands in front of the first version.
   *
   * @param objects What reads.
   * @param view What is seen, and what stops it.
   * @param source Where the records lie, and as of which LSN they are read.
   * @param inner The versions, by a cursor that nobody else may move any more.
   * @param reverse Which way it walks.
   * @param sizes How large chunks are.
   */
  constructor(
    objects: Objects,
    view: View,
    { file, lsn }: ScanSource,
    inner: VersionCursor,
    reverse: boolean,
    sizes: ChunkSizes,
  ) {
    this.#objects = objects;
    this.#view = view;
    this.#file = file;
    this.#inner = inner;
    this.#sizes = sizes;
    this.#pages = new PageSet(objects, { keep: false });
    this.#chunkBytes = Math.min(sizes.firstBytes, sizes.mostBytes);
    this.#spare = new LooseRows(file, lsn, reverse);
    this.#other = new LooseRows(file, lsn, reverse);
  }

  settle(pages: PageSource): boolean {
    if (this.at < this.end || this.ended) return true;
    if (this.#chunk !== undefined && this.end < this.#chunk.count) return this.#show(this.#chunk);
    if (!this.#isStarted) return this.#settleInner(pages);
    this.#chunk = undefined;
    if (!this.#isFilled) {
      // What failed may have had rows before, whose records are on their way.
      const isFilling = this.#filling !== undefined;
      if (this.#hasFailed && !isFilling) throw this.#failure;
      this.ended = this.#inner.ended && !isFilling;
      this.#isNeeded = !this.ended;
      return this.ended;
    }
    this.#isFilled = false;
    const chunk = this.#chunk = this.#spare;
    this.#spare = this.#other;
    this.#other = chunk;
    this.block = chunk.rows;
    this.at = this.end = 0;
    return chunk.count === 0 ? this.settle(pages) : this.#show(chunk);
  }

  #show(chunk: LooseRows): boolean {
    this.at = this.end;
    this.end = chunk.showFrom(this.at);
    return true;
  }

  #settleInner(pages: PageSource): boolean {
    const inner = this.#inner;
    if (!inner.settle(pages)) return false;
    this.block = inner.block;
    this.at = inner.at;
    this.end = inner.end;
    this.ended = inner.ended;
    return true;
  }

  step(rows = 1): void {
    if (this.#chunk === undefined) this.#inner.step(rows);
    this.at += rows;
  }

  readAhead(pages: PageSource): void {
    if (!this.#isStarted) this.#inner.readAhead?.(pages);
  }

  /**
   * Has the records of all rows come with them from soon on, since much is going to be walked (F3).
   *
   * @param pages Those that it was walked by until now, of which nothing is in flight: what they read ahead is kept.
   */
  start(pages?: PageSet): void {
    if (pages !== undefined && !this.#isStarted) this.#pages.takeOver(pages, this.#file.object);
    this.#isStarted = true;
  }

  /** Begins to read the next chunk, once that is worth it. */
  begin(): void {
    const chunk = this.#chunk;
    if (chunk !== undefined && this.at > chunk.count >> 1) this.#begin();
  }

  #begin(): Promise<void> | undefined {
    if (!this.#isFilled && !this.#inner.ended && !this.#hasFailed) this.#filling ??= this.#fill();
    return this.#filling;
  }

  /** Reads the chunk without which it does not settle, if that is so. It never rejects. */
  async fetch(): Promise<void> {
    if (!this.#isNeeded) return;
    this.#isNeeded = false;
    await this.#begin();
  }

  /** Waits for what is in flight, once the view has stopped. */
  async cancel(): Promise<void> {
    await this.#filling;
  }

  async #fill(): Promise<void> {
    const chunk = this.#spare, check = () => this.#view.check();
    chunk.restart();
    try {
      await this.#collect(chunk, this.#chunkBytes);
    } catch (error) {
      this.#fail(error);
    }
    try {
      await chunk.read(this.#objects, check);
      this.#isFilled = true;
    } catch (error) {
      this.#fail(error);
    }
    this.#chunkBytes = Math.min(this.#sizes.mostBytes, this.#chunkBytes * this.#sizes.growth);
    this.#filling = undefined;
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#failure = error;
  }

  /** Takes rows until there are enough. */
  async #collect(chunk: LooseRows, most: number): Promise<void> {
    const inner = this.#inner, { turns } = this.#objects.host;
    for (;;) {
      if (!inner.settle(this.#pages)) await this.#pages.fetch();
      else if (inner.ended) return;
      else {
        const { block, end } = inner, from = inner.at;
        let row = from;
        for (; row < end && (chunk.byteLength < most || chunk.count === 0); row++) chunk.add(block, row);
        inner.step(row - from);
        if (row < end) return;
        if (turns.due()) await turns.turn();
      }
      this.#view.check();
    }
  }
}
