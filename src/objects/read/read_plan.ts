/**
 * Planning the reads of many ranges, pages among them: sorted by place, neighbours merged, large ones cut. Pure and
 * synchronous.
 *
 * ```
 *   ranges:   ▓▓   ▓▓▓      ▓▓                     ▓
 *   runs:    └────────────────┘                   └──┘      a gap is read over where that costs less than a read
 * ```
 *
 * On the disk that this was measured on another read costs some 11 µs at depth and a KiB 0.25 µs, so that gaps of up
 * to {@linkcode mergeGapBytes} are read over.
 *
 * @module
 */

/** The largest gap that is read over, in bytes. */
export const mergeGapBytes: number = 24 * 1024;
/** The longest run in bytes, unless it is told otherwise; a longer range is cut into several. */
export const maxRunBytes: number = 256 * 1024;

/** Numbers that stand side by side for one range, in this order: object, offset, length. */
export const wantStride = 3;
const offsetAt = 1, lengthAt = 2;

/** One read. */
export interface Run {
  /** Where the read starts, aligned. */
  readonly offset: number;
  /** Its length in bytes, aligned. */
  readonly length: number;
  /** The pieces that lie in it: the first of them, and the one after the last. */
  readonly firstPiece: number;
  /** See {@linkcode firstPiece}. */
  readonly endPiece: number;
}

/**
 * The reads of a batch of ranges, and the pieces of ranges that they bring, in columns by object and offset. A range has
 * one piece unless it is large.
 */
export interface ReadPlan {
  /** By piece: the number of its range in what was planned. */
  readonly items: number[];
  /** By piece: where it starts in its object. */
  readonly offsets: number[];
  /** By piece: its length in bytes. */
  readonly lengths: number[];
  /** The reads, in the same order. */
  readonly runs: Run[];
}

/**
 * Plans the reads of ranges.
 *
 * @param wants For each range the order of its object, its offset and its length, side by side; a range without
 * length is passed over.
 * @param alignment What offsets and lengths of reads are multiples of.
 * @param mostBytes How long a run is at the most.
 */
export function planReads(
  wants: Float64Array,
  alignment: number,
  mostBytes: number = maxRunBytes,
): ReadPlan {
  const plan: ReadPlan = { items: [], offsets: [], lengths: [], runs: [] };
  const sorted = itemsByPlace(wants);
  for (let i = 0; i < sorted.length; i++) cutPieces(plan, wants, sorted[i], alignment, mostBytes);
  let planned = 0;
  while (planned < plan.items.length) planned = addRun(plan, wants, planned, alignment, mostBytes);
  return plan;
}

/** The ranges that have a length, by object and offset. */
function itemsByPlace(wants: Float64Array): ArrayLike<number> & Iterable<number> {
  const items: number[] = [];
  let isSorted = true;
  for (let item = 0; item * wantStride < wants.length; item++) {
    if (wants[item * wantStride + lengthAt] === 0) continue;
    if (isSorted && items.length > 0 && comparePlaces(wants, items[items.length - 1], item) > 0) {
      isSorted = false;
    }
    items.push(item);
  }
  if (isSorted) return items;
  return sortPacked(wants, items) ?? items.sort((a, b) => comparePlaces(wants, a, b));
}

function comparePlaces(wants: Float64Array, a: number, b: number): number {
  return wants[a * wantStride] - wants[b * wantStride] ||
    wants[a * wantStride + offsetAt] - wants[b * wantStride + offsetAt];
}

/**
 * Sorts ranges as numbers, each made of its object, its offset and its own number, if these fit into 53 bits. Numbers
 * alone are sorted five times as fast as by a comparison.
 */
function sortPacked(wants: Float64Array, items: readonly number[]): Float64Array | undefined {
  const orders = [...new Set(items.map((item) => wants[item * wantStride]))].sort((a, b) => a - b);
  const ranks = new Map(orders.map((order, rank) => [order, rank]));
  let span = 0;
  for (const item of items) span = Math.max(span, wants[item * wantStride + offsetAt] + 1);
  const each = 2 ** Math.ceil(Math.log2(wants.length));
  if (orders.length * span * each > Number.MAX_SAFE_INTEGER) return undefined;
  const packed = new Float64Array(items.length);
  for (let i = 0; i < items.length; i++) {
    const item = items[i], rank = ranks.get(wants[item * wantStride]) as number;
    packed[i] = (rank * span + wants[item * wantStride + offsetAt]) * each + item;
  }
  packed.sort();
  for (let i = 0; i < packed.length; i++) packed[i] -= Math.floor(packed[i] / each) * each;
  return packed;
}

/** Adds the pieces of a range: each, widened to whole blocks, fits a run. */
function cutPieces(
  plan: ReadPlan,
  wants: Float64Array,
  item: number,
  alignment: number,
  mostBytes: number,
): void {
  let at = wants[item * wantStride + offsetAt];
  const end = at + wants[item * wantStride + lengthAt];
  while (at < end) {
    const start = alignDown(at, alignment);
    const cut = end - start > mostBytes - alignment ? start + mostBytes - alignment : end;
    plan.items.push(item);
    plan.offsets.push(at);
    plan.lengths.push(cut - at);
    at = cut;
  }
}

/** Merges pieces from `from` on into one read, as far as that is worth it, and returns the first that it leaves. */
function addRun(
  plan: ReadPlan,
  wants: Float64Array,
  from: number,
  alignment: number,
  mostBytes: number,
): number {
  const { items, offsets, lengths, runs } = plan;
  const order = wants[items[from] * wantStride];
  const start = alignDown(offsets[from], alignment);
  let end = start, to = from;
  for (; to < items.length && wants[items[to] * wantStride] === order; to++) {
    const offset = offsets[to];
    const nextEnd = Math.max(end, alignDown(offset + lengths[to] + alignment - 1, alignment));
    // Where a range that was cut comes twice, the second one starts over in front of this run.
    if (offset < start || offset > end + mergeGapBytes || nextEnd - start > mostBytes) break;
    end = nextEnd;
  }
  runs.push({ offset: start, length: end - start, firstPiece: from, endPiece: to });
  return to;
}

function alignDown(offset: number, alignment: number): number {
  // The remainder of a division, in numbers beyond 32 bits, made planning take twice as long.
  return Math.floor(offset / alignment) * alignment;
}
