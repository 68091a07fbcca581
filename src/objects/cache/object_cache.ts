/**
 * What is kept of objects in memory: pages, and small ranges such as records, under one bound of bytes. Everything in
 * it was checked when it was read.
 *
 * It replaces by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction, SOSP 2023), in
 * frames of 8 KiB: a frame is a page, or holds many ranges. `docs/decisions/011` has the figures.
 *
 * ```
 *   new ──────────────► small, a tenth ──used──► main ──used──┐
 *                         │ not used               │ ▲────────┘ up to three times
 *                         ▼                        ▼ not used
 *   known to the ghosts   gone, its ghost stays    gone
 *   ──────────────────────────────────────────► main
 * ```
 *
 * C1  What it holds and what it needs to find it stays within its bound, but for the one page that it holds at least.
 * C2  Nothing of an object that was dropped is found or kept.
 * C3  A use is a number in an array: nothing moves until there is no room.
 *
 * A page is memory of its own: a reader that holds one is not disturbed when it goes. A range is lent only until the
 * next thing is kept.
 *
 * @module
 */

import { pageBytes } from "../../base/mod.ts";
import { type CachedParts, forgetPage, type PageChunk } from "./cached_parts.ts";
import { FrameRing } from "./frame_ring.ts";
import { Ghosts } from "./ghosts.ts";
import { RangeLog, type Sweep } from "./range_log.ts";
import { hashPart } from "./range_table.ts";

/** The longest range that is kept, in bytes. */
export const mostRangeBytes: number = 4080;
/** With fewer frames there are pages alone: a range would take as much room as a page. */
const leastFramesForRanges = 4;
const ghostsPerFrame = 32;
/** What a frame costs beside its memory, in bytes: its ghosts, its places in two rings, its state and references. */
const frameOverhead = ghostsPerFrame * 4 + 2 * 4 + 64;
/** More cannot be told apart: they are 64 GiB. */
const mostFrames = 2 ** 23 - 1;
const mostUses = 3;
/** The part of a page's hash that no offset of a range has. */
const pageMark = 0xffffffff;

/** What the cache did and holds. */
export interface CacheCounters {
  /** Pages that were found. */
  pageHits: number;
  /** Pages that had to be read. */
  pageMisses: number;
  /** Ranges that were found. */
  rangeHits: number;
  /** Ranges that had to be read. */
  rangeMisses: number;
}

/** What is kept of objects. */
export class ObjectCache {
  /** What it did so far. Who reads what was missing counts the misses. */
  readonly counters: CacheCounters = { pageHits: 0, pageMisses: 0, rangeHits: 0, rangeMisses: 0 };
  /** The bytes that it may take. */
  readonly byteLength: number;
  /** How many frames there may be, less what the table of ranges takes. */
  #most: number;
  /** By frame: the page. */
  readonly #pages: (Uint8Array | undefined)[] = [];
  /** By frame: where the page stands. */
  readonly #chunks: (PageChunk | undefined)[] = [];
  readonly #numbers: number[] = [];
  readonly #uses: Uint8Array;
  readonly #log = new RangeLog();
  readonly #ghosts: Ghosts;
  readonly #small: FrameRing;
  readonly #main: FrameRing;
  readonly #free: number[] = [];
  #pageCount = 0;
  #rangeFrames = 0;
  /** The frames that ranges are added to, of either queue; −1 if there is none. */
  #openSmall = -1;
  #openMain = -1;

  /**
   * Makes an empty cache.
   *
   * @param byteLength The bytes that it may take.
   */
  constructor(byteLength: number) {
    this.byteLength = byteLength;
    const most = this.#most = this.#framesBeside(0);
    this.#uses = new Uint8Array(most);
    this.#small = new FrameRing(most);
    this.#main = new FrameRing(most);
    this.#ghosts = new Ghosts(2 ** Math.floor(Math.log2(most * ghostsPerFrame)), most);
  }

  /** How many frames fit beside so many bytes. */
  #framesBeside(bytes: number): number {
    const fit = Math.floor((this.byteLength - bytes) / (pageBytes + frameOverhead));
    return Math.min(mostFrames, Math.max(1, fit));
  }

  /** The bytes of pages. */
  get pageByteLength(): number {
    return this.#pageCount * pageBytes;
  }

  /** The bytes of ranges, and of what finds them. */
  get rangeByteLength(): number {
    return this.#rangeFrames * pageBytes + this.#log.tableBytes;
  }

  /** A page, if it is in memory; it counts as used. */
  get(parts: CachedParts, page: number): Uint8Array | undefined {
    const frame = parts.frameOf(page);
    if (frame < 0) return undefined;
    this.usePage(frame);
    return this.#pages[frame];
  }

  /** A page, if it is in memory, without that it counts as used. */
  peek(parts: CachedParts, page: number): Uint8Array | undefined {
    const frame = parts.frameOf(page);
    return frame < 0 ? undefined : this.#pages[frame];
  }

  /** The page in a frame that has one. */
  pageIn(frame: number): Uint8Array {
    return this.#pages[frame] as Uint8Array;
  }

  /** Notes that the page in a frame was used. */
  usePage(frame: number): void {
    this.counters.pageHits++;
    if (this.#uses[frame] < mostUses) this.#uses[frame]++;
  }

  /** Keeps a page that was read and checked. */
  put(parts: CachedParts, page: number, bytes: Uint8Array): void {
    if (parts.isDropped || parts.frameOf(page) >= 0) return;
    const isBack = this.#ghosts.take(hashPart(parts.order, page, pageMark));
    const frame = this.#takeFrame(), chunk = parts.chunkFor(page);
    this.#pages[frame] = bytes;
    this.#chunks[frame] = chunk;
    this.#numbers[frame] = page;
    this.#uses[frame] = 0;
    chunk.frames[page & 31] = frame + 1;
    chunk.count++;
    this.#pageCount++;
    (isBack ? this.#main : this.#small).push(frame);
  }

  /**
   * Finds a range that was kept.
   *
   * @returns Its place, until the next thing is kept; 0 if it is not there.
   */
  findRange(parts: CachedParts, offset: number): number {
    return this.#log.find(parts, offset);
  }

  /** The memory that holds a range among others. It is only read. */
  bytesAt(place: number): Uint8Array<ArrayBuffer> {
    return this.#log.bytesAt(place);
  }

  /** Where in it the range starts. */
  offsetAt(place: number): number {
    return this.#log.offsetAt(place);
  }

  /** The length of a range in bytes. */
  lengthAt(place: number): number {
    return this.#log.lengthAt(place);
  }

  /** Notes that a range was used. */
  useRange(place: number): void {
    this.counters.rangeHits++;
    this.#log.use(place);
  }

  /** Keeps a copy of a range that was read and checked, unless it is long. */
  putRange(parts: CachedParts, offset: number, bytes: Uint8Array, start: number, length: number): void {
    const log = this.#log;
    if (length > mostRangeBytes || parts.isDropped || log.find(parts, offset) !== 0) return;
    const most = this.#framesBeside(log.nextTableBytes);
    if (most < leastFramesForRanges) return;
    this.#most = most;
    while (this.#small.count + this.#main.count > most) this.#evict();
    const hash = hashPart(parts.order, offset >>> 0, Math.floor(offset / 2 ** 32));
    const isBack = this.#ghosts.take(hash);
    let frame = isBack ? this.#openMain : this.#openSmall;
    if (!log.fits(frame, length)) {
      frame = this.#takeFrame();
      log.open(frame);
      this.#rangeFrames++;
      if (isBack) this.#openMain = frame;
      else this.#openSmall = frame;
      (isBack ? this.#main : this.#small).push(frame);
    }
    log.add(frame, parts, offset, bytes, start, length);
  }

  /** Gives up everything of an object, for good (C2). Room that ranges took is free when their frames' turn comes. */
  drop(parts: CachedParts): void {
    parts.isDropped = true;
    for (const chunk of parts.chunks.splice(0)) {
      for (const frame of chunk?.frames ?? []) if (frame > 0) this.#clear(frame - 1);
    }
  }

  /** Takes the page out of a frame, which is free when its turn comes. */
  #clear(frame: number): void {
    this.#pages[frame] = undefined;
    this.#chunks[frame] = undefined;
    this.#pageCount--;
  }

  /** A frame that is in no queue. */
  #takeFrame(): number {
    for (;;) {
      const taken = this.#small.count + this.#main.count;
      if (taken < this.#most) return this.#free.pop() ?? taken;
      this.#evict();
    }
  }

  /** Goes one step towards a free frame. */
  #evict(): void {
    if (this.#small.count > this.#most / 10 || this.#main.count === 0) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall(): void {
    const frame = this.#small.shift(), chunk = this.#chunks[frame];
    this.#ghosts.age();
    if (frame === this.#openSmall) this.#openSmall = -1;
    if (this.#log.holds(frame)) return this.#sweep(frame, this.#leaveSmall);
    if (chunk !== undefined && this.#uses[frame] > 0) {
      this.#uses[frame] = 0;
      return this.#main.push(frame);
    }
    if (chunk !== undefined) {
      this.#ghosts.add(hashPart(chunk.owner.order, this.#numbers[frame], pageMark));
    }
    this.#giveUp(frame);
  }

  #evictMain(): void {
    const frame = this.#main.shift();
    if (frame === this.#openMain) this.#openMain = -1;
    if (this.#log.holds(frame)) return this.#sweep(frame, this.#leaveMain);
    if (this.#chunks[frame] !== undefined && this.#uses[frame] > 0) {
      this.#uses[frame]--;
      return this.#main.push(frame);
    }
    this.#giveUp(frame);
  }

  /** Frees a frame, whose page goes if there is one. */
  #giveUp(frame: number): void {
    const chunk = this.#chunks[frame];
    if (chunk !== undefined) {
      forgetPage(chunk, this.#numbers[frame]);
      this.#clear(frame);
    }
    this.#free.push(frame);
  }

  readonly #leaveSmall: Sweep = {
    usesLeft: () => 0,
    givenUp: (hash) => this.#ghosts.add(hash),
  };
  readonly #leaveMain: Sweep = { usesLeft: (uses) => uses - 1, givenUp: () => {} };

  /** Goes through the ranges of a frame; it stays in the main queue if some of them stay in it. */
  #sweep(frame: number, rules: Sweep): void {
    if (this.#log.sweep(frame, this.#openMain, rules)) {
      this.#openMain = frame;
      return this.#main.push(frame);
    }
    this.#rangeFrames--;
    this.#free.push(frame);
  }
}
