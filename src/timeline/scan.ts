/**
 * Scans: the keys of all layers merged in key order, each with its newest version as of an LSN.
 *
 * @module
 */

import { compareKeys, type Lsn, Pacer } from "../base/mod.ts";
import type { Entry } from "./entry.ts";
import { type LayerSet, memoryLayers } from "./layer_set.ts";
import { Located, sourcesOf } from "./locate.ts";
import { FetchedPages, fetchPages, type PageNeed, type ReadContext, ReadLeases } from "./read_context.ts";
import { type ReadGuard, readLocated } from "./read_window.ts";
import {
  MemoryScanSource,
  type ScanBounds,
  type ScanItem,
  type ScanSource,
  SealedScanSource,
} from "./scan_source.ts";

/**
 * Keys whose values are read together: few at first, so that the first entry comes soon, then more and more. Values
 * that were written in another order than that of keys lie the closer the more of them are read at once.
 */
const firstWindowKeys = 512;
const mostWindowKeys = 65536;

/** Which keys, in which direction, how many. */
export interface ScanPlan extends ScanBounds {
  /** The most entries. */
  readonly limit: number;
}

/**
 * Reads a range of keys as of an LSN.
 *
 * @param context What reads.
 * @param layers Where to look.
 * @param plan Which keys.
 * @param lsn The LSN.
 * @param guard Stops the read.
 * @yields One or more entries, in key order; deleted keys are left out.
 */
export async function* readRange(
  context: ReadContext,
  layers: LayerSet,
  plan: ScanPlan,
  lsn: Lsn,
  guard: ReadGuard,
): AsyncGenerator<Entry[]> {
  using leases = new ReadLeases(context.files);
  const merge = new Merge(context, leases, layers, plan, lsn);
  let left = plan.limit;
  let size = firstWindowKeys;
  while (left > 0) {
    const window = await merge.take(Math.min(left, size), guard);
    if (window.keys.length === 0) return;
    left -= window.keys.length;
    size = Math.min(size * 2, mostWindowKeys);
    yield* readLocated(context, leases, window.located, window.keys, guard);
  }
}

interface ScanWindow {
  readonly keys: Uint8Array[];
  readonly located: Located;
}

/** A source, and its number among the sources of records; of two with the same key the newer wins. */
interface Rank {
  readonly source: ScanSource;
  readonly number: number;
  readonly age: number;
}

class Merge {
  readonly #context: ReadContext;
  readonly #leases: ReadLeases;
  readonly #layers: LayerSet;
  readonly #sign: number;
  /** A binary heap, the next key first. */
  readonly #heap: Rank[] = [];
  /** Sources that must settle before they stand in the heap. */
  #unsettled: Rank[];
  readonly #pacer = new Pacer(4);
  #needs: PageNeed[] = [];
  #fetched: FetchedPages | undefined;

  constructor(context: ReadContext, leases: ReadLeases, layers: LayerSet, bounds: ScanBounds, lsn: Lsn) {
    this.#context = context;
    this.#leases = leases;
    this.#layers = layers;
    this.#sign = bounds.reverse ? -1 : 1;
    const memory = memoryLayers(layers).map((layer) => new MemoryScanSource(layer.index, bounds, lsn));
    const sealed = layers.sealed.map((layer) => new SealedScanSource(context, layer, bounds, lsn));
    this.#unsettled = [
      ...memory.map((source, i) => ({ source, number: i, age: i })),
      ...sealed.map((source, i) => ({
        source,
        number: memory.length + i,
        age: memory.length + sealed.length - i,
      })),
    ];
  }

  /** Takes the next keys that have a value; fewer than `most` at the end of the range only. */
  async take(most: number, guard: ReadGuard): Promise<ScanWindow> {
    const keys: Uint8Array[] = [];
    const located = new Located(most, sourcesOf(this.#layers));
    while (keys.length < most) {
      if (!this.#settle()) await this.#settleByReading(guard);
      if ((keys.length & 255) === 255 && this.#pacer.due()) await this.#pacer.turn();
      const first = this.#pop();
      if (first === undefined) break;
      const item = first.source.item as ScanItem;
      this.#leave(first);
      while (this.#heap.length > 0 && compareKeys(this.#top(), item.key) === 0) {
        this.#leave(this.#pop() as Rank);
      }
      if (item.deleted) continue;
      located.set(keys.length, first.number, item.lsn, item.offset, item.length);
      keys.push(item.key);
    }
    return { keys, located };
  }

  #leave(rank: Rank): void {
    rank.source.next();
    this.#unsettled.push(rank);
  }

  /** Puts every source that can settle without reading into the heap; returns whether all could. */
  #settle(): boolean {
    const unsettled = this.#unsettled;
    while (unsettled.length > 0) {
      const rank = unsettled[unsettled.length - 1];
      if (!rank.source.settle(this.#needs, this.#fetched)) return false;
      unsettled.pop();
      if (rank.source.item !== undefined) this.#push(rank);
    }
    return true;
  }

  /** Reads the pages that sources need, all of them in one batch, until every source has settled. */
  async #settleByReading(guard: ReadGuard): Promise<void> {
    while (this.#unsettled.length > 0) {
      const waiting: Rank[] = [];
      this.#needs = [];
      for (const rank of this.#unsettled) {
        if (!rank.source.settle(this.#needs, this.#fetched)) waiting.push(rank);
        else if (rank.source.item !== undefined) this.#push(rank);
      }
      this.#unsettled = waiting;
      this.#fetched = undefined;
      if (waiting.length === 0) return;
      const fetched = new FetchedPages();
      await fetchPages(this.#context, this.#leases, this.#needs, fetched, false);
      guard.check();
      this.#fetched = fetched;
    }
    this.#fetched = undefined;
  }

  #top(): Uint8Array {
    return (this.#heap[0].source.item as ScanItem).key;
  }

  #before(a: Rank, b: Rank): boolean {
    const order = compareKeys((a.source.item as ScanItem).key, (b.source.item as ScanItem).key) * this.#sign;
    return order < 0 || order === 0 && a.age < b.age;
  }

  #push(rank: Rank): void {
    const heap = this.#heap;
    let at = heap.push(rank) - 1;
    while (at > 0) {
      const parent = at - 1 >>> 1;
      if (!this.#before(rank, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = rank;
  }

  #pop(): Rank | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
