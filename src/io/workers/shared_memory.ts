/**
 * Memory that threads share, used again: the runtime does not count it, so that what is dropped may stay for as long as
 * no thread happens to collect its garbage.
 *
 * @module
 */

/** Eighths of a power of two: what is asked for is rounded up to one, so that sizes that differ a little are one. */
const steps = 8;
const leastBytes = 64 * 1024;

/** Gives the room of memory back to the system, if it can; it holds zeros then. `undefined` where nobody can. */
export type Discard = (memory: SharedArrayBuffer) => Promise<boolean> | undefined;

/** Memory that nobody uses. */
interface Free {
  readonly memory: SharedArrayBuffer;
  /** Whether it takes room, and holds anything; otherwise it holds zeros. */
  readonly isSpare: boolean;
}

/** Memory that nobody uses now. */
export class SharedMemoryPool {
  readonly #mostBytes: number;
  readonly #mostSpareBytes: number;
  /** What was not used for longest comes first. */
  readonly #free: Free[] = [];
  #freeBytes = 0;
  #spareBytes = 0;
  /** What is being given back to the system, and is nobody's until that is done. */
  #leavingBytes = 0;

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

  /** The bytes that take room meanwhile. */
  get spareBytes(): number {
    return this.#spareBytes + this.#leavingBytes;
  }

  /** Takes memory of at least so many bytes, and at most a quarter more than that, rounded up. */
  take(byteLength: number): SharedArrayBuffer {
    return this.#take(byteLength).memory;
  }

  /** As {@linkcode take}, but what is taken holds zeros. */
  takeZeros(byteLength: number): SharedArrayBuffer {
    const { memory, isSpare } = this.#take(byteLength);
    // Word by word, as a fifth of the time of byte by byte: half a millisecond for 8 MiB.
    if (isSpare) new Int32Array(memory).fill(0);
    return memory;
  }

  #take(byteLength: number): Free {
    const wanted = rounded(byteLength);
    let best = -1, least = wanted * 1.25;
    // The smallest that will do, so that none is missing where more is wanted; of those the last, since it takes room.
    for (let at = 0; at < this.#free.length; at++) {
      const { memory: { byteLength } } = this.#free[at];
      if (byteLength < wanted || byteLength > least) continue;
      best = at;
      least = byteLength;
    }
    return best < 0 ? { memory: new SharedArrayBuffer(wanted), isSpare: false } : this.#remove(best);
  }

  /**
   * Takes memory back.
   *
   * @param memory What nobody looks at any more.
   * @param discard Gives up the room of what was not used for longest, if too much takes some.
   */
  giveBack(memory: SharedArrayBuffer, discard: Discard = () => undefined): void {
    this.#add({ memory, isSpare: true });
    for (const free of [...this.#free]) {
      if (this.#spareBytes <= this.#mostSpareBytes) break;
      if (free.isSpare) this.#discard(free, discard);
    }
    this.#dropOldest();
  }

  #discard(free: Free, discard: Discard): void {
    const { memory } = free, discarded = discard(memory);
    if (discarded === undefined) return;
    this.#remove(this.#free.indexOf(free));
    this.#leavingBytes += memory.byteLength;
    void discarded.then((isDone) => {
      this.#leavingBytes -= memory.byteLength;
      this.#add({ memory, isSpare: !isDone });
      this.#dropOldest();
    });
  }

  /** Adds what takes room behind what takes none, for it to be taken first. */
  #add(free: Free): void {
    const { memory: { byteLength }, isSpare } = free;
    const roomless = isSpare ? -1 : this.#free.findIndex((other) => other.isSpare);
    this.#free.splice(roomless < 0 ? this.#free.length : roomless, 0, free);
    this.#freeBytes += byteLength;
    if (isSpare) this.#spareBytes += byteLength;
  }

  #remove(at: number): Free {
    const [free] = this.#free.splice(at, 1), { memory: { byteLength }, isSpare } = free;
    this.#freeBytes -= byteLength;
    if (isSpare) this.#spareBytes -= byteLength;
    return free;
  }

  /** Leaves what was not used for longest to the garbage collector, if there is too much. */
  #dropOldest(): void {
    while (this.#freeBytes > this.#mostBytes) this.#remove(0);
  }
}

function rounded(byteLength: number): number {
  const least = Math.max(leastBytes, byteLength);
  const step = 2 ** Math.floor(Math.log2(least)) / steps;
  return Math.ceil(least / step) * step;
}
