/**
 * What the cache gave up of late, as fingerprints: whoever comes back soon is worth a longer stay.
 *
 * A fingerprint has one place, where a later one displaces it, and counts until as much more was given up as the main
 * queue holds, as in S3-FIFO (Yang et al., SOSP 2023, § 4.2). Two in 2^16 that share a place are taken for each other,
 * which costs room and nothing else.
 *
 * ```
 *   word:  fingerprint │ when          16 bits each; `when` counts 1/256 of the main queue
 * ```
 *
 * @module
 */

/** Parts of the main queue that are told apart. */
const ticksPerQueue = 256;

/** The fingerprints of what was given up. */
export class Ghosts {
  /** Memory is taken for them with the first: many a store gives nothing up. */
  #words: Uint32Array | undefined;
  readonly #slots: number;
  readonly #framesPerTick: number;
  #frames = 0;
  /** Starts where a word that is still zero counts as old. */
  #now = ticksPerQueue;

  /**
   * Starts without any.
   *
   * @param slots How many may be known, a power of two.
   * @param mainFrames The frames of the main queue.
   */
  constructor(slots: number, mainFrames: number) {
    this.#slots = slots;
    this.#framesPerTick = Math.max(1, mainFrames / ticksPerQueue);
  }

  /** Notes that a frame left the small queue. */
  age(): void {
    this.#frames++;
    this.#now = (ticksPerQueue + Math.floor(this.#frames / this.#framesPerTick)) & 0xffff;
  }

  /** Notes what was given up, by its hash. */
  add(hash: number): void {
    const words = this.#words ??= new Uint32Array(this.#slots);
    words[this.#slotOf(hash)] = (hash & 0xffff) << 16 | this.#now;
  }

  /** Whether it was given up of late; it is forgotten. */
  take(hash: number): boolean {
    const words = this.#words;
    if (words === undefined) return false;
    const slot = this.#slotOf(hash), word = words[slot];
    const isIt = word >>> 16 === (hash & 0xffff) && (this.#now - word & 0xffff) < ticksPerQueue;
    if (isIt) words[slot] = 0;
    return isIt;
  }

  #slotOf(hash: number): number {
    return (hash >>> 8 ^ hash << 20) & this.#slots - 1;
  }
}
