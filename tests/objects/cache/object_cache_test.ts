import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { pageBytes } from "../../../src/base/mod.ts";
import { CachedParts } from "../../../src/objects/cache/cached_parts.ts";
import { Ghosts } from "../../../src/objects/cache/ghosts.ts";
import { mostRangeBytes, ObjectCache } from "../../../src/objects/cache/object_cache.ts";
import { hashPart } from "../../../src/objects/cache/range_table.ts";
import { Random, seeds } from "../../random.ts";

/** What so many frames need, with what is kept beside them. */
function bytesOf(frames: number): number {
  return frames * (pageBytes + 256);
}

function pageOf(number: number): Uint8Array {
  return Uint8Array.of(number, number >>> 8);
}

/** A range that says which it is. */
function rangeOf(order: number, offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => order * 31 + offset * 7 + i);
}

function pagesIn(cache: ObjectCache, parts: CachedParts, below: number): number[] {
  return Array.from({ length: below }, (_, page) => page).filter((page) =>
    cache.peek(parts, page) !== undefined
  );
}

function find(cache: ObjectCache, parts: CachedParts, offset: number): Uint8Array | undefined {
  const place = cache.findRange(parts, offset);
  if (place === 0) return undefined;
  const at = cache.offsetAt(place);
  return cache.bytesAt(place).slice(at, at + cache.lengthAt(place));
}

Deno.test("ObjectCache gives up first what was not used since it came", () => {
  const cache = new ObjectCache(bytesOf(20)), parts = new CachedParts(1);
  for (let page = 0; page < 10; page++) cache.put(parts, page, pageOf(page));
  for (const page of [0, 3]) cache.get(parts, page);
  cache.peek(parts, 4);
  for (let page = 100; page < 1000; page++) cache.put(parts, page, pageOf(page));
  assertEquals(pagesIn(cache, parts, 100), [0, 3], "what passes by once displaces nothing that was used");
  assertEquals(pagesIn(cache, parts, 1000).length * pageBytes, cache.pageByteLength);
});

Deno.test("ObjectCache keeps what comes back soon beside what was used", () => {
  const cache = new ObjectCache(bytesOf(20)), parts = new CachedParts(1);
  for (let page = 0; page < 22; page++) cache.put(parts, page, pageOf(page));
  assertEquals(cache.peek(parts, 0), undefined);
  cache.put(parts, 0, pageOf(0));
  for (let page = 100; page < 160; page++) cache.put(parts, page, pageOf(page));
  assertEquals(cache.peek(parts, 0), pageOf(0), "it is in the main queue");
});

Deno.test("ObjectCache finds room when everything was used", () => {
  const cache = new ObjectCache(bytesOf(2)), parts = new CachedParts(1);
  for (let page = 0; page < 50; page++) {
    cache.put(parts, page, pageOf(page));
    for (const known of pagesIn(cache, parts, 50)) for (let i = 0; i < 5; i++) cache.get(parts, known);
    assertStrictEquals(cache.get(parts, page)?.[0], page);
  }
});

Deno.test("ObjectCache holds one page at least, and no range in room for few pages", () => {
  const cache = new ObjectCache(0), parts = new CachedParts(1);
  for (const page of [0, 1]) cache.put(parts, page, pageOf(page));
  cache.putRange(parts, 64, rangeOf(1, 64, 10), 0, 10);
  assertEquals([pagesIn(cache, parts, 2), cache.pageByteLength], [[1], pageBytes]);
  assertEquals([find(cache, parts, 64), cache.rangeByteLength], [undefined, 0]);
});

Deno.test("ObjectCache keeps small ranges of every length, wherever they lie in memory and object", () => {
  const cache = new ObjectCache(bytesOf(100)), parts = new CachedParts(2 ** 32 - 1);
  const lengths = [0, 1, 15, 16, 17, 128, 129, mostRangeBytes - 1, mostRangeBytes];
  const offsets = lengths.map((length, i) => i % 2 === 0 ? length : 2 ** 37 - length);
  lengths.forEach((length, i) => {
    const bytes = new Uint8Array(length + 100);
    bytes.set(rangeOf(1, offsets[i], length), 33);
    cache.putRange(parts, offsets[i], bytes, 33, length);
  });
  lengths.forEach((length, i) => {
    assertEquals(find(cache, parts, offsets[i]), rangeOf(1, offsets[i], length));
    assertEquals(find(cache, parts, offsets[i] + 2 ** 32), undefined, "the high part of an offset counts");
    assertEquals(find(cache, new CachedParts(7), offsets[i]), undefined);
  });
  cache.putRange(parts, 5, new Uint8Array(mostRangeBytes + 1), 0, mostRangeBytes + 1);
  assertEquals(find(cache, parts, 5), undefined, "a long range is not kept");
});

Deno.test("ObjectCache keeps ranges that are used while others pass by, with their neighbours gone", () => {
  const cache = new ObjectCache(bytesOf(30)), parts = new CachedParts(1);
  const put = (offset: number) => cache.putRange(parts, offset, rangeOf(1, offset, 100), 0, 100);
  for (let offset = 0; offset < 300; offset++) put(offset);
  for (let offset = 1000; offset < 20_000; offset++) {
    put(offset);
    for (const used of [3, 77, 250]) {
      assertEquals(find(cache, parts, used), rangeOf(1, used, 100));
      cache.useRange(cache.findRange(parts, used));
    }
  }
  assertEquals([2, 4, 76].map((offset) => find(cache, parts, offset)), [undefined, undefined, undefined]);
});

Deno.test("ObjectCache.drop() leaves nothing of an object to be found, and others as they are", () => {
  const cache = new ObjectCache(bytesOf(30)), gone = new CachedParts(1), other = new CachedParts(2);
  for (const parts of [gone, other]) {
    for (const page of [0, 40]) cache.put(parts, page, pageOf(page));
    cache.putRange(parts, 16, rangeOf(parts.order, 16, 50), 0, 50);
    cache.useRange(cache.findRange(parts, 16));
  }
  cache.drop(gone);
  const drop = () => [pagesIn(cache, gone, 50), find(cache, gone, 16), cache.pageByteLength];
  assertEquals(drop(), [[], undefined, 2 * pageBytes]);
  cache.put(gone, 0, pageOf(0));
  cache.putRange(gone, 32, rangeOf(1, 32, 50), 0, 50);
  assertEquals(drop(), [[], undefined, 2 * pageBytes], "a read that was on its way keeps nothing");
  assertEquals([pagesIn(cache, other, 50), find(cache, other, 16)], [[0, 40], rangeOf(2, 16, 50)]);
  // What was used of it would stay, if it were not known to be gone.
  for (let offset = 1000; offset < 5000; offset++) {
    cache.putRange(other, offset, rangeOf(2, offset, 100), 0, 100);
  }
  assertEquals([gone.ranges, other.ranges > 0], [0, true]);
});

Deno.test("ObjectCache lets go of the chunks of an object when their last page is given up", () => {
  const cache = new ObjectCache(pageBytes), parts = new CachedParts(1);
  for (let page = 0; page < 3200; page += 32) cache.put(parts, page, pageOf(1));
  assertEquals(parts.chunks.filter((chunk) => chunk !== undefined).length, 1);
});

Deno.test("ObjectCache counts uses by kind, and none of who only looks", () => {
  const cache = new ObjectCache(bytesOf(10)), parts = new CachedParts(1);
  assertEquals(cache.get(parts, 0), undefined);
  cache.put(parts, 0, pageOf(0));
  cache.putRange(parts, 16, rangeOf(1, 16, 50), 0, 50);
  cache.get(parts, 0);
  cache.peek(parts, 0);
  for (let i = 0; i < 2; i++) cache.useRange(cache.findRange(parts, 16));
  assertEquals(cache.counters, { pageHits: 1, pageMisses: 0, rangeHits: 2, rangeMisses: 0 });
});

/** S3-FIFO with lists, as its paper has it; the ghosts are those of the cache. */
class PlainQueues {
  readonly #most: number;
  readonly #small: number[] = [];
  readonly #main: number[] = [];
  readonly #uses = new Map<number, number>();
  readonly #ghosts: Ghosts;

  constructor(most: number) {
    this.#most = most;
    this.#ghosts = new Ghosts(2 ** Math.floor(Math.log2(most * 32)), most);
  }

  access(page: number): boolean {
    const uses = this.#uses.get(page);
    if (uses !== undefined) {
      this.#uses.set(page, Math.min(3, uses + 1));
      return true;
    }
    const queue = this.#ghosts.take(hashPart(1, page, 0xffffffff)) ? this.#main : this.#small;
    while (this.#uses.size === this.#most) this.#evict();
    queue.push(page);
    this.#uses.set(page, 0);
    return false;
  }

  #evict(): void {
    const isSmall = this.#small.length > this.#most / 10 || this.#main.length === 0;
    const page = (isSmall ? this.#small : this.#main).shift() as number;
    const uses = this.#uses.get(page) as number;
    if (isSmall) this.#ghosts.age();
    if (uses > 0) {
      this.#main.push(page);
      this.#uses.set(page, isSmall ? 0 : uses - 1);
      return;
    }
    if (isSmall) this.#ghosts.add(hashPart(1, page, 0xffffffff));
    this.#uses.delete(page);
  }
}

Deno.test("ObjectCache stays within its bound with what finds the smallest ranges", () => {
  const bound = bytesOf(20), cache = new ObjectCache(bound), parts = new CachedParts(1);
  for (let offset = 0; offset < 50_000; offset++) {
    cache.putRange(parts, offset, rangeOf(1, offset, offset % 3), 0, offset % 3);
    assert(cache.rangeByteLength <= bound, `${cache.rangeByteLength} after ${offset}`);
  }
  assert(cache.rangeByteLength > bound * 0.7 && parts.ranges > 4000, `${parts.ranges} ranges`);
});

Deno.test("ObjectCache finds the pages that plain queues find", () => {
  for (const seed of seeds("plain queues", 5)) {
    const random = new Random(seed), most = random.from(1, 60), parts = new CachedParts(1);
    const cache = new ObjectCache(bytesOf(most)), plain = new PlainQueues(most);
    let hits = 0;
    for (let i = 0; i < 20_000; i++) {
      const page = random.below(random.once(2) ? most : most * 5);
      const isHit = cache.get(parts, page) !== undefined;
      if (!isHit) cache.put(parts, page, pageOf(page));
      assertEquals(isHit, plain.access(page), `seed ${seed}, step ${i}`);
      if (isHit) hits++;
    }
    assertEquals(cache.counters.pageHits, hits);
    assert(hits > 0 && hits < 20_000);
  }
});

Deno.test("ObjectCache stays within its bound and finds nothing but what was put, whatever is kept and dropped", () => {
  for (const seed of seeds("object cache", 5)) {
    const random = new Random(seed), frames = random.from(4, 60), bound = bytesOf(frames);
    const cache = new ObjectCache(bound);
    const longest = random.pick([20, 200, mostRangeBytes]);
    // Of more numbers that come back few would still be there.
    const comingBack = Math.ceil(frames / 3);
    let made = 0, found = 0;
    const objects = Array.from({ length: 4 }, () => new CachedParts(++made));
    for (let i = 0; i < 6000; i++) {
      const at = random.below(objects.length), parts = objects[at];
      const number = random.below(random.once(2) ? comingBack : 4000);
      if (random.once(4)) {
        const page = cache.get(parts, number);
        if (page === undefined) cache.put(parts, number, pageOf(number + parts.order));
        else assertEquals(page, pageOf(number + parts.order));
      } else {
        // The length follows from the place, as it does in files.
        const length = (number * 37 + parts.order) % longest, offset = number * 2 ** 21;
        const range = find(cache, parts, offset);
        if (range === undefined) {
          cache.putRange(parts, offset, rangeOf(parts.order, number, length), 0, length);
        } else {
          assertEquals(range, rangeOf(parts.order, number, length));
          cache.useRange(cache.findRange(parts, offset));
          found++;
        }
      }
      if (random.once(500)) {
        cache.drop(parts);
        objects[at] = new CachedParts(++made);
      }
      const { pageByteLength, rangeByteLength } = cache;
      assert(pageByteLength + rangeByteLength <= bound, `${pageByteLength} + ${rangeByteLength}`);
    }
    // In four frames no range is kept.
    assert(frames === 4 ? found === 0 : found > 1000, `${found} ranges were found in ${frames} frames`);
  }
});
