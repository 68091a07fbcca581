/** What is asked of a cache: the same sequence for every policy. */

import { randomOf } from "../peers/keys.ts";

/** The bytes of a page. */
export const pageBytes = 8192;
/** The bytes of a record of 18 + 100 B, with its header and with what the store's cache keeps in front of it. */
export const recordBytes = 160;

/** Asks for an entry; returns whether it was there. */
export type Ask = (id: number, size: number) => boolean;

/** A sequence of questions. */
export interface Trace {
  /** What it is like. */
  readonly title: string;
  /** The bytes of the cache. */
  readonly cacheBytes: number;
  /** How many entries of the trace's kind fit the cache. */
  readonly entries: number;
  /** What the figure counts. */
  readonly figure: string;
  /** Asks everything and returns the figure. */
  run(ask: Ask): number;
}

/** Makes a source of integers below `count`, of which the i-th is drawn in proportion to 1 / i ** 0.99. */
export function zipfOf(count: number, seed: number): () => number {
  const random = randomOf(seed);
  const sums = new Float64Array(count);
  for (let i = 0, sum = 0; i < count; i++) sums[i] = sum += 1 / (i + 1) ** 0.99;
  return () => {
    const drawn = random(2 ** 32) / 2 ** 32 * sums[count - 1];
    let low = 0, high = count - 1;
    while (low < high) {
      const middle = low + high >>> 1;
      if (sums[middle] < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Spreads the numbers below a power of two, so that what is asked for most does not stand side by side. */
function spread(number: number, bits: number): number {
  return (Math.imul(number, 0x9e3779b1) >>> 0) % 2 ** bits;
}

const few = 4096;
const fewBytes = few * pageBytes;
const gets = 1_000_000;

/** Zipfian gets of pages, with a scan of all of them after so many gets. */
function zipfian(title: string, scanEvery: number): Trace {
  const count = few * 10;
  const run = (ask: Ask) => {
    const next = zipfOf(count, 7);
    let hits = 0;
    for (let i = 1; i <= gets; i++) {
      if (ask(next(), pageBytes)) hits++;
      if (i % scanEvery === 0) { for (let id = 0; id < count; id++) ask(id, pageBytes); }
    }
    return hits / gets;
  };
  return { title, cacheBytes: fewBytes, entries: few, figure: "hits of gets", run };
}

/** Pages one after the other, over and over, a tenth more than there is room for. */
const loop: Trace = {
  title: "a loop over 1.1 × the cache",
  cacheBytes: fewBytes,
  entries: few,
  figure: "hits",
  run: (ask) => {
    const count = Math.floor(few * 1.1);
    let hits = 0;
    for (let i = 0; i < gets; i++) if (ask(i % count, pageBytes)) hits++;
    return hits / gets;
  },
};

/** The gets of a store: filters of layers, inner page, leaf and record. */
function store(title: string, next: (keys: number) => () => number, cacheBytes: number): Trace {
  const bits = 20, layers = 8, slots = 250;
  const keys = 2 ** bits, keysInLayer = keys / layers;
  const filters = Math.ceil(keysInLayer * 12 / 65024), leaves = Math.ceil(keysInLayer / slots);
  const pagesInLayer = filters + leaves + 1;
  const run = (ask: Ask) => {
    const draw = next(keys);
    let reads = 0;
    for (let i = 0; i < gets; i++) {
      const key = spread(draw(), bits), layer = key % layers, inLayer = Math.floor(key / layers);
      for (let other = 0; other <= layer; other++) {
        const filter = spread(key + other, bits) % filters;
        if (!ask(other * pagesInLayer + filter, pageBytes)) reads++;
      }
      const first = layer * pagesInLayer + filters;
      if (!ask(first, pageBytes)) reads++;
      if (!ask(first + 1 + Math.floor(inLayer / slots), pageBytes)) reads++;
      if (!ask(layers * pagesInLayer + key, recordBytes)) reads++;
    }
    return reads / gets;
  };
  return { title, cacheBytes, entries: cacheBytes / recordBytes, figure: "reads a get", run };
}

/** Every trace. */
export const traces: readonly Trace[] = [
  zipfian("zipfian gets", Infinity),
  zipfian("zipfian gets, a full scan after every 100,000", 100_000),
  loop,
  store("zipfian gets of a store, 8 MiB", (keys) => zipfOf(keys, 11), 8 << 20),
  store("zipfian gets of a store, 32 MiB", (keys) => zipfOf(keys, 11), 32 << 20),
  store("even gets of a store, 16 MiB", (keys) => {
    const random = randomOf(13);
    return () => random(keys);
  }, 16 << 20),
];
