/**
 * When batches were appended, to the second, and coarser the longer ago it is.
 *
 * ```
 *   batches   1 2 3  4 5          6                       all up to 3 were appended by 10:00:01, all up to 5 by
 *   clock     10:00:00.2  :01.7   14:30:00.0              10:00:02, all up to 6 by 14:30:01
 *   points    3 ≤ 10:00:01 │ 5 ≤ 10:00:02 │ 6 ≤ 14:30:01
 *
 *   thinned   of the points in one stretch of 2^k seconds the last one stays; k grows with the age
 * ```
 *
 * A point is an upper bound, so that leaving one out makes answers coarser and never wrong.
 *
 * @module
 */

import type { Lsn } from "./lsn.ts";

/** Points of time: all batches up to `lsns[i]`, and no other, had been appended by the second `seconds[i]`. */
export interface Times {
  /** LSNs of batches, ascending. */
  readonly lsns: Float64Array<ArrayBuffer>;
  /** Whole seconds since the epoch, ascending. */
  readonly seconds: Float64Array<ArrayBuffer>;
}

/** No point. */
export const noTimes: Times = { lsns: new Float64Array(0), seconds: new Float64Array(0) };

/** A point that is so many times older than a stretch of time is one of several in it that are thinned to one. */
const agesPerStretch = 4096;
/** The largest number of seconds of which a date can be made. */
export const maxSeconds: number = 8.64e12;

/** The whole second by which a moment is over. */
export function secondAfter(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) + 1;
}

/**
 * How long the stretches are of which one point stays: the largest power of two that is at most 1/4096 of the age, one
 * second at least.
 *
 * @param age How old a point is, in seconds.
 */
export function stretchOf(age: number): number {
  return age < agesPerStretch ? 1 : 2 ** Math.floor(Math.log2(age / agesPerStretch));
}

/**
 * Adds points behind others, and thins them all by their age before the last of them.
 *
 * @param times The points there are.
 * @param more Others; those that are not behind them are passed over.
 * @returns The points that stay: at most 8192, and 4096 for every doubling of 8192 seconds that they go back.
 */
export function joinTimes(times: Times, more: Times): Times {
  const known = times.lsns[times.lsns.length - 1] ?? 0, before = times.seconds[times.lsns.length - 1] ?? 0;
  let from = 0;
  while (from < more.lsns.length && (more.lsns[from] <= known || more.seconds[from] < before)) from++;
  if (from === more.lsns.length) return times;
  const count = times.lsns.length + more.lsns.length - from;
  const lsns = new Float64Array(count), seconds = new Float64Array(count);
  lsns.set(times.lsns);
  seconds.set(times.seconds);
  lsns.set(more.lsns.subarray(from), times.lsns.length);
  seconds.set(more.seconds.subarray(from), times.lsns.length);
  return thinned(lsns, seconds);
}

/** Thins points, in place, and returns those that stay. */
function thinned(lsns: Float64Array<ArrayBuffer>, seconds: Float64Array<ArrayBuffer>): Times {
  const last = seconds.length - 1, newest = seconds[last];
  let kept = 0;
  for (let i = 0; i <= last; i++) {
    const stretch = stretchOf(newest - seconds[i]);
    const isLast = i === last || Math.floor(seconds[i] / stretch) !== Math.floor(seconds[i + 1] / stretch);
    if (!isLast) continue;
    lsns[kept] = lsns[i];
    seconds[kept++] = seconds[i];
  }
  return { lsns: lsns.slice(0, kept), seconds: seconds.slice(0, kept) };
}

/** The last LSN that is known to have been appended by a moment, in milliseconds since the epoch; 0 if none is. */
export function lsnAtTime({ lsns, seconds }: Times, milliseconds: number): Lsn {
  const at = firstFrom(seconds, milliseconds / 1000, true);
  return at === 0 ? 0 : lsns[at - 1];
}

/** The second by which the batch at an LSN had been appended; `undefined` if no point tells. */
export function secondOfLsn({ lsns, seconds }: Times, lsn: Lsn): number | undefined {
  return seconds[firstFrom(lsns, lsn, false)];
}

/** Where the first number stands that is above a bound, or as large if that counts not as below. */
function firstFrom(numbers: Float64Array, bound: number, isBoundBelow: boolean): number {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] < bound || isBoundBelow && numbers[middle] === bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What cannot be about points of time that were read, in words; `undefined` if they can be. */
export function timesFault({ lsns, seconds }: Times): string | undefined {
  for (let i = 0; i < lsns.length; i++) {
    const isRight = lsns[i] > (lsns[i - 1] ?? 0) && seconds[i] > (seconds[i - 1] ?? 0);
    if (!isRight) return `LSN ${lsns[i]} by second ${seconds[i]}`;
  }
  return lsns.length === seconds.length ? undefined : "LSNs without times";
}
