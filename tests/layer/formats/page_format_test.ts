import { assert, assertEquals } from "@std/assert";
import { compareKeys, maxKeyBytes, maxLsn, pageBytes } from "../../../src/base/mod.ts";
import { fileSeed } from "../../../src/layer/formats/file_seed.ts";
import {
  getUint,
  isPageIntact,
  isSoundIndexPage,
  pageCount,
  pageHeaderBytes,
  pageSeed,
  PageType,
  prefixLength,
  putColumn,
  putUint,
  searchPage,
  slotKeyEquals,
  stampPage,
  suffixStart,
  uintWidth,
} from "../../../src/layer/formats/page_format.ts";
import { Random, seeds } from "../../random.ts";
import { buildPages, randomSlots, readSlot, type Slot } from "../tree/page_fixture.ts";

/** The last slot at or before (key, LSN), found one by one. */
function searchLinearly(slots: readonly Slot[], key: Uint8Array, lsn: number): number {
  return slots.findLastIndex((slot) => (compareKeys(slot.key, key) || slot.lsn - lsn) <= 0);
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

Deno.test("putUint(), putColumn() and getUint() agree on every width", () => {
  const page = new Uint8Array(64);
  const random = new Random(1);
  for (let i = 0; i < 20_000; i++) {
    const value = i < 100 ? i : i < 200 ? maxLsn - i : i < 300 ? 2 ** 32 - 150 + i - 100 : random.long();
    const width = uintWidth(value);
    putUint(page, 3, width, value);
    assertEquals(getUint(page, 3, width), value);
    const base = random.pick([0, 1, value >>> 1]);
    const values = Float64Array.of(value + base, base, value + base);
    if (value + base > maxLsn) continue;
    assertEquals(putColumn(page, 5, width, values, 3, base), 5 + 3 * width);
    assertEquals([0, 1, 2].map((at) => getUint(page, 5 + at * width, width)), [value, 0, value]);
    assert(
      width === 0 ? value === 0 : value >= 256 ** (width - 1) && value < 256 ** width,
      "no byte is wasted",
    );
  }
});

Deno.test("searchPage() finds what a linear search finds", () => {
  for (const seed of seeds("search page", 40)) {
    const random = new Random(seed);
    for (const { page, held } of buildPages(randomSlots(random, random.pick([1, 2, 30, 1000]))).slice(0, 3)) {
      for (let i = 0; i < 300; i++) {
        const { key, lsn } = random.pick(held);
        const near = neighbour(random, key);
        const asOf = random.pick([lsn, lsn - 1, lsn + 1, 0, maxLsn]);
        const found = searchPage(page, near, asOf);
        assertEquals(found, searchLinearly(held, near, asOf));
        if (found >= 0) {
          assertEquals(slotKeyEquals(page, found, near), compareKeys(held[found].key, near) === 0);
        }
      }
    }
  }
});

Deno.test("isPageIntact() notices any bit of a page that is flipped, and any other place or file", () => {
  const [{ page }] = buildPages(randomSlots(new Random(3), 100));
  const seed = pageSeed(1, 0);
  for (let bit = 0; bit < pageBytes * 8; bit++) {
    page[bit >> 3] ^= 1 << (bit & 7);
    if (isPageIntact(page, seed, PageType.INDEX)) throw new Error(`bit ${bit} went unnoticed`);
    page[bit >> 3] ^= 1 << (bit & 7);
  }
  assert(isPageIntact(page, seed, PageType.INDEX), "it checks again");
  assertEquals(isPageIntact(page, seed, PageType.FILTER), false);
  for (let other = 1; other < 1000; other++) {
    assertEquals(isPageIntact(page, pageSeed(1, other), PageType.INDEX), false);
    assertEquals(isPageIntact(page, pageSeed(1 + other, 0), PageType.INDEX), false);
  }
});

Deno.test("fileSeed() differs for files that differ in one bit", () => {
  const found = new Set([fileSeed(0)]);
  for (let bit = 0; bit < 53; bit++) found.add(fileSeed(2 ** bit));
  assertEquals(found.size, 54);
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
  for (const slot of new Set([0, count - 1, count >> 1])) {
    readSlot(inside, slot);
    slotKeyEquals(inside, slot, key);
  }
  searchPage(inside, key, 5);
}

Deno.test("isSoundIndexPage() refuses keys that are none by their length", () => {
  const key = new Uint8Array(maxKeyBytes), other = Uint8Array.from(key, (_, at) => at < 300 ? 0 : 1);
  const slots = [key, other].map((key) => ({ key, lsn: 1, offset: 0, tagged: 0 }));
  const { page } = buildPages(slots)[0];
  assert(isSoundIndexPage(page), "keys may have 512 bytes");
  // The last suffix goes on for a byte more.
  const end = pageHeaderBytes + prefixLength(page) + 2 * slots.length;
  page[end]++;
  assertEquals(isSoundIndexPage(page), false);
  const { page: empty } = buildPages([{ key: key.subarray(0, 1), lsn: 1, offset: 0, tagged: 0 }])[0];
  const [start] = [suffixStart(empty, 0)], at = pageHeaderBytes + prefixLength(empty) + 2;
  assert(isSoundIndexPage(empty), "and one byte");
  [empty[at], empty[at + 1]] = [start & 0xff, start >> 8];
  assertEquals(isSoundIndexPage(empty), prefixLength(empty) > 0);
});

Deno.test("isSoundIndexPage() lets no read leave a page, whatever is in it", () => {
  const random = new Random(7);
  const pages = [30, 300, 4000].map((count) => buildPages(randomSlots(random, count))[0].page);
  let sound = 0;
  for (let i = 0; i < 6000; i++) {
    const page = i % 10 === 0 ? random.bytes(pageBytes) : random.pick(pages).slice();
    for (let flips = random.from(1, 4); flips > 0; flips--) {
      const at = random.once(2) ? random.from(4, 24) : random.from(4, 1000);
      page[at] = random.pick([0, 1, 7, 8, 0x1f, 0x20, 0x7f, 0xff, page[at] ^ 1 << random.below(8)]);
    }
    page[4] = PageType.INDEX;
    stampPage(page, 9);
    assert(isPageIntact(page, 9, PageType.INDEX), "its checksum is right");
    if (!isSoundIndexPage(page)) continue;
    sound++;
    readAll(page, random.bytes(random.from(1, 20)));
  }
  assert(sound > 500, `${sound} pages were sound`);
});
