/**
 * How long operations take: percentiles over the last minute, in fixed memory and without an allocation per operation.
 *
 * Times are counted in buckets whose widths grow with the times, as HdrHistogram does (Gil Tene,
 * https://hdrhistogram.org): 32 of the same width for each power of two, so that what is told is at most a 32nd too
 * large.
 *
 * ```
 *   units of 61 ns   0 1 2 … 31 │ 32 33 … 63 │ 64 66 … 126 │ 128 132 … 252 │ …      up to 131 s
 *                    width 1      width 1      width 2       width 4
 *
 *   time ──►  ┌ 10 s ┬ 10 s ┬ 10 s ┬ 10 s ┬ 10 s ┬ 10 s ┐      a slice of counts each; the oldest is emptied
 *             └──────┴──────┴──────┴──────┴──────┴──────┘      and used again
 * ```
 *
 * @module
 */

/** How long an operation took, over the last 50 to 60 seconds. Times are in milliseconds, at most a 32nd too large. */
export interface Latency {
  /** Operations that ended in this time. */
  readonly count: number;
  /** Half of them took no longer; 0 if there were none. */
  readonly p50Milliseconds: number;
  /** 99 in a hundred took no longer. */
  readonly p99Milliseconds: number;
  /** 999 in a thousand took no longer. */
  readonly p999Milliseconds: number;
  /** None took longer. */
  readonly mostMilliseconds: number;
}

const unitsPerMillisecond = 16_384;
const mostUnits = 2 ** 31 - 1;
/** Buckets for each power of two, as a power of two. */
const bits = 5;
const buckets = (31 - bits + 1) << bits;
const slices = 6;
const sliceMilliseconds = 10_000;
const none = new Uint32Array(0);

/** Times of one kind of operation. Hot: `bench/append_bench.ts`. */
export class LatencyWindow {
  /** By slice, its buckets; not there before the first operation. */
  #counts: Uint32Array | undefined;
  /** Where the buckets start of the slice that is counted in. */
  #at = 0;
  /** When that slice ends, by the monotonic clock. */
  #end = -Infinity;

  /**
   * Counts operations that took the same time.
   *
   * @param began When they began, by the monotonic clock in milliseconds.
   * @param ended When they ended: now.
   * @param count How many.
   */
  record(began: number, ended: number, count: number = 1): void {
    if (ended >= this.#end) this.#turnTo(ended);
    const counts = this.#counts as Uint32Array;
    counts[this.#at + bucketOf((ended - began) * unitsPerMillisecond)] += count;
  }

  /** Empties the slices whose time is over, and goes on in the next one. */
  #turnTo(now: number): void {
    const counts = this.#counts ??= new Uint32Array(slices * buckets);
    const late = Math.min(slices, Math.floor((now - this.#end) / sliceMilliseconds) + 1);
    for (let i = 0; i < late; i++) {
      this.#at = (this.#at + buckets) % counts.length;
      counts.fill(0, this.#at, this.#at + buckets);
    }
    this.#end = late < slices ? this.#end + late * sliceMilliseconds : now + sliceMilliseconds;
  }

  /**
   * How long they took.
   *
   * @param now The time by the monotonic clock.
   */
  latency(now: number): Latency {
    if (now >= this.#end && this.#counts !== undefined) this.#turnTo(now);
    const counts = this.#counts ?? none, sums = new Float64Array(buckets);
    let count = 0;
    for (let slice = 0; slice < counts.length; slice += buckets) {
      for (let i = 0; i < buckets; i++) {
        const times = counts[slice + i];
        sums[i] += times;
        count += times;
      }
    }
    return {
      count,
      p50Milliseconds: quantile(sums, count * 0.5),
      p99Milliseconds: quantile(sums, count * 0.99),
      p999Milliseconds: quantile(sums, count * 0.999),
      mostMilliseconds: quantile(sums, count),
    };
  }
}

function bucketOf(units: number): number {
  const whole = units < mostUnits ? units | 0 : mostUnits;
  const shift = 31 - bits - Math.clz32(whole | 1 << bits);
  return (shift << bits) + (whole >>> shift);
}

/** The time in milliseconds up to which so many were counted; 0 if there are none. */
function quantile(sums: Float64Array, wanted: number): number {
  if (wanted === 0) return 0;
  let bucket = 0;
  for (let counted = sums[0]; counted < wanted;) counted += sums[++bucket];
  const shift = Math.max(0, (bucket >>> bits) - 1);
  const first = bucket - (shift << bits);
  return (first + 1) * 2 ** shift / unitsPerMillisecond;
}
