/** `deno task bench:cache`: how often policies of replacement find what they are asked for. The same on every machine. */

import { print } from "./peers/print.ts";
import { Clock, Lru, type Policy, S3Fifo, Sieve, TinyLfu } from "./caching/policies.ts";
import { pageBytes, type Trace, traces } from "./caching/traces.ts";
import { CachedParts } from "../src/objects/cache/cached_parts.ts";
import { ObjectCache } from "../src/objects/cache/object_cache.ts";
import { rangeHeader } from "../src/objects/cache/range_table.ts";

/** The cache of the store: what is smaller than a page is a range. */
class Product implements Policy {
  readonly #cache: ObjectCache;
  readonly #parts = new CachedParts(1);
  readonly #page = new Uint8Array(0);
  readonly #range = new Uint8Array(pageBytes);

  constructor(most: number) {
    this.#cache = new ObjectCache(most);
  }

  access(id: number, size: number): boolean {
    const cache = this.#cache, parts = this.#parts;
    if (size === pageBytes) {
      if (cache.get(parts, id) !== undefined) return true;
      cache.put(parts, id, this.#page);
      return false;
    }
    const place = cache.findRange(parts, id);
    if (place === 0) cache.putRange(parts, id, this.#range, 0, size - rangeHeader);
    else cache.useRange(place);
    return place !== 0;
  }
}

const policies: Readonly<Record<string, (trace: Trace) => Policy>> = {
  clock: ({ cacheBytes }) => new Clock(cacheBytes),
  LRU: ({ cacheBytes }) => new Lru(cacheBytes),
  SIEVE: ({ cacheBytes }) => new Sieve(cacheBytes),
  "S3-FIFO": ({ cacheBytes }) => new S3Fifo(cacheBytes),
  "W-TinyLFU": ({ cacheBytes, entries }) => new TinyLfu(cacheBytes, entries),
  "the store's": ({ cacheBytes }) => new Product(cacheBytes),
};

if (import.meta.main) {
  const names = Deno.args.length > 0 ? Deno.args : Object.keys(policies);
  print(`| trace | figure | ${names.join(" | ")} |`);
  print(`| --- | --- |${names.map(() => " --: |").join("")}`);
  for (const trace of traces) {
    const figures = names.map((name) => {
      const policy = policies[name](trace);
      return trace.run((id, size) => policy.access(id, size)).toFixed(3);
    });
    print(`| ${trace.title} | ${trace.figure} | ${figures.join(" | ")} |`);
  }
}
