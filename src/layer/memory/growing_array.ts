/**
 * An append-only array that doubles without a stall: before it is full it is copied bit by bit, with every reservation
 * some of it, into the larger one that takes its place.
 *
 * G1  Growing starts when a sixteenth is left, and every reservation copies twenty times what it asks for, so that the
 *     copy is complete before the array is full; a reservation for which it is not completes it.
 *
 * @module
 */

/** What may grow. */
type Growable = Int32Array | Uint8Array;

/** Takes memory for an array, which need not hold zeros: so many bytes, or somewhat more. */
export type TakeMemory = (byteLength: number) => ArrayBufferLike;

/** Where an index takes its memory from. */
export interface ArrayMemory {
  /** Takes memory that need not hold zeros. */
  readonly take: TakeMemory;
  /** Takes memory that holds zeros, as far as was asked for. */
  readonly takeZeros: TakeMemory;
}

/** Memory of this thread alone. */
export const ownMemory: TakeMemory = (byteLength) => new ArrayBuffer(byteLength);

/** Memory of this thread alone, of either kind. */
export const ownArrays: ArrayMemory = { take: ownMemory, takeZeros: ownMemory };

/** How many elements are copied for each one that is reserved. */
export const growthRate = 20;

/** Whether an array of which so much is used should start to grow. */
export function isNearlyFull(used: number, capacity: number): boolean {
  return used > capacity - (capacity >> 4);
}

/** An array that grows. */
export class GrowingArray<T extends Growable> {
  readonly #make: (length: number) => T;
  #array: T;
  #next: T | undefined;
  #copied = 0;

  /**
   * Starts with an array.
   *
   * @param make Makes an array of so many elements or more, of any contents.
   * @param length How many elements it has at least.
   */
  constructor(make: (length: number) => T, length: number) {
    this.#make = make;
    this.#array = make(length);
  }

  /** The array until the next reservation. */
  get array(): T {
    return this.#array;
  }

  /** What will take the place of the array; what is changed in the array must be changed in it too. */
  get next(): T | undefined {
    return this.#next;
  }

  /** The memory that it holds in bytes. */
  get byteLength(): number {
    return this.#array.byteLength + (this.#next?.byteLength ?? 0);
  }

  /**
   * Makes room behind what is used.
   *
   * @param used How many elements are used.
   * @param more How many are wanted.
   * @returns The array from now on.
   */
  reserve(used: number, more: number): T {
    const wanted = used + more;
    if (this.#next !== undefined) this.#copy(used, more);
    while (wanted > this.#array.length) {
      this.#start();
      this.#copy(used, used);
    }
    if (this.#next === undefined && isNearlyFull(wanted, this.#array.length)) this.#start();
    return this.#array;
  }

  #start(): void {
    this.#next ??= this.#make(this.#array.length * 2);
  }

  /** Copies some of what is used; the copy takes the array's place when it is complete. */
  #copy(used: number, more: number): void {
    const next = this.#next as T;
    const end = Math.min(used, this.#copied + more * growthRate);
    next.set(this.#array.subarray(this.#copied, end), this.#copied);
    this.#copied = end;
    if (end < used) return;
    this.#array = next;
    this.#next = undefined;
    this.#copied = 0;
  }
}

/** Makes arrays of words. */
export function wordsIn(take: TakeMemory): (length: number) => Int32Array {
  // Memory may be larger than was asked for, and the array with it, in whole words.
  return (length) => new Int32Array(take(length * 4));
}

/** Makes arrays of bytes. */
export function bytesIn(take: TakeMemory): (length: number) => Uint8Array {
  return (length) => new Uint8Array(take(length));
}
