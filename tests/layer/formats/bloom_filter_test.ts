import { assert, assertEquals } from "@std/assert";
import { pageBytes } from "../../../src/base/mod.ts";
import {
  FilterBuilder,
  filterMayContain,
  filterPageCount,
  filterPageOf,
} from "../../../src/layer/formats/bloom_filter.ts";
import { hashKey } from "../../../src/layer/formats/key_hash.ts";
import { isPageIntact, PageType } from "../../../src/layer/formats/page_format.ts";
import { Random } from "../../random.ts";

function filterOf(hashes: Iterable<number>, keys: number): FilterBuilder {
  const builder = new FilterBuilder(keys);
  const all = Uint32Array.from(hashes);
  builder.addAll(all, 0, all.length);
  return builder;
}

function mayContain(filter: FilterBuilder, hash: number): boolean {
  const page = filterPageOf(hash, filter.pages);
  return filterMayContain(filter.bytes.subarray(page * pageBytes, (page + 1) * pageBytes), hash);
}

Deno.test("filterMayContain() never denies a key that is there", () => {
  const random = new Random(1);
  for (const count of [0, 1, 100, 5_000, 100_000]) {
    const hashes = Array.from({ length: count }, () => hashKey(random.bytes(18), 0, 18));
    hashes.push(0, 2 ** 32 - 1, 2 ** 31, 2 ** 31 - 1);
    const filter = filterOf(hashes, count);
    assertEquals(hashes.filter((hash) => !mayContain(filter, hash)), []);
  }
});

Deno.test("filterMayContain() lets fewer than 1.5 % of absent keys pass", () => {
  const random = new Random(2);
  const encoder = new TextEncoder();
  const kinds = [
    (_: number) => random.bytes(18),
    (i: number) => encoder.encode(`user/${i}/name`),
    (i: number) => Uint8Array.of(i >>> 24, i >>> 16, i >>> 8, i),
  ];
  for (const keyOf of kinds) {
    const hashOf = (i: number) => {
      const key = keyOf(i);
      return hashKey(key, 0, key.length);
    };
    const count = 50_000;
    const filter = filterOf(Array.from({ length: count }, (_, i) => hashOf(i)), count);
    let passed = 0;
    for (let i = count; i < 2 * count; i++) if (mayContain(filter, hashOf(i))) passed++;
    assert(passed < count * 0.015, `${passed} of ${count} passed`);
  }
});

Deno.test("filterPageOf() uses every page and none beyond", () => {
  for (const keys of [0, 1, 5418, 5419, 100_000, 2 ** 23]) {
    const pages = filterPageCount(keys);
    assert(pages >= 1 && pages * pageBytes * 8 >= keys * 12, "it has its bits");
    assertEquals([filterPageOf(0, pages), filterPageOf(2 ** 32 - 1, pages)], [0, pages - 1]);
  }
});

Deno.test("FilterBuilder.finish() stamps pages that check", () => {
  const filter = filterOf([1, 2, 3, 2 ** 32 - 1], 20_000);
  for (let page = 0; page < filter.pages; page++) {
    const bytes = filter.finish(page, page + 5);
    assert(isPageIntact(bytes, page + 5, PageType.FILTER), "it checks");
    assertEquals(bytes.subarray(5, 32).some((byte) => byte !== 0), false, "blocks keep off the header");
    assertEquals(bytes.subarray(8160).some((byte) => byte !== 0), false);
  }
  assertEquals([1, 2, 3, 2 ** 32 - 1].every((hash) => mayContain(filter, hash)), true);
});

Deno.test("hashKey() is MurmurHash3 with seed 0, which files depend on", () => {
  const hashOf = (text: string) => hashKey(new TextEncoder().encode(text), 0, text.length);
  assertEquals(hashOf(""), 0);
  assertEquals(hashOf("test"), 0xba6bd213);
  assertEquals(hashOf("Hello, world!"), 0xc0363e43);
  assertEquals(hashOf("The quick brown fox jumps over the lazy dog"), 0x2e4ff723);
  assertEquals(hashKey(new TextEncoder().encode("-test-"), 1, 4), 0xba6bd213);
});
