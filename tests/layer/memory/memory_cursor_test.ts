import { assert, assertEquals } from "@std/assert";
import {
  hashKey,
  memoryCursor,
  MemoryIndex,
  noPages,
  rowKey,
  type VersionRange,
} from "../../../src/layer/mod.ts";
import { Random, seeds } from "../../random.ts";
import {
  assertRows,
  IndexFixture,
  randomIndex,
  randomRange,
  type Row,
  rowAt,
  rowsIn,
  walk,
} from "../layer_fixture.ts";

const key = (...bytes: number[]) => Uint8Array.from(bytes);

Deno.test("memoryCursor() walks nothing of an index without keys", async () => {
  for (const reverse of [false, true]) {
    assertEquals(await walk(memoryCursor(new MemoryIndex(), { reverse })), []);
    assertEquals(await walk(memoryCursor(new MemoryIndex(), { start: key(1), end: key(2), reverse })), []);
  }
});

Deno.test("memoryCursor() walks the ranges of a small index", async () => {
  const t = new IndexFixture();
  t.add(1, [[key(1), key(0)], [key(2), undefined], [key(3), key()]]);
  t.add(5, [[key(2), key(1, 2)], [key(2, 0), undefined]]);
  t.add(9, [[key(2), undefined]]);
  const cases: [VersionRange, string][] = [
    [{}, "01@1 02@1 02@5 02@9 0200@5 03@1"],
    [{ start: key(2) }, "02@1 02@5 02@9 0200@5 03@1"],
    [{ start: key(2), startLsn: 5 }, "02@5 02@9 0200@5 03@1"],
    [{ start: key(2), startLsn: 6 }, "02@9 0200@5 03@1"],
    [{ start: key(2), startLsn: 10 }, "0200@5 03@1"],
    [{ start: key(1, 9), startLsn: 10 }, "02@1 02@5 02@9 0200@5 03@1"],
    [{ end: key(2) }, "01@1"],
    [{ end: key(2), endLsn: 1 }, "01@1"],
    [{ end: key(2), endLsn: 6 }, "01@1 02@1 02@5"],
    [{ end: key(2, 0) }, "01@1 02@1 02@5 02@9"],
    [{ start: key(2), startLsn: 2, end: key(2), endLsn: 9 }, "02@5"],
    [{ start: key(2), end: key(2) }, ""],
    [{ start: key(3), end: key(2) }, ""],
    [{ start: key(2), startLsn: 9, end: key(2), endLsn: 9 }, ""],
    [{ start: key(4) }, ""],
    [{ end: key(0) }, ""],
    [{ start: key(), end: key(255) }, "01@1 02@1 02@5 02@9 0200@5 03@1"],
  ];
  const name = ({ key, lsn }: Row) => `${key}@${lsn}`;
  for (const [range, expected] of cases) {
    const names = expected.split(" ").filter((name) => name !== "");
    assertEquals((await walk(memoryCursor(t.index, range))).map(name), names);
    const back = await walk(memoryCursor(t.index, { ...range, reverse: true }));
    assertEquals(back.map(name), names.reverse());
  }
});

Deno.test("memoryCursor() walks what a model has, both ways, in any steps", async () => {
  for (const seed of seeds("memory cursor", 5)) {
    const random = new Random(seed);
    const t = randomIndex(random, random.pick([1, 20, 2000]), random.pick([1, 5]));
    const rows = t.rows();
    for (let i = 0; i < 20; i++) {
      const range = randomRange(random, rows);
      const most = random.pick([1, 7, Infinity]);
      assertRows(await walk(memoryCursor(t.index, range), noPages, most), rowsIn(rows, range));
    }
  }
});

Deno.test("memoryCursor() walks keys with more versions than a block has rows", async () => {
  const t = new IndexFixture();
  const hot = [key(5), key(7)];
  t.add(1, [[key(4), undefined], [key(6), undefined]]);
  for (let lsn = 2; lsn <= 2000; lsn++) t.add(lsn, hot.map((key) => [key, lsn % 7 === 0 ? undefined : key]));
  const rows = t.rows();
  assertRows(await walk(memoryCursor(t.index)), rows);
  assertRows(await walk(memoryCursor(t.index, { reverse: true })), rows.toReversed());
  const range = { start: key(5), startLsn: 700, end: key(7), endLsn: 1500 };
  assertRows(await walk(memoryCursor(t.index, range)), rowsIn(rows, range));
  assertRows(await walk(memoryCursor(t.index, { ...range, reverse: true })), rowsIn(rows, range).reverse());
});

Deno.test("memoryCursor() walks versions that came before its first step, in an index that was small", async () => {
  const t = new IndexFixture();
  t.add(1, [[key(1), undefined]]);
  for (const reverse of [false, true]) {
    const cursor = memoryCursor(t.index, { reverse });
    for (let i = 0; i < 5; i++) t.add(t.rows().length + 1, [[key(1), key(i)]]);
    assertRows(await walk(cursor), reverse ? t.rows().reverse() : t.rows());
  }
});

Deno.test("memoryCursor() says the hashes of its keys", () => {
  const { index } = randomIndex(new Random(3), 1000);
  const cursor = memoryCursor(index);
  for (; cursor.settle(noPages) && !cursor.ended; cursor.step()) {
    const bytes = rowKey(cursor.block, cursor.at);
    assertEquals(cursor.block.hash?.[cursor.at], hashKey(bytes, 0, bytes.length));
  }
});

Deno.test("memoryCursor() sees every version up to an LSN while more are added", () => {
  const random = new Random(4);
  const t = randomIndex(random, 3000);
  const rows = t.rows();
  for (const reverse of [false, true]) {
    const cursor = memoryCursor(t.index, { reverse });
    const seen: Row[] = [];
    for (let lsn = 100; cursor.settle(noPages) && !cursor.ended; lsn++) {
      for (; cursor.at < cursor.end; cursor.step()) seen.push(rowAt(cursor.block, cursor.at));
      // Known keys get newer versions, and new keys make the index grow.
      t.add(lsn + (reverse ? 1000 : 0), [
        ...Array.from({ length: 100 }, () => [Uint8Array.fromHex(random.pick(rows).key), undefined] as const),
        ...Array.from({ length: 300 }, () => [random.bytes(9), undefined] as const),
      ]);
    }
    assert(t.rows().length > rows.length + 500, "more were added");
    assertRows(seen.filter(({ lsn }) => lsn < 100), reverse ? rows.toReversed() : rows);
  }
});
