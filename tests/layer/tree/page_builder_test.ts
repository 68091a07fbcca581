import { assert, assertEquals } from "@std/assert";
import { maxLsn } from "../../../src/base/mod.ts";
import {
  isPageIntact,
  isSoundIndexPage,
  pageCount,
  pageLevel,
  pageSeed,
  PageType,
} from "../../../src/layer/formats/page_format.ts";
import { Random, seeds } from "../../random.ts";
import { buildPages, randomSlots, readSlot } from "./page_fixture.ts";

Deno.test("PageBuilder encodes what it was given, as much of it as fits", () => {
  for (const seed of seeds("page builder", 60)) {
    const random = new Random(seed);
    const level = random.pick([0, 1, 31]);
    const slots = randomSlots(random, random.pick([1, 2, 50, 4000]));
    const pages = buildPages(slots, level, random.pick([1, 7, 512, Infinity]));
    pages.forEach(({ page, held }, number) => {
      assert(isPageIntact(page, pageSeed(1, number), PageType.INDEX), "it checks");
      assert(isSoundIndexPage(page), "it is sound");
      assertEquals([pageLevel(page), pageCount(page)], [level, held.length]);
      assertEquals(held.map((_, i) => readSlot(page, i)), held);
    });
    assertEquals(pages.reduce((sum, { held }) => sum + held.length, 0), slots.length);
  }
});

Deno.test("PageBuilder makes the same pages of blocks of any size, and none with room for the next slot", () => {
  const slots = randomSlots(new Random(5), 5000);
  const pages = buildPages(slots);
  for (const rows of [1, 100]) assertEquals(buildPages(slots, 0, rows), pages);
  let at = 0;
  for (const { held } of pages.slice(0, -1)) {
    at += held.length;
    assertEquals(buildPages(slots.slice(at - held.length, at + 1)).length, 2);
  }
});

Deno.test("PageBuilder makes the same page whatever comes behind it", () => {
  const few = Array.from({ length: 400 }, (_, i) => {
    return { key: Uint8Array.of(1, i >> 8, i), lsn: 9, offset: i, tagged: 4 };
  });
  const large = { key: new Uint8Array(512).fill(2), lsn: maxLsn, offset: 2 ** 40, tagged: 2 ** 33 };
  const slots = [...few, ...few.map((slot) => ({ ...slot, key: Uint8Array.of(1, 9, ...slot.key) }))];
  const most = buildPages(slots)[0].held.length;
  const [alone] = buildPages(slots.slice(0, most));
  const [first, second] = buildPages([...slots.slice(0, most), large]);
  assertEquals(first, alone);
  assertEquals(readSlot(second.page, 0), large);
});

Deno.test("PageBuilder takes slots at the ends of their ranges", () => {
  const longest = (end: number) => {
    const key = new Uint8Array(512).fill(9);
    key[511] = end;
    return key;
  };
  const most = { offset: 2 ** 48 - 1, tagged: 2 ** 34 - 1 };
  const slots = [
    { key: longest(1), lsn: 0, offset: 0, tagged: 0 },
    { key: longest(1), lsn: maxLsn, ...most },
    { key: longest(2), lsn: 1, offset: 2 ** 32 - 1, tagged: 2 ** 32 - 1 },
  ];
  const [{ page, held }, ...more] = buildPages(slots);
  assertEquals([held.map((_, i) => readSlot(page, i)), more], [slots, []]);
  for (const alone of slots) assertEquals(readSlot(buildPages([alone])[0].page, 0), alone);
});

Deno.test("PageBuilder shares the keys of many versions", () => {
  const key = new Uint8Array(512).fill(1);
  const slots = Array.from({ length: 5000 }, (_, i) => ({ key, lsn: i + 1, offset: i, tagged: 4 }));
  const pages = buildPages(slots, 0, 700);
  assert(pages[0].held.length > 1000, `a page holds ${pages[0].held.length} versions`);
  const lsns = pages.flatMap(({ page, held }) => held.map((_, i) => readSlot(page, i).lsn));
  assertEquals(lsns, slots.map(({ lsn }) => lsn));
});

Deno.test("PageBuilder keeps what long keys share with the first, although they share less and less", () => {
  const slots = Array.from({ length: 300 }, (_, i) => {
    const key = new Uint8Array(512).fill(1);
    key[511 - i] = 2;
    return { key, lsn: 1, offset: i, tagged: 4 };
  });
  const pages = buildPages(slots);
  assertEquals(pages.flatMap(({ page, held }) => held.map((_, i) => readSlot(page, i))), slots);
});
