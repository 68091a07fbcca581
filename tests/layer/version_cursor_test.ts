import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../src/base/mod.ts";
import { compareRowKey, compareRows, rowKey, VersionBlock } from "../../src/layer/mod.ts";
import { RangeWalk } from "../../src/layer/version_cursor.ts";
import { rowAt } from "./layer_fixture.ts";
import { blockOf } from "./tree/page_fixture.ts";

const key = (...bytes: number[]) => Uint8Array.from(bytes);
const slots = [[1, 1], [2, 1], [2, 5], [2, 9], [3, 1]].map(([byte, lsn]) => {
  return { key: key(byte), lsn, offset: 4096 + lsn, tagged: 25 * 4 + 1 };
});

Deno.test("VersionBlock.reserve() keeps the rows there are, and makes room only if there is none", () => {
  const block = blockOf(slots);
  const rows = slots.map((_, row) => rowAt(block, row));
  const { lsn, bytes } = block;
  block.reserve(slots.length, slots.length);
  assert(block.lsn === lsn && block.bytes === bytes, "there was room");
  block.reserve(100, 1000);
  const { keyStart, keyLength, offset, length, flags } = block;
  for (const column of [keyStart, keyLength, block.lsn, offset, length, flags]) assert(column.length >= 100);
  assert(block.bytes.length >= 1000, "there is room for keys");
  assertEquals(slots.map((_, row) => rowAt(block, row)), rows);
  assertEquals(new VersionBlock(512, 9).lsn.length, 512);
});

Deno.test("compareRows(), compareRowKey() and rowKey() speak of rows as of keys", () => {
  const block = blockOf(slots), other = blockOf([...slots].reverse());
  slots.forEach((a, i) => {
    assertEquals(rowKey(block, i), a.key);
    slots.forEach((b, j) => {
      const order = compareKeys(a.key, b.key);
      assertEquals(Math.sign(compareRowKey(block, i, b.key)), Math.sign(order));
      assertEquals(
        Math.sign(compareRows(block, i, other, slots.length - 1 - j)),
        Math.sign(order || a.lsn - b.lsn),
      );
    });
  });
});

Deno.test("RangeWalk says which rows of a block are in its range", () => {
  const cases: [ConstructorParameters<typeof RangeWalk>[0], number, number, boolean][] = [
    [{}, 0, 5, false],
    [{ start: key(2) }, 1, 5, false],
    [{ start: key(2), startLsn: 5 }, 2, 5, false],
    [{ start: key(2), startLsn: 6 }, 3, 5, false],
    [{ end: key(2) }, 0, 1, false],
    [{ end: key(2), endLsn: 5 }, 0, 2, false],
    [{ end: key(2), endLsn: 6 }, 0, 3, false],
    [{ start: key(2), startLsn: 2, end: key(3) }, 2, 4, false],
    [{ start: key(9) }, 5, 5, false],
    [{ start: key(2), end: key(2) }, 1, 1, true],
    [{ start: key(2), startLsn: 5, end: key(2), endLsn: 5 }, 2, 2, true],
    [{ start: key(3), end: key(2) }, 4, 1, true],
  ];
  const forward = blockOf(slots), back = blockOf([...slots].reverse());
  for (const [range, from, to, isEmpty] of cases) {
    const walk = new RangeWalk(range), reverse = new RangeWalk({ ...range, reverse: true });
    assertEquals([walk.firstRow(forward), walk.lastRow(forward), walk.isEmpty], [from, to, isEmpty]);
    assertEquals([5 - reverse.lastRow(back), 5 - reverse.firstRow(back), reverse.isEmpty], [
      from,
      to,
      isEmpty,
    ]);
  }
});
