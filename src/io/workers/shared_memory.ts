/**
 * Memory that threads share, used again: the runtime does not count it, so that what is dropped may stay for as long as
 * no thread happens to collect its garbage.
 *
 * @module
 */

/** Eighths of a power of two: what is asked for is rounded up to one, so that sizes that differ a little are one. */
const steps = 8;
const leastBytes = 64 * 1024;

/** Gives the room of memory back to the system, if it can; what it held is gone then. */
export type Discard = (memory: SharedArrayBuffer) => boolean;

/** Memory that nobody uses. */
interface Free {
  readonly memory: SharedArrayBuffer;
  /** Whether it takes room. */
  isSpare: boolean;
}

/** Memory that nobody uses now. */
export class SharedMemoryPool {
  readonly #mostBytes: number;
  readonly #mostSpareBytes: number;
  /** In the order in which it came back. */
  readonly #free: Free[] = [];
  #freeBytes = 0;
  #spareBytes = 0;

  /**
   * Starts empty.
   *
   * @param mostBytes What is kept at the most; more is left to the garbage collector.
   * @param mostSpareBytes What of it may take room, where it can be given back to the system; all, if it is left out.
   */
  constructor(mostBytes: number, mostSpareBytes: number = mostBytes) {
    this.#mostBytes = mostBytes;
    this.#mostSpareBytes = mostSpareBytes;
  }

  /** The bytes that wait to be used again. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Those of them that take room meanwhile. */
  get spareBytes(): number {
    return this.#spareBytes;
  }

  /** Takes memory of at least so many bytes, and at most a quarter more than that, rounded up. */
  take(byteLength: number): SharedArrayBuffer {
    const wanted = rounded(byteLength);
    const fits = ({ memory: { byteLength } }: Free) => byteLength >= wanted && byteLength <= wanted * 1.25;
    // What came last takes room, if any does.
    const at = this.#free.findLastIndex(fits);
    return at < 0 ? new SharedArrayBuffer(wanted) : this.#remove(at);
  }

  /**
   * Takes memory back.
   *
   * @param memory What nobody looks at any more.
   * @param discard Gives up the room of what was not used for longest, if too much takes some.
   */
  giveBack(memory: SharedArrayBuffer, discard: Discard = () => false): void {
    this.#free.push({ memory, isSpare: true });
    this.#freeBytes += memory.byteLength;
    this.#spareBytes += memory.byteLength;
    for (const free of this.#free) {
      if (this.#spareBytes <= this.#mostSpareBytes) break;
      if (!free.isSpare || !discard(free.memory)) continue;
      free.isSpare = false;
      this.#spareBytes -= free.memory.byteLength;
    }
    // What was not used for longest goes first.
    while (this.#freeBytes > this.#mostBytes) this.#remove(0);
  }

  #remove(at: number): SharedArrayBuffer {
    const [{ memory, isSpare }] = this.#free.splice(at, 1);
    this.#freeBytes -= memory.byteLength;
    if (isSpare) this.#spareBytes -= memory.byteLength;
    return memory;
  }
}

function rounded(byteLength: number): number {
  const least = Math.max(leastBytes, byteLength);
  const step = 2 ** Math.floor(Math.log2(least)) / steps;
  return Math.ceil(least / step) * step;
}
