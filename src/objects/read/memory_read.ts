/**
 * What of objects is in memory, for a question that goes no further than that: it never waits, and what it misses is
 * left to somebody who reads.
 *
 * Pages that it came across count as used once it has its answer: whoever reads on in its place comes across them again.
 *
 * @module
 */

import type { ObjectCache } from "../cache/object_cache.ts";
import type { Objects } from "../objects.ts";
import type { StoredObject } from "../stored_object.ts";
import { LentRange } from "./summed_range.ts";

const nothing = new Uint8Array(0);

/** One question after the other, each in one turn. */
export class MemoryRead {
  /** The memory of the range that was found last. It is lent for this turn, unless it {@linkcode isOwn}. */
  bytes: Uint8Array<ArrayBuffer> = nothing;
  /** Where in it the range starts. */
  at = 0;
  /** Whether the memory is the range's own, as it stands in the buffers of a writer, and was never checked. */
  isOwn = false;
  readonly #cache: ObjectCache;
  readonly #lent = new LentRange();
  readonly #frames: number[] = [];
  #count = 0;
  #place = 0;

  /** Looks into the memory of a store's objects. */
  constructor(objects: Objects) {
    this.#cache = objects.context.cache;
  }

  /** Starts a question. */
  begin(): void {
    this.#count = 0;
    this.#place = 0;
  }

  /** A page, if it is in memory. */
  get(object: StoredObject, page: number): Uint8Array | undefined {
    const frame = object.own.cached.frameOf(page);
    if (frame < 0) return undefined;
    this.#frames[this.#count++] = frame;
    return this.#cache.pageIn(frame);
  }

  /** As {@linkcode get}. */
  take(object: StoredObject, page: number): Uint8Array | undefined {
    return this.get(object, page);
  }

  /** A range, if it is in the cache, where everything has its checksum. */
  getRange(object: StoredObject, offset: number, length: number): LentRange | undefined {
    return this.findCached(object, offset, length) ? this.#lent.set(this.bytes, this.at, true) : undefined;
  }

  /** Nothing is taken. */
  takeRange(): undefined {}

  /** Nothing is read ahead. */
  want(): void {}

  /** Nothing is read ahead. */
  wantRange(): void {}

  /** Nothing is read. */
  fetch(): Promise<void> {
    return Promise.resolve();
  }

  /** Finds a range in the cache; returns whether it is there. */
  findCached(object: StoredObject, offset: number, length: number): boolean {
    const cache = this.#cache, place = cache.findRange(object.own.cached, offset);
    if (place === 0 || cache.lengthAt(place) !== length) return false;
    this.#place = place;
    this.bytes = cache.bytesAt(place);
    this.at = cache.offsetAt(place);
    this.isOwn = false;
    return true;
  }

  /**
   * Finds a range in the cache or in the buffers of a writer; returns whether it is in memory.
   *
   * @param room Memory for what stands in buffers, whose it then is until the next question; left out, or where it does not
   * suffice, the range gets its own.
   */
  find(object: StoredObject, offset: number, length: number, room?: Uint8Array<ArrayBuffer>): boolean {
    if (this.findCached(object, offset, length)) return true;
    const { writer } = object.own;
    if (writer === undefined || offset < writer.memoryStart) return false;
    this.bytes = room !== undefined && length <= room.length
      ? room.subarray(0, length)
      : new Uint8Array(length);
    writer.copyOut(offset, this.bytes);
    this.at = 0;
    this.isOwn = true;
    return true;
  }

  /** Keeps a range that was read from a file and checked. */
  keep({ own }: StoredObject, offset: number, bytes: Uint8Array, at: number, length: number): void {
    this.#cache.counters.rangeMisses++;
    this.#cache.putRange(own.cached, offset, bytes, at, length);
  }

  /** Has what the question came across count as used. */
  settle(): void {
    for (let i = 0; i < this.#count; i++) this.#cache.usePage(this.#frames[i]);
    if (this.#place !== 0) this.#cache.useRange(this.#place);
    // It may be a large value, which is somebody else's now.
    this.bytes = nothing;
  }
}
