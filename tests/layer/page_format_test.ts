import { assert, assertEquals } from "@std/assert";
import { compareKeys, maxLsn, pageBytes } from "../../src/base/mod.ts";
import { PageBuilder } from "../../src/layer/page_builder.ts";
import {
  checkPage,
  entryKey,
  entryKeyEquals,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  fileSeed,
  getUint,
  isSoundIndexPage,
  pageCount,
  pageLevel,
  pageSeed,
  PageType,
  putUint,
  searchPage,
  stampPage,
  uintWidth,
} from "../../src/layer/page_format.ts";
import { Random } from "../random.ts";

interface Entry {
  key: Uint8Array;
  lsn: number;
  offset: number;
  tagged: number;
}

function compareEntries(a: Entry, b: Entry): number {
  return compareKeys(a.key, b.key) || a.lsn - b.lsn;
}

/** Sorted entries, all different, with keys that share as much as `random` wants them to. */
function randomEntries(random: Random, count: number): Entry[] {
  const prefix = random.bytes(random.pick([0, 0, 1, 30, 400]));
  const longest = random.pick([1, 3, 20, 512 - prefix.length]);
  const lsnOf = random.pick([
    () => random.long(),
    () => random.from(1, 3),
    () => maxLsn - random.below(70_000),
  ]);
  const limit = random.pick([1, 2 ** 16, 2 ** 32]);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const key = new Uint8Array(prefix.length + random.from(prefix.length === 0 ? 1 : 0, longest));
    key.set(prefix);
    for (let at = prefix.length; at < key.length; at++) key[at] = random.pick([0, 1, 255, random.below(256)]);
    entries.push({ key, lsn: lsnOf(), offset: random.below(limit), tagged: random.below(limit) });
  }
  entries.sort(compareEntries);
  return entries.filter((entry, i) => i === 0 || compareEntries(entries[i - 1], entry) !== 0);
}

/** Builds pages of entries; returns each with what it should hold. */
function build(entries: readonly Entry[], level = 0): { page: Uint8Array<ArrayBuffer>; held: Entry[] }[] {
  const memory = new Uint8Array(entries.reduce((sum, { key }) => sum + key.length, 0));
  const builder = new PageBuilder(level);
  const pages: { page: Uint8Array<ArrayBuffer>; held: Entry[] }[] = [];
  let held: Entry[] = [], start = 0;
  const finish = () => {
    const page = new Uint8Array(pageBytes).fill(0xee);
    builder.finish(page, pageSeed(1, pages.length));
    pages.push({ page, held });
    held = [];
  };
  for (const entry of entries) {
    memory.set(entry.key, start);
    const add = () => builder.add(memory, start, entry.key.length, entry.lsn, entry.offset, entry.tagged);
    if (!add()) {
      finish();
      assert(add(), "an empty page takes any entry");
    }
    held.push(entry);
    start += entry.key.length;
  }
  finish();
  return pages;
}

function read(page: Uint8Array, entry: number): Entry {
  return {
    key: entryKey(page, entry),
    lsn: entryLsn(page, entry),
    offset: entryOffset(page, entry),
    tagged: entryTaggedLength(page, entry),
  };
}

/** The last entry at or before (key, LSN), found one by one. */
function searchLinearly(entries: readonly Entry[], key: Uint8Array, lsn: number): number {
  return entries.findLastIndex((entry) => (compareKeys(entry.key, key) || entry.lsn - lsn) <= 0);
}

/** A key that stands near another one. */
function neighbour(random: Random, key: Uint8Array): Uint8Array {
  const other = key.slice();
  switch (random.below(6)) {
    case 0:
      return other.subarray(0, random.from(0, key.length));
    case 1:
      return Uint8Array.from([...other, random.pick([0, 255])]);
    case 2:
      other[random.below(key.length)]++;
      return other;
    case 3:
      other[random.below(key.length)]--;
      return other;
    case 4:
      return random.bytes(random.from(1, 4));
    default:
      return other;
  }
}

Deno.test("putUint() and getUint() agree on every width", () => {
  const page = new Uint8Array(16);
  const random = new Random(1);
  for (let i = 0; i < 20_000; i++) {
    const value = i < 100 ? i : i < 200 ? maxLsn - i : i < 300 ? 2 ** 32 - 150 + i - 100 : random.long();
    const width = uintWidth(value);
    putUint(page, 3, width, value);
    assertEquals(getUint(page, 3, width), value);
    assert(
      width === 0 ? value === 0 : value >= 256 ** (width - 1) && value < 256 ** width,
      "no byte is wasted",
    );
  }
});

Deno.test("PageBuilder encodes what it was given, as much of it as fits", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const level = random.pick([0, 1, 31]);
    const pages = build(randomEntries(random, random.pick([1, 2, 50, 4000])), level);
    pages.forEach(({ page, held }, number) => {
      assert(checkPage(page, pageSeed(1, number), PageType.INDEX), "it checks");
      assert(isSoundIndexPage(page), "it is sound");
      assertEquals([pageLevel(page), pageCount(page)], [level, held.length]);
      assertEquals(held.map((_, i) => read(page, i)), held);
    });
  }
});

Deno.test("PageBuilder takes entries at the ends of their ranges", () => {
  const longest = (end: number) => {
    const key = new Uint8Array(512).fill(9);
    key[511] = end;
    return key;
  };
  const most = { offset: 2 ** 48 - 1, tagged: 2 ** 40 - 1 };
  const entries = [
    { key: longest(1), lsn: 0, offset: 0, tagged: 0 },
    { key: longest(1), lsn: maxLsn, ...most },
    { key: longest(2), lsn: 1, offset: 2 ** 32 - 1, tagged: 2 ** 32 - 1 },
  ];
  const [{ page, held }, ...more] = build(entries);
  assertEquals([held.map((_, i) => read(page, i)), more], [entries, []]);
  for (const alone of entries) assertEquals(read(build([alone])[0].page, 0), alone);
});

Deno.test("PageBuilder shares the keys of many versions", () => {
  const key = new Uint8Array(512).fill(1);
  const entries = Array.from({ length: 5000 }, (_, i) => ({ key, lsn: i + 1, offset: i, tagged: 4 }));
  const pages = build(entries);
  assert(pages[0].held.length > 1000, `a page holds ${pages[0].held.length} versions`);
  assertEquals(
    pages.flatMap(({ page, held }) => held.map((_, i) => read(page, i).lsn)),
    entries.map(({ lsn }) => lsn),
  );
});

Deno.test("searchPage() finds what a linear search finds", () => {
  for (let seed = 100; seed < 140; seed++) {
    const random = new Random(seed);
    for (const { page, held } of build(randomEntries(random, random.pick([1, 2, 30, 1000]))).slice(0, 3)) {
      for (let i = 0; i < 300; i++) {
        const { key, lsn } = random.pick(held);
        const near = neighbour(random, key);
        const asOf = random.pick([lsn, lsn - 1, lsn + 1, 0, maxLsn]);
        const found = searchPage(page, near, asOf);
        assertEquals(found, searchLinearly(held, near, asOf), `seed ${seed}`);
        if (found >= 0) {
          assertEquals(entryKeyEquals(page, found, near), compareKeys(held[found].key, near) === 0);
        }
      }
    }
  }
});

Deno.test("checkPage() notices any bit of a page that is flipped, and any other place or file", () => {
  const [{ page }] = build(randomEntries(new Random(3), 100));
  const seed = pageSeed(1, 0);
  for (let bit = 0; bit < pageBytes * 8; bit++) {
    page[bit >> 3] ^= 1 << (bit & 7);
    if (checkPage(page, seed, PageType.INDEX)) throw new Error(`bit ${bit} went unnoticed`);
    page[bit >> 3] ^= 1 << (bit & 7);
  }
  assert(checkPage(page, seed, PageType.INDEX), "it checks again");
  assertEquals(checkPage(page, seed, PageType.BLOOM), false);
  for (let other = 1; other < 1000; other++) {
    assertEquals(checkPage(page, pageSeed(1, other), PageType.INDEX), false);
    assertEquals(checkPage(page, pageSeed(1 + other, 0), PageType.INDEX), false);
  }
});

Deno.test("fileSeed() differs for files that differ in one bit", () => {
  const seeds = new Set([fileSeed(0n)]);
  for (let bit = 0n; bit < 64n; bit++) seeds.add(fileSeed(1n << bit));
  assertEquals(seeds.size, 65);
});

/** A page that tells whoever reads past its end. */
function guarded(page: Uint8Array): Uint8Array {
  return new Proxy(page, {
    get(target, name) {
      if (
        typeof name === "string" && /^-?\d+$/.test(name) && !(Number(name) >= 0 && Number(name) < pageBytes)
      ) {
        throw new Error(`byte ${name} was read`);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function readAll(page: Uint8Array, key: Uint8Array): void {
  const inside = guarded(page);
  const count = pageCount(inside);
  for (const entry of new Set([0, count - 1, count >> 1])) {
    read(inside, entry);
    entryKeyEquals(inside, entry, key);
  }
  searchPage(inside, key, 5);
}

Deno.test("isSoundIndexPage() lets no read leave a page, whatever is in it", () => {
  const random = new Random(7);
  const pages = [30, 300, 4000].map((count) => build(randomEntries(random, count))[0].page);
  let sound = 0;
  for (let i = 0; i < 6000; i++) {
    const page = i % 10 === 0 ? random.bytes(pageBytes) : random.pick(pages).slice();
    for (let flips = random.from(1, 4); flips > 0; flips--) {
      const at = random.once(2) ? random.from(4, 24) : random.from(4, 1000);
      page[at] = random.pick([0, 1, 7, 8, 0x1f, 0x20, 0x7f, 0xff, page[at] ^ 1 << random.below(8)]);
    }
    page[4] = PageType.INDEX;
    stampPage(page, 9);
    assert(checkPage(page, 9, PageType.INDEX), "its checksum is right");
    if (!isSoundIndexPage(page)) continue;
    sound++;
    readAll(page, random.bytes(random.from(1, 20)));
  }
  assert(sound > 500, `${sound} pages were sound`);
});
