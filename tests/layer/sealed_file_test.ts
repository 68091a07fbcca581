import { assert, assertEquals, assertThrows } from "@std/assert";
import { compareKeys, CorruptionError, crc32, maxLsn, pageBytes } from "../../src/base/mod.ts";
import {
  appendIndex,
  bloomMayContain,
  encodeFooter,
  entryKey,
  entryKeyEquals,
  entryLsn,
  entryOffset,
  entryTaggedLength,
  hashKey,
  MemoryIndex,
  pageCount,
  pageLevel,
  SealedFile,
  searchPage,
  terminalFlag,
  tombstoneFlag,
} from "../../src/layer/mod.ts";
import { fileSeed, pageSeed, stampPage } from "../../src/layer/page_format.ts";
import { Random } from "../random.ts";
import { type Given, IndexFixture, MemorySink, SealedFixture } from "./layer_fixture.ts";

/** Finds the last entry at or before (key, LSN) from the root down; `undefined` if it is of another key. */
function seek(
  t: SealedFixture,
  key: Uint8Array,
  lsn: number,
): { lsn: number; offset: number; tagged: number } | undefined {
  let page = t.page(t.file.rootPage());
  for (;;) {
    const entry = searchPage(page, key, lsn);
    if (entry < 0) return undefined;
    const offset = entryOffset(page, entry);
    if (pageLevel(page) === 0) {
      if (!entryKeyEquals(page, entry, key)) return undefined;
      return { lsn: entryLsn(page, entry), offset, tagged: entryTaggedLength(page, entry) };
    }
    page = t.page(offset);
  }
}

/** Checks that the sealed index answers as the open one did, and that its footer is right. */
function assertSame(t: SealedFixture, index: MemoryIndex, lsns: readonly number[]): void {
  for (let key = 0; key < index.keyCount; key++) {
    const bytes = index.keyOf(key).slice();
    const hash = hashKey(bytes, 0, bytes.length);
    assert(bloomMayContain(t.page(t.file.bloomPage(hash)), hash), "the filter knows every key");
    for (const lsn of lsns) {
      const entry = index.seek(key, lsn);
      const found = seek(t, bytes, lsn);
      assertEquals(found?.lsn, entry < 0 ? undefined : index.lsnOf(entry));
      if (found === undefined) continue;
      const flags = terminalFlag | (index.isTombstone(entry) ? tombstoneFlag : 0);
      assertEquals(found, {
        lsn: index.lsnOf(entry),
        offset: index.offsetOf(entry),
        tagged: index.lengthOf(entry) * 4 + flags,
      });
    }
  }
}

/** Checks the tree as a whole (P1, P2), and that every version is in a leaf. */
function assertSound(t: SealedFixture, versions: number): void {
  const { footer } = t;
  let entries = 0;
  let lastKey: Uint8Array = new Uint8Array(0), lastLsn = -1;
  for (let number = 0; number < footer.leafPages; number++) {
    const page = t.page(number);
    for (let entry = 0; entry < pageCount(page); entry++) {
      const key = entryKey(page, entry), lsn = entryLsn(page, entry);
      assert((compareKeys(lastKey, key) || lastLsn - lsn) < 0, "P1: entries increase");
      [lastKey, lastLsn] = [key, lsn];
      entries++;
    }
  }
  assertEquals(entries, versions);
  const children: number[] = [];
  for (let number = footer.leafPages; number < footer.indexPages; number++) {
    const page = t.page(number);
    for (let entry = 0; entry < pageCount(page); entry++) {
      const child = t.page(entryOffset(page, entry));
      assertEquals(pageLevel(child), pageLevel(page) - 1);
      assertEquals(
        [entryKey(page, entry), entryLsn(page, entry)],
        [entryKey(child, 0), entryLsn(child, 0)],
        "P2",
      );
      children.push(entryOffset(page, entry));
    }
  }
  assertEquals(children, Array.from({ length: Math.max(0, footer.indexPages - 1) }, (_, i) => i));
  const indexBytes = footer.indexPages * pageBytes;
  assertEquals(footer.indexCrc, crc32(t.tail.subarray(0, indexBytes)));
  assertEquals(
    footer.bloomCrc,
    crc32(t.tail.subarray(indexBytes, indexBytes + footer.bloomPages * pageBytes)),
  );
}

Deno.test("appendIndex() seals an index without keys", async () => {
  const t = await SealedFixture.make(new MemoryIndex());
  assertEquals([t.footer.versions, t.footer.keys, t.footer.indexPages, t.footer.height], [0, 0, 0, 0]);
  assertEquals([t.footer.firstKey.length, t.footer.lastKey.length, t.footer.bloomPages], [0, 0, 1]);
  assertEquals(bloomMayContain(t.page(t.file.bloomPage(5)), 5), false);
  assertSound(t, 0);
});

Deno.test("appendIndex() seals one key", async () => {
  const t = new IndexFixture();
  t.add(maxLsn, [[new Uint8Array(512).fill(3), undefined]]);
  const sealed = await SealedFixture.make(t.index);
  assertEquals([sealed.footer.height, sealed.footer.leafPages, sealed.footer.tombstones], [1, 1, 1]);
  assertEquals(sealed.footer.firstKey, sealed.footer.lastKey);
  assertSame(sealed, t.index, [0, maxLsn - 1, maxLsn]);
  assertSound(sealed, 1);
});

Deno.test("appendIndex() seals many keys of all lengths, each with some versions", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(seed);
    const t = new IndexFixture();
    const keys = Array.from({ length: 3000 }, () => random.bytes(random.pick([1, 2, 3, 18, 100, 512])));
    for (let lsn = 1; lsn <= 4; lsn++) {
      const some = keys.filter(() => random.once(lsn));
      t.add(
        lsn * 10,
        some.map((key): Given => [key, random.once(5) ? undefined : random.bytes(random.below(9))]),
      );
    }
    const sealed = await SealedFixture.make(t.index);
    assert(sealed.footer.height >= 2, "it has parents");
    assertSame(sealed, t.index, [0, 9, 10, 25, 40, maxLsn]);
    assertSound(sealed, t.index.versionCount);
    const sorted = t.index.sortedKeys();
    assertEquals(sealed.footer.firstKey, t.index.keyOf(sorted[0]).slice());
    assertEquals(sealed.footer.lastKey, t.index.keyOf(sorted[sorted.length - 1]).slice());
  }
});

Deno.test("appendIndex() seals versions of one key that span pages", async () => {
  const t = new IndexFixture();
  const hot = Uint8Array.of(5), before = Uint8Array.of(4), after = Uint8Array.of(5, 0);
  t.add(1, [[before, undefined], [after, undefined]]);
  for (let lsn = 2; lsn <= 6000; lsn++) t.add(lsn * 3, [[hot, lsn % 7 === 0 ? undefined : Uint8Array.of(1)]]);
  const sealed = await SealedFixture.make(t.index);
  assert(sealed.footer.leafPages >= 3, "they span pages");
  assertSame(sealed, t.index, [0, 1, 5, 6, 7, 3000, 3001, 3002, 9000, 17_999, 18_000, 18_001]);
  assertSound(sealed, t.index.versionCount);
});

Deno.test("appendIndex() seals a tree of three levels and more", async () => {
  const random = new Random(4);
  const t = new IndexFixture();
  // Keys whose first byte differs share nothing, so that a page holds some fifteen of them.
  const keys = Array.from({ length: 4000 }, (_, i) => {
    const key = random.bytes(512);
    key[0] = i;
    return key;
  });
  t.add(7, keys.map((key) => [key, undefined]));
  const sealed = await SealedFixture.make(t.index);
  assert(sealed.footer.height >= 3, `it has ${sealed.footer.height} levels`);
  assertSame(sealed, t.index, [6, 7]);
  assertSound(sealed, 4000);
  for (let i = 0; i < 500; i++) assertEquals(seek(sealed, random.bytes(512), 7), undefined);
});

Deno.test("appendIndex() keeps what it wrote when keys come and go between slices", async () => {
  const random = new Random(5);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 100_000 }, () => [random.bytes(8), undefined]));
  const sink = new MemorySink(4096);
  const values = { fileId: 1n, firstLsn: 1, lastLsn: 1, valuesCrc: 0 };
  const sealing = appendIndex(sink, t.index, values);
  // A reader that scans the frozen layer meanwhile sorts its keys too.
  await new Promise<void>((resolve) => setTimeout(resolve));
  t.index.sortedKeys();
  const footer = await sealing;
  assert(sink.asked > 5, "it asks for room");
  assertSound(new SealedFixture(footer, sink.bytes), 100_000);
});

async function anySealed(): Promise<SealedFixture> {
  const random = new Random(6);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 2000 }, () => [random.bytes(18), undefined]));
  return await SealedFixture.make(t.index);
}

Deno.test("SealedFile.checkPage() names file and offset of a page that is damaged or elsewhere", async () => {
  const t = await anySealed();
  const pages = t.footer.indexPages + t.footer.bloomPages;
  for (let number = 0; number < pages; number++) {
    const page = t.page(number).slice();
    for (let other = 0; other < pages; other++) {
      if (other !== number) assertThrows(() => t.file.checkPage(other, page), CorruptionError);
    }
    page[5000] ^= 1;
    const error = assertThrows(() => t.file.checkPage(number, page), CorruptionError);
    assertEquals([error.path, error.offset], ["/sealed", t.footer.valuesEnd + number * pageBytes]);
  }
  assertThrows(() => t.file.checkPage(0, new Uint8Array(pageBytes)), CorruptionError);
  assertThrows(() => t.file.checkPage(0, t.page(0).subarray(0, 4096)), CorruptionError);
});

Deno.test("SealedFile.checkPage() refuses a page of the wrong level although its checksum is right", async () => {
  const t = await anySealed();
  const root = t.file.rootPage();
  const seed = fileSeed(t.footer.fileId);
  const leaf = t.page(0).slice(), parent = t.page(root).slice();
  stampPage(leaf, pageSeed(seed, root));
  stampPage(parent, pageSeed(seed, 0));
  assertThrows(() => t.file.checkPage(root, leaf), CorruptionError);
  assertThrows(() => t.file.checkPage(0, parent), CorruptionError);
});

Deno.test("SealedFile.acceptFooter() takes the footer of its own file and length only", async () => {
  const t = await anySealed();
  const description = { path: "/x", fileId: t.footer.fileId, byteLength: t.file.byteLength };
  const block = encodeFooter(t.footer);
  new SealedFile(description).acceptFooter(block);
  const damaged = block.slice();
  damaged[200] ^= 1;
  const cases: [Partial<typeof description>, Uint8Array][] = [
    [{ fileId: 1n }, block],
    [{ byteLength: description.byteLength + 4096 }, block],
    [{}, damaged],
    [{}, new Uint8Array(4096)],
    [{}, block.subarray(0, 100)],
  ];
  for (const [part, bytes] of cases) {
    const file = new SealedFile({ ...description, ...part });
    const error = assertThrows(() => file.acceptFooter(bytes), CorruptionError);
    assertEquals([error.path, error.offset], ["/x", file.byteLength - 4096]);
    assertEquals(file.footer, undefined);
  }
});
