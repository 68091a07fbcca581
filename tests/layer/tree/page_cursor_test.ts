import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, pageBytes } from "../../../src/base/mod.ts";
import { fileSeed } from "../../../src/layer/formats/file_seed.ts";
import { pageSeed } from "../../../src/layer/formats/page_format.ts";
import { memoryCursor, pageCursor, type VersionRange } from "../../../src/layer/mod.ts";
import { PageBuilder } from "../../../src/layer/tree/page_builder.ts";
import { Random, seeds } from "../../random.ts";
import {
  assertRows,
  FixturePages,
  IndexFixture,
  layerOf,
  randomIndex,
  randomRange,
  type Row,
  rowsIn,
  walk,
} from "../layer_fixture.ts";
import { blockOf, readSlot, type Slot } from "./page_fixture.ts";

const key = (...bytes: number[]) => Uint8Array.from(bytes);

Deno.test("pageCursor() walks nothing of a layer without keys, and reads nothing", async () => {
  const t = await layerOf(new IndexFixture());
  for (const reverse of [false, true]) {
    const pages = new FixturePages(t);
    assertEquals(await walk(pageCursor(t.layer, { reverse, start: key(1) }), pages), []);
    assertEquals(pages.rounds, 0);
  }
});

Deno.test("pageCursor() walks the ranges of a small layer", async () => {
  const t = new IndexFixture();
  t.add(1, [[key(1), key(0)], [key(2), undefined], [key(3), key()]]);
  t.add(5, [[key(2), key(1, 2)], [key(2, 0), undefined]]);
  t.add(9, [[key(2), undefined]]);
  const layer = await layerOf(t);
  const cases: [VersionRange, string][] = [
    [{}, "01@1 02@1 02@5 02@9 0200@5 03@1"],
    [{ start: key(2), startLsn: 5 }, "02@5 02@9 0200@5 03@1"],
    [{ start: key(2), startLsn: 10 }, "0200@5 03@1"],
    [{ end: key(2) }, "01@1"],
    [{ end: key(2), endLsn: 6 }, "01@1 02@1 02@5"],
    [{ start: key(2), startLsn: 2, end: key(2), endLsn: 9 }, "02@5"],
    [{ start: key(2), end: key(2) }, ""],
    [{ start: key(3), end: key(2) }, ""],
    [{ start: key(0) }, "01@1 02@1 02@5 02@9 0200@5 03@1"],
    [{ start: key(4) }, ""],
    [{ end: key(0) }, ""],
    [{ start: key(), end: key(255) }, "01@1 02@1 02@5 02@9 0200@5 03@1"],
  ];
  const name = ({ key, lsn }: Row) => `${key}@${lsn}`;
  for (const [range, expected] of cases) {
    const names = expected.split(" ").filter((name) => name !== "");
    assertEquals((await walk(pageCursor(layer.layer, range), new FixturePages(layer))).map(name), names);
    const back = await walk(pageCursor(layer.layer, { ...range, reverse: true }), new FixturePages(layer));
    assertEquals(back.map(name), names.reverse());
  }
});

Deno.test("pageCursor() walks what memoryCursor() does, both ways, from and to anywhere", async () => {
  for (const seed of seeds("page cursor", 4)) {
    const random = new Random(seed);
    const t = randomIndex(random, random.pick([1, 20, 3000]), random.pick([1, 5]));
    const rows = t.rows();
    const layer = await layerOf(t);
    for (let i = 0; i < 20; i++) {
      const range = randomRange(random, rows);
      const found = await walk(
        pageCursor(layer.layer, range),
        new FixturePages(layer),
        random.pick([1, 7, Infinity]),
      );
      assertRows(found, rowsIn(rows, range));
      assertRows(await walk(memoryCursor(t.index, range)), found);
    }
  }
});

Deno.test("pageCursor() walks versions of one key across leaves", async () => {
  const t = new IndexFixture();
  const long = new Uint8Array(512).fill(5);
  t.add(1, [[key(4), undefined], [key(6), undefined]]);
  for (let lsn = 2; lsn <= 5000; lsn++) t.add(lsn, [[long, lsn % 7 === 0 ? undefined : key(1)]]);
  const layer = await layerOf(t);
  assert(layer.description.leafPages >= 3, "they span leaves");
  const rows = t.rows();
  const ranges: VersionRange[] = [
    {},
    { start: long, startLsn: 2500 },
    { start: long, startLsn: 100, end: long, endLsn: 4000 },
    { end: long, endLsn: 3000 },
  ];
  for (const range of ranges) {
    for (const reverse of [false, true]) {
      const found = await walk(pageCursor(layer.layer, { ...range, reverse }), new FixturePages(layer));
      assertRows(found, rowsIn(rows, { ...range, reverse }));
    }
  }
});

Deno.test("pageCursor() reads each leaf once, ever more of them at a time, and none far behind the end", async () => {
  const random = new Random(3);
  const keys = Array.from({ length: 3000 }, () => random.bytes(100));
  const layer = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { leafPages } = layer.description;
  assert(leafPages > 30, `${leafPages} leaves`);
  for (const reverse of [false, true]) {
    const pages = new FixturePages(layer);
    await walk(pageCursor(layer.layer, { reverse }), pages);
    assertEquals(pages.fetched.length, leafPages);
    const most = 16;
    assertEquals(pages.rounds, 4 + Math.ceil((leafPages - 15) / most));
  }
  const pages = new FixturePages(layer);
  const first = layer.description.firstKey;
  await walk(pageCursor(layer.layer, { start: first, end: Uint8Array.from([...first, 0]) }), pages);
  assertEquals(pages.fetched.length, layer.description.height);
});

Deno.test("pageCursor() reads no leaf whose first version is where a walk starts, if it goes back from there", async () => {
  const random = new Random(5);
  const keys = Array.from({ length: 3000 }, () => random.bytes(100));
  const layer = await layerOf(new IndexFixture().add(7, keys.map((key) => [key, undefined])));
  const { key: end } = readSlot(layer.page(3), 0);
  const pages = new FixturePages(layer);
  const cursor = pageCursor(layer.layer, { end, endLsn: 7, reverse: true });
  while (!cursor.settle(pages)) await pages.fetch();
  const { order } = layer.layer.object;
  assertEquals([pages.fetched.length, pages.fetched.at(-1)], [layer.description.height, `${order}/2`]);
});

Deno.test("pageCursor() throws when it comes to a damaged leaf, and not before", async () => {
  const random = new Random(4);
  const t = new IndexFixture().add(7, Array.from({ length: 3000 }, () => [random.bytes(18), undefined]));
  const layer = await layerOf(t);
  layer.tail[3 * pageBytes + 50] ^= 1;
  const pages = new FixturePages(layer);
  const cursor = pageCursor(layer.layer);
  const seen: number[] = [];
  const walking = (async () => {
    for (;; cursor.step(cursor.end - cursor.at)) {
      while (!cursor.settle(pages)) await pages.fetch();
      if (cursor.ended) return;
      seen.push(cursor.end - cursor.at);
    }
  })();
  const error = await assertRejects(() => walking, CorruptionError);
  assertEquals([error.offset, seen.length], [layer.description.valuesEnd + 3 * pageBytes, 3]);
});

Deno.test("pageCursor() gives no row that leads out of the values of its layer", async () => {
  const one = key(1, 2);
  const t = await layerOf(new IndexFixture().add(5, [[one, one], [key(9), one]]), {
    firstLsn: 5,
    lastLsn: 9,
  });
  const good = { key: one, lsn: 5, offset: 4096, tagged: 24 * 4 + 1 };
  const { valuesEnd } = t.description;
  const cases: [Partial<Slot>, boolean][] = [
    [{}, true],
    [{ offset: valuesEnd - 24 }, true],
    [{ offset: valuesEnd - 23 }, false],
    [{ offset: 4095 }, false],
    [{ offset: 2 ** 48 - 1 }, false],
    [{ tagged: 2 ** 34 - 1 }, false],
    [{ tagged: 21 * 4 + 1 }, false],
    [{ lsn: 4 }, false],
    [{ lsn: 10 }, false],
    [{ key: new Uint8Array(512), tagged: 540 * 4 }, true],
    [{ key: new Uint8Array(512), tagged: 531 * 4 }, false],
  ];
  for (const [part, sound] of cases) {
    const builder = new PageBuilder(0);
    builder.add(blockOf([{ ...good, ...part }]), 0, 1);
    builder.finish(t.tail.subarray(0, pageBytes), pageSeed(fileSeed(t.description.fileId), 0));
    const walked = walk(pageCursor(t.layer), new FixturePages(t));
    if (sound) assertEquals((await walked).length, 1, JSON.stringify(part));
    else await assertRejects(() => walked, CorruptionError);
  }
});
