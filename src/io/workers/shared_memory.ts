/**
 * Memory that threads share, used again: the runtime does not count it, so that what is dropped may stay for as long as
 * no thread happens to collect its garbage.
 *
 * @module
 */

/** Eighths of a power of two: what is asked for is rounded up to one, so that sizes that differ a little are one. */
const steps = 8;
const leastBytes = 64 * 1024;

/** Memory that nobody uses now. */
export class SharedMemoryPool {
  readonly #mostBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  #freeBytes = 0;

  /**
   * Starts empty.
   *
   * @param mostBytes What is kept at the most; more is left to the garbage collector.
   */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The bytes that wait to be used again. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Takes memory of at least so many bytes, and at most a quarter more than that, rounded up. */
  take(byteLength: number): SharedArrayBuffer {
    const wanted = rounded(byteLength);
    const at = this.#free.findIndex((free) => free.byteLength >= wanted && free.byteLength <= wanted * 1.25);
    if (at < 0) return new SharedArrayBuffer(wanted);
    this.#freeBytes -= this.#free[at].byteLength;
    return this.#free.splice(at, 1)[0];
  }

  /** Takes memory back. */
  giveBack(memory: SharedArrayBuffer): void {
    this.#free.push(memory);
    this.#freeBytes += memory.byteLength;
    // What was not used for longest goes first.
    while (this.#freeBytes > this.#mostBytes) {
      this.#freeBytes -= (this.#free.shift() as SharedArrayBuffer).byteLength;
    }
  }
}

function rounded(byteLength: number): number {
  const least = Math.max(leastBytes, byteLength);
  const step = 2 ** Math.floor(Math.log2(least)) / steps;
  return Math.ceil(least / step) * step;
}
