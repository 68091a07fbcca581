import { assertEquals, assertStrictEquals } from "@std/assert";
import { pageBytes } from "../../../src/base/mod.ts";
import { type CachedPages, PageCache } from "../../../src/objects/read/page_cache.ts";
import { Random, seeds } from "../../random.ts";

function pageOf(number: number): Uint8Array {
  return Uint8Array.of(number);
}

/** The numbers of the pages that are in memory. */
function cached(chunks: CachedPages): number[] {
  const numbers: number[] = [];
  for (const chunk of chunks) {
    chunk?.pages.forEach((page, i) => page === undefined || numbers.push(chunk.index * 32 + i));
  }
  return numbers;
}

Deno.test("PageCache keeps pages that were used and gives up those that were not", () => {
  const cache = new PageCache(3 * pageBytes);
  const pages: CachedPages = [];
  for (const number of [0, 31, 32]) cache.put(pages, number, pageOf(number));
  cache.get(pages, 0);
  cache.get(pages, 32);
  cache.peek(pages, 31);
  cache.put(pages, 700, pageOf(3));
  assertEquals(cached(pages), [0, 32, 700]);
  cache.put(pages, 4, pageOf(4));
  assertEquals(cached(pages).length, 3);
  assertEquals(cached(pages).includes(4), true);
});

Deno.test("PageCache finds a place when every page was used", () => {
  const cache = new PageCache(2 * pageBytes);
  const pages: CachedPages = [];
  for (let number = 0; number < 50; number++) {
    cache.put(pages, number, pageOf(number));
    for (const known of cached(pages)) cache.get(pages, known);
    assertEquals(cached(pages).length, Math.min(2, number + 1));
    assertStrictEquals(cache.get(pages, number)?.[0], number);
  }
});

Deno.test("PageCache is bounded over all objects, also when some of them are dropped", () => {
  for (const seed of seeds("page cache", 3)) {
    const random = new Random(seed);
    const cache = new PageCache(10 * pageBytes + 1);
    const objects: CachedPages[] = [[], [], []];
    for (let i = 0; i < 5000; i++) {
      const at = random.below(3), number = random.below(random.once(2) ? 20 : 200);
      const pages = objects[at];
      const page = cache.get(pages, number);
      if (page === undefined) cache.put(pages, number, pageOf(number));
      else assertEquals(page[0], number % 256);
      if (random.once(10)) cache.put(pages, number, pageOf(number));
      if (random.once(100)) {
        cache.drop(pages);
        assertEquals(cached(pages), []);
        objects[at] = [];
      }
      const held = objects.flatMap(cached).length;
      assertEquals([held <= 10, cache.byteLength], [true, held * pageBytes]);
    }
  }
});

Deno.test("PageCache lets go of the chunks of an object when their last page is given up", () => {
  const cache = new PageCache(pageBytes);
  const pages: CachedPages = [];
  for (let number = 0; number < 3200; number += 32) cache.put(pages, number, pageOf(1));
  assertEquals(pages.filter((chunk) => chunk !== undefined).length, 1);
});

Deno.test("PageCache counts hits, and holds one page at least", () => {
  const cache = new PageCache(0);
  const pages: CachedPages = [];
  assertEquals(cache.get(pages, 0), undefined);
  cache.put(pages, 0, pageOf(0));
  cache.get(pages, 0);
  assertEquals([cache.hits, cache.byteLength], [1, pageBytes]);
  cache.put(pages, 1, pageOf(1));
  assertEquals(cached(pages), [1]);
});
