import { assertEquals, assertStrictEquals } from "@std/assert";
import { pageBytes } from "../../src/base/mod.ts";
import { CachedPages, PageCache } from "../../src/layer/mod.ts";
import { Random } from "../random.ts";

function pageOf(number: number): Uint8Array {
  return Uint8Array.of(number);
}

function cached(file: CachedPages): number[] {
  return file.pages.flatMap((page, number) => page === undefined ? [] : [number]);
}

Deno.test("PageCache keeps pages that were used and gives up those that were not", () => {
  const cache = new PageCache(3 * pageBytes);
  const file = new CachedPages();
  for (const number of [0, 1, 2]) cache.put(file, number, pageOf(number));
  cache.get(file, 0);
  cache.get(file, 2);
  cache.put(file, 3, pageOf(3));
  assertEquals(cached(file), [0, 2, 3]);
  cache.put(file, 4, pageOf(4));
  assertEquals(cached(file).length, 3);
  assertEquals(cached(file).includes(4), true);
});

Deno.test("PageCache finds a place when every page was used", () => {
  const cache = new PageCache(2 * pageBytes);
  const file = new CachedPages();
  for (let number = 0; number < 50; number++) {
    cache.put(file, number, pageOf(number));
    for (const known of cached(file)) cache.get(file, known);
    assertEquals(cached(file).length, Math.min(2, number + 1));
    assertStrictEquals(cache.get(file, number)?.[0], number);
  }
});

Deno.test("PageCache is bounded over all files, and a page that is put twice is there once", () => {
  const random = new Random(1);
  const cache = new PageCache(10 * pageBytes + 1);
  const files = [new CachedPages(), new CachedPages(), new CachedPages()];
  for (let i = 0; i < 5000; i++) {
    const file = random.pick(files);
    const number = random.below(20);
    const page = cache.get(file, number);
    if (page === undefined) cache.put(file, number, pageOf(number));
    else assertEquals(page[0], number);
    if (random.once(10)) cache.put(file, number, pageOf(number));
    const held = files.flatMap(cached).length;
    assertEquals([held <= 10, cache.metrics().bytes], [true, held * pageBytes]);
  }
});

Deno.test("PageCache counts hits and misses, and holds one page at least", () => {
  const cache = new PageCache(0);
  const file = new CachedPages();
  assertEquals(cache.get(file, 0), undefined);
  cache.put(file, 0, pageOf(0));
  cache.get(file, 0);
  assertEquals(cache.metrics(), { hits: 1, misses: 1, bytes: pageBytes });
  cache.put(file, 1, pageOf(1));
  assertEquals(cached(file), [1]);
});
