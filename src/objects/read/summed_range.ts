/**
 * Ranges of an object that a question asks for beside pages: some records, of which whoever asks knows the checksum.
 *
 * @module
 */

import { crc32 } from "../../base/mod.ts";
import type { Objects } from "../objects.ts";
import type { StoredObject } from "../stored_object.ts";
import type { RangeMemory } from "./range_memory.ts";
import { type RangeObserver, RangeRead, type RangeSink, type RangeWants } from "./range_read.ts";

/** A range that is in memory, lent until its source is asked for anything more. */
export class LentRange {
  /** Memory that holds it. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Where in it the range starts. */
  at = 0;
  /** Whether it has its checksum. */
  isIntact = false;

  /** Says where it is. */
  set(bytes: Uint8Array<ArrayBuffer>, at: number, isIntact: boolean): this {
    this.bytes = bytes;
    this.at = at;
    this.isIntact = isIntact;
    return this;
  }
}

/** A range that one question asked for, and what came of it. */
export class RangeWanted {
  /** The object. */
  readonly object: StoredObject;
  /** Where it starts. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly length: number;
  /** Its checksum, if it is that which says whether it is whole; otherwise nobody looks. */
  readonly sum: number | undefined;
  /** Whether the question cannot go on without it, rather than that it was wanted ahead. */
  isNeeded = false;
  /** Memory that holds the range, once it was read: nobody else's if it has no checksum. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Where in it the range starts. */
  at = 0;
  /** Whether it has its checksum. */
  isIntact = false;
  /** Why it could not be read. */
  error: Error | undefined;
  /** Another one of those asked for that starts there and ends elsewhere: slots of an index that lies lead to both. */
  other: RangeWanted | undefined;

  /** Says which range. */
  constructor(object: StoredObject, offset: number, length: number, sum: number | undefined) {
    this.object = object;
    this.offset = offset;
    this.length = length;
    this.sum = sum;
  }

  /** The range in memory of its own. */
  get bytesAlone(): Uint8Array<ArrayBuffer> | undefined {
    const { bytes, at, length } = this;
    return bytes?.length === length ? bytes : bytes?.slice(at, at + length);
  }
}

/** The ranges that a question has asked for, by where they start. */
export class RangesWanted {
  readonly #objects = new Map<StoredObject, Map<number, RangeWanted>>();
  /** How many there are. */
  size = 0;

  /** One that was asked for. */
  get(object: StoredObject, offset: number, length: number): RangeWanted | undefined {
    let range = this.size === 0 ? undefined : this.#objects.get(object)?.get(offset);
    while (range !== undefined && range.length !== length) range = range.other;
    return range;
  }

  /** Adds one that is not among them. */
  set(range: RangeWanted): void {
    const { object, offset } = range;
    let ranges = this.#objects.get(object);
    if (ranges === undefined) this.#objects.set(object, ranges = new Map());
    range.other = ranges.get(offset);
    ranges.set(offset, range);
    this.size++;
  }

  /** Lets one of them go. */
  delete(gone: RangeWanted): void {
    const { object, offset } = gone, ranges = this.#objects.get(object), first = ranges?.get(offset);
    let before = first === gone ? undefined : first;
    while (before !== undefined && before.other !== gone) before = before.other;
    if (before !== undefined) before.other = gone.other;
    else if (gone.other !== undefined) ranges?.set(offset, gone.other);
    else ranges?.delete(offset);
    this.size--;
  }

  /** Lets all of them go. */
  clear(): void {
    if (this.size > 0) this.#objects.clear();
    this.size = 0;
  }
}

/** How ranges are read. */
export interface RangeFetchOptions {
  /** Whether the cache keeps those that have their checksums. */
  readonly keep: boolean;
  /** Where memory comes from of those that have none; left out, each has some of its own. */
  readonly memory?: RangeMemory | undefined;
  /** Is told how they are read, if anybody wants to know. */
  readonly observer?: RangeObserver | undefined;
}

/** One round of reading ranges. Each question reads its own, also where another one wants the same. */
export class RangeFetch implements RangeWants, RangeSink {
  readonly #objects: Objects;
  readonly #ranges: readonly RangeWanted[];
  readonly #keep: boolean;
  readonly #used: RangeMemory | undefined;
  readonly #observer: RangeObserver | undefined;
  /** Memory for those that have a checksum: all of a round are let go of together, and are small. */
  #memory: Uint8Array<ArrayBuffer> | undefined;
  #end = 0;

  /**
   * Starts nothing yet.
   *
   * @param objects What reads.
   * @param ranges Which, and where they go.
   * @param options How.
   */
  constructor(
    objects: Objects,
    ranges: readonly RangeWanted[],
    { keep, memory, observer }: RangeFetchOptions,
  ) {
    this.#objects = objects;
    this.#ranges = ranges;
    this.#keep = keep;
    this.#used = memory;
    this.#observer = observer;
  }

  /** Reads them. It never rejects. */
  async run(): Promise<void> {
    if (this.#ranges.length === 0) return;
    const read = new RangeRead(this.#objects, this, this, undefined, this.#observer);
    while (!read.done) await read.step();
  }

  /** See {@linkcode RangeWants.count}. */
  get count(): number {
    return this.#ranges.length;
  }

  /** See {@linkcode RangeWants.objectOf}. */
  objectOf(item: number): StoredObject {
    return this.#ranges[item].object;
  }

  /** See {@linkcode RangeWants.offsetOf}. */
  offsetOf(item: number): number {
    return this.#ranges[item].offset;
  }

  /** See {@linkcode RangeWants.lengthOf}. */
  lengthOf(item: number): number {
    return this.#ranges[item].length;
  }

  /** Takes a copy of a range, and sums it; see {@linkcode RangeSink.accept}. */
  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    _view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): void {
    const range = this.#ranges[item], { object: { own }, offset, sum } = range;
    if (sum === undefined) {
      range.bytes = owned ? bytes : this.#copied(bytes, at, length);
      return;
    }
    const memory = range.bytes = this.#memory ??= this.#openMemory(), start = range.at = this.#end;
    this.#end += length;
    const copy = memory.subarray(start, this.#end);
    copy.set(owned ? bytes : bytes.subarray(at, at + length));
    range.isIntact = crc32(copy) === sum;
    // What does not check is not kept, nor what is gone.
    if (!this.#keep || !range.isIntact || own.isRemoved) return;
    const { cache } = this.#objects.context;
    cache.counters.rangeMisses++;
    cache.putRange(own.cached, offset, memory, start, length);
  }

  #copied(bytes: Uint8Array<ArrayBuffer>, at: number, length: number): Uint8Array<ArrayBuffer> {
    const used = this.#used?.take(length);
    used?.set(bytes.subarray(at, at + length));
    return used ?? bytes.slice(at, at + length);
  }

  #openMemory(): Uint8Array<ArrayBuffer> {
    let room = 0;
    for (const { sum, length } of this.#ranges) if (sum !== undefined) room += length;
    return new Uint8Array(room);
  }

  /** See {@linkcode RangeSink.fail}. */
  fail(item: number, error: Error): void {
    this.#ranges[item].error = error;
  }
}
