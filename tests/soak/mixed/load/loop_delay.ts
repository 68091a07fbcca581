/** How late the event loop is. */

const everyMilliseconds = 5, bucketMilliseconds = 0.25, buckets = 8000;

/** Looks how late a timer is, as long as it lives. */
export class LoopDelay implements Disposable {
  readonly #counts = new Uint32Array(buckets);
  readonly #timer: ReturnType<typeof setInterval>;
  #last = performance.now();
  #all = 0;

  /** Starts to look. */
  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now(), late = Math.max(0, now - this.#last - everyMilliseconds);
      this.#counts[Math.min(buckets - 1, Math.floor(late / bucketMilliseconds))]++;
      this.#all++;
      this.#last = now;
    }, everyMilliseconds);
  }

  /** Below which delay in milliseconds such a share of them was. */
  percentile(share: number): number {
    let seen = 0;
    const at = this.#counts.findIndex((count) => (seen += count) >= share * this.#all);
    return (at + 1) * bucketMilliseconds;
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
