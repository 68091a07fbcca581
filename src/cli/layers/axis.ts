/**
 * Where the edges of layers are drawn along an axis, so that it can be read whether their sizes are alike or not.
 *
 * Drawn by amount, ten small layers above one that was merged are one line; drawn by the ranks of their edges, layers
 * that begin at almost the same key are a staircase. So half of an axis is shared out by amount and half by rank,
 * where an edge counts only as far as the layers that have it are not much larger than what it sets apart:
 *
 * ```text
 * by amount   ├──────────────────────────────────────┼┼┼┤
 * by rank     ├───────────┼────────────┼────────────┼────────────┤
 * drawn       ├────────────────────────┼───────┼───────┼─────────┤
 * ```
 *
 * How much lies between two edges is known of no layer, which tells how much lies between its first and its last:
 * that is data of which each item is known to lie in an interval, and its distribution is found by letting every item
 * lie in its interval as the others make likely (B. W. Turnbull, "The empirical distribution function with arbitrarily
 * grouped, censored and truncated data", Journal of the Royal Statistical Society B 38, 1976).
 *
 * @module
 */

/** Edges along an axis, and the spans between them. */
export interface Axis {
  /** How far each edge is from the next, in any unit; one less than there are edges. */
  readonly gaps: Float64Array;
  /** The edge at which each span starts. */
  readonly starts: Uint32Array;
  /** The edge at which it ends, a later one. */
  readonly ends: Uint32Array;
  /** How much lies in it. */
  readonly amounts: Float64Array;
}

/** After so many rounds shares hardly change. */
const rounds = 8;
/** The least that is believed to lie in a gap at first, by the mean of all. */
const leastShare = 1e-8;
/** An edge counts in full if what it sets apart is such a part of the smallest span that has it. */
const fullPart = 0.25;
/** The part of an axis that is shared out by rank. */
const rankPart = 0.5;

/**
 * Places edges along an axis.
 *
 * @param axis The edges and spans.
 * @returns The place of each edge, ascending from 0 to 1; nothing if there are no gaps.
 */
export function placeEdges(axis: Axis): Float64Array {
  if (axis.gaps.length === 0) return new Float64Array(0);
  const shares = shareOut(axis), ranks = rankGaps(axis, shares);
  const places = runningSums(shares.map((share, i) => (1 - rankPart) * share + rankPart * ranks[i]));
  return places.map((place) => place / places[places.length - 1]);
}

/** How much lies in each gap, by all spans; 1 in sum. */
function shareOut({ gaps, starts, ends, amounts }: Axis): Float64Array {
  const least = sum(gaps) / gaps.length * leastShare || 1;
  const shares = scaled(gaps.map((gap) => gap + least)), total = sum(amounts);
  if (total === 0) return shares;
  const rates = new Float64Array(gaps.length + 1);
  for (let round = 0; round < rounds; round++) {
    const before = runningSums(shares);
    rates.fill(0);
    for (let span = 0; span < starts.length; span++) {
      const rate = amounts[span] / total / (before[ends[span]] - before[starts[span]]);
      // A span may have become too narrow for the numbers; then nothing can be said of its gaps either.
      if (!Number.isFinite(rate)) continue;
      rates[starts[span]] += rate;
      rates[ends[span]] -= rate;
    }
    let rate = 0;
    for (let gap = 0; gap < gaps.length; gap++) {
      rate += rates[gap];
      shares[gap] *= Math.max(rate, 0);
    }
  }
  return scaled(shares);
}

/** What each gap counts by rank; 1 in sum. */
function rankGaps({ gaps, starts, ends }: Axis, shares: Float64Array): Float64Array {
  const before = runningSums(shares), smallest = new Float64Array(gaps.length + 1).fill(Infinity);
  const covers = new Int32Array(gaps.length + 1);
  for (let span = 0; span < starts.length; span++) {
    const start = starts[span], end = ends[span], share = before[end] - before[start];
    smallest[start] = Math.min(smallest[start], share);
    smallest[end] = Math.min(smallest[end], share);
    covers[start]++;
    covers[end]--;
  }
  const ranks = new Float64Array(gaps.length);
  for (let gap = 0, covering = 0; gap < gaps.length; gap++) {
    covering += covers[gap];
    const whole = fullPart * Math.min(smallest[gap], smallest[gap + 1]);
    if (covering > 0) ranks[gap] = shares[gap] < whole ? shares[gap] / whole : 1;
  }
  return scaled(ranks);
}

function scaled(values: Float64Array): Float64Array {
  const total = sum(values);
  return total > 0 ? values.map((value) => value / total) : values;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The sum of the values before each, and of all. */
function runningSums(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i] + values[i];
  return sums;
}
