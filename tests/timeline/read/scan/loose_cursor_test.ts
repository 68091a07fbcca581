/** Walking layers whose records lie as they came: every row, most of them with their records, read a few times in all. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  noPages,
  recordHeaderBytes,
  terminalFlag,
  tombstoneFlag,
  VersionBlock,
  type VersionCursor,
} from "../../../../src/layer/mod.ts";
import { type ChunkSizes, LooseCursor } from "../../../../src/timeline/read/scan/loose_cursor.ts";
import type { View } from "../../../../src/timeline/read/view.ts";
import { Random, seeds } from "../../../random.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";
import { bytesOf } from "../layers.ts";
import { ObjectsFixture, type TestRecord, testSeed, type WrittenRecord } from "../objects_fixture.ts";

const sizes: ChunkSizes = { firstBytes: 800, growth: 2, mostBytes: 4000 };

/** Versions of one file in blocks of three, in the order of (key, LSN) or backwards, up to where it fails. */
class SortedCursor implements VersionCursor {
  readonly block: VersionBlock = new VersionBlock(3, 3 * 512);
  at = 0;
  end = 0;
  ended = false;
  readonly #records: WrittenRecord[];
  readonly #failAt: number;
  #taken = 0;

  constructor(records: readonly WrittenRecord[], reverse: boolean, failAt = Infinity) {
    this.#records = sorted(records, reverse);
    this.#failAt = failAt;
  }

  settle(): boolean {
    if (this.at < this.end) return true;
    if (this.#taken >= this.#failAt) throw new Error("damage");
    const records = this.#records.slice(this.#taken, this.#taken + 3), { block } = this;
    this.#taken += records.length;
    this.ended = records.length === 0;
    this.at = 0;
    this.end = block.count = records.length;
    let end = 0;
    records.forEach(({ key, lsn, offset, length, value }, row) => {
      const bytes = bytesOf(key);
      block.bytes.set(bytes, end);
      block.keyStart[row] = end;
      block.keyLength[row] = bytes.length;
      block.lsn[row] = lsn;
      block.offset[row] = offset;
      block.length[row] = length;
      block.flags[row] = terminalFlag | (value === undefined ? tombstoneFlag : 0);
      end += bytes.length;
    });
    return true;
  }

  step(rows = 1): void {
    this.at += rows;
  }
}

function sorted(records: readonly WrittenRecord[], reverse: boolean): WrittenRecord[] {
  const order = (a: WrittenRecord, b: WrittenRecord) =>
    a.key < b.key ? -1 : a.key > b.key ? 1 : a.lsn - b.lsn;
  return records.toSorted((a, b) => reverse ? order(b, a) : order(a, b));
}

/** A row, as it was walked: its value if its record was at hand. */
interface Walked {
  readonly key: string;
  readonly lsn: number;
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
  readonly value: Uint8Array | undefined;
}

interface Walk {
  readonly records: readonly WrittenRecord[];
  readonly chunks?: ChunkSizes;
  readonly reverse?: boolean;
  readonly view?: View;
  readonly failAt?: number;
}

function cursorOf(
  fixture: ObjectsFixture,
  { records, chunks = sizes, reverse = false, view = fixture.view(), failAt }: Walk,
): LooseCursor {
  const inner = new SortedCursor(records, reverse, failAt);
  const source = { file: { object: records[0].object, seed: testSeed }, lsn: view.lsn };
  return new LooseCursor(fixture.objects, view, source, inner, reverse, chunks);
}

/** Rows that are walked before a walk is started. */
const firstRows = 4;

/** Goes on by one row; `undefined` at the end. */
async function next(cursor: LooseCursor): Promise<Walked | undefined> {
  cursor.begin();
  while (!cursor.settle(noPages)) await cursor.fetch();
  if (cursor.ended) return undefined;
  const { block, at } = cursor, start = block.keyStart[at], end = start + block.keyLength[at];
  const flags = block.flags[at], length = block.length[at], isTombstone = (flags & tombstoneFlag) !== 0;
  const value = block.hasRecords && !isTombstone
    ? block.bytes.slice(end, start - recordHeaderBytes + length)
    : undefined;
  const key = new TextDecoder().decode(block.bytes.subarray(start, end));
  cursor.step();
  return { key, lsn: block.lsn[at], offset: block.offset[at], length, flags, value };
}

async function walk(cursor: LooseCursor): Promise<Walked[]> {
  const rows: Walked[] = [];
  for (let row = await next(cursor); row !== undefined; row = await next(cursor)) {
    if (rows.push(row) === firstRows) cursor.start();
  }
  return rows;
}

/** Records in no order, of 100 bytes or so each; some are tombstones. */
function shuffled(count: number, seed: number): TestRecord[] {
  const random = new Random(seed);
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
  }
  return numbers.map((number) => {
    const record = { key: `k${1000 + number}`, lsn: 1 };
    return number % 10 === 9 ? record : { ...record, value: patterned(60 + number % 90, number) };
  });
}

function test(name: string, body: (fixture: ObjectsFixture) => Promise<void>): void {
  Deno.test(name, async () => {
    await using fixture = await ObjectsFixture.make();
    await body(fixture);
  });
}

for (const reverse of [false, true]) {
  test(`LooseCursor walks every row in order, with its record but of the first ones, reverse ${reverse}`, async (fixture) => {
    const records = await fixture.write(shuffled(500, 1));
    const rows = await walk(cursorOf(fixture, { records, reverse }));
    const expected = sorted(records, reverse);
    assertEquals(rows.map(({ key }) => key), expected.map(({ key }) => key));
    rows.forEach(({ lsn, offset, length, flags, value }, i) => {
      const record = expected[i];
      assertEquals([lsn, offset, length], [record.lsn, record.offset, record.length]);
      assertEquals((flags & tombstoneFlag) !== 0, record.value === undefined);
      if (value !== undefined) assert(sameBytes(value, record.value as Uint8Array), `value ${i}`);
      // Rows come in blocks of three: the second is left as it is.
      assertEquals(value !== undefined, i >= 6 && record.value !== undefined);
    });
  });
}

test("LooseCursor leaves long records where they are", async (fixture) => {
  const lengths = [100, 2100, 100, 1900, 50_000, 100, 2048, 300];
  const records = await fixture.write(
    Array.from({ length: 64 }, (_, i) => ({
      key: `k${100 + i * 37 % 64}`,
      lsn: 1,
      value: patterned(lengths[i % 8], i),
    })),
  );
  const rows = (await walk(cursorOf(fixture, { records }))).slice(10),
    expected = sorted(records, false).slice(10);
  rows.forEach(({ key, length, value }, i) => {
    assertEquals(key, expected[i].key);
    assertEquals(value === undefined, length > 2048, `${length} bytes`);
    if (value !== undefined) assert(sameBytes(value, expected[i].value as Uint8Array));
  });
});

test("LooseCursor walks damaged records without them, and the others with them", async (fixture) => {
  const records = await fixture.write(shuffled(300, 2)), order = sorted(records, false);
  const damaged = [100, 101, 150, 299].map((i) => order[i]);
  // A value, a key, an LSN, and the length of a key.
  const within = [60, recordHeaderBytes + 2, 13, 6];
  damaged.forEach(({ object, offset, length }, i) =>
    fixture.flip(object, offset + Math.min(length - 1, within[i]))
  );
  const rows = await walk(cursorOf(fixture, { records }));
  assertEquals(rows.map(({ key, lsn }) => [key, lsn]), order.map(({ key, lsn }) => [key, lsn]));
  const without = rows.flatMap(({ value }, i) => i >= 50 && order[i].value && value === undefined ? [i] : []);
  assertEquals(without, [100, 101, 150, 299].filter((i) => order[i].value !== undefined));
});

test("LooseCursor takes no other record for one that stands elsewhere in the index", async (fixture) => {
  const some = shuffled(300, 3).map((record) => ({
    ...record,
    value: patterned(80, Number(record.key.slice(1))),
  }));
  const records = await fixture.write(some), order = sorted(records, false);
  const [one, other] = [order[120], order[121]];
  const same = records.map((record) => record === one ? { ...one, offset: other.offset } : record);
  const rows = await walk(cursorOf(fixture, { records: same }));
  assertEquals([rows[120].key, rows[120].value], [one.key, undefined]);
  assert(sameBytes(rows[121].value, other.value as Uint8Array));
});

test("LooseCursor walks on without records where the file cannot be read", async (fixture) => {
  const records = await fixture.write(shuffled(100, 4));
  Deno.removeSync(records[0].object.path);
  const rows = await walk(cursorOf(fixture, { records }));
  assertEquals(rows.map(({ key }) => key), sorted(records, false).map(({ key }) => key));
  assert(rows.every(({ value }) => value === undefined));
});

test("LooseCursor leaves out what no read as of its LSN needs, and nothing else", async (fixture) => {
  for (const seed of seeds("loose cursor", 10)) {
    const random = new Random(seed), written: TestRecord[] = [];
    for (let lsn = 1; lsn <= 400; lsn++) {
      const record = { key: `k${random.below(random.from(2, 120))}`, lsn };
      written.push(random.below(4) === 0 ? record : { ...record, value: patterned(random.below(150), lsn) });
    }
    const records = await fixture.write(written), lsn = random.from(1, 400);
    const newest = new Map<string, TestRecord>();
    for (const record of written) if (record.lsn <= lsn) newest.set(record.key, record);
    for (const reverse of [false, true]) {
      const view = fixture.views.open(fixture.view().map, 400).again({ lsn });
      const rows = await walk(cursorOf(fixture, { records, reverse, view }));
      const found = new Map<string, Walked>();
      for (const row of rows) {
        if (row.lsn <= lsn && row.lsn > (found.get(row.key)?.lsn ?? 0)) found.set(row.key, row);
      }
      assertEquals(
        [...found].map(([key, row]) => `${key}@${row.lsn}`).sort(),
        [...newest].map(([key, record]) => `${key}@${record.lsn}`).sort(),
      );
      for (const [key, { value }] of found) {
        if (value !== undefined) assert(sameBytes(value, newest.get(key)?.value as Uint8Array));
      }
      assert(rows.length < 400 || lsn === 400, "what is hidden, or newer, is left out");
    }
  }
});

test("LooseCursor comes to what fails behind the rows before it", async (fixture) => {
  const records = await fixture.write(shuffled(300, 5)), cursor = cursorOf(fixture, { records, failAt: 150 });
  cursor.start();
  for (let i = 0; i < 150; i++) assert(await next(cursor) !== undefined);
  while (!settles(cursor)) await cursor.fetch();
  assertThrows(() => cursor.settle(noPages), Error, "damage");
});

/** Whether a cursor settles, or says why not. */
function settles(cursor: LooseCursor): boolean {
  try {
    return cursor.settle(noPages);
  } catch {
    return true;
  }
}

test("F3: LooseCursor reads the next chunk once half of one was passed, and no more", async (fixture) => {
  const records = await fixture.write(shuffled(2000, 6)), cursor = cursorOf(fixture, { records });
  const readBytes = () => fixture.objects.metrics().valueReadBytes;
  const settled = async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  for (let i = 0; i < firstRows; i++) await next(cursor);
  assertEquals(readBytes(), 0);
  cursor.start();
  // Rows that were walked when the first, second and third chunk were read.
  const times: number[] = [];
  for (let row = 0, before = 0; row < 60; row++) {
    await next(cursor);
    await settled();
    if (readBytes() > before) times.push(row);
    before = readBytes();
  }
  const [first, second, third] = times;
  assert(times.length >= 3, `chunks were read after ${times} rows`);
  assert(first <= 3, `the first chunk was read after ${first} rows`);
  assert(second > first + 1 && third > second + 1, `chunks were read after ${times} rows`);
  await cursor.cancel();
});

test("LooseCursor reads a file no more often than its records fill chunks", async (fixture) => {
  const records = await fixture.write(shuffled(4000, 9));
  const bytes = records.reduce((sum, { length }) => sum + length, 0), mostBytes = 150_000;
  const chunks = { firstBytes: mostBytes, growth: 2, mostBytes };
  const rows = await walk(cursorOf(fixture, { records, chunks }));
  assertEquals(rows.length, 4000);
  const { valueReadBytes } = fixture.objects.metrics(), times = valueReadBytes / bytes;
  // Keys and columns are in a chunk too, some two thirds of what these records are.
  assert(times > 2 && times < 2 * bytes / mostBytes + 1, `it was read ${times} times`);
});

test("LooseCursor waits, when it is cancelled, for what it reads ahead", async (fixture) => {
  const records = await fixture.write(shuffled(2000, 7)), view = fixture.view();
  const cursor = cursorOf(fixture, { records, view });
  const { readPool } = fixture.objects.context;
  cursor.start();
  while (readPool.takenBytes === 0) assert(await next(cursor) !== undefined);
  view.halt();
  await cursor.cancel();
  const taken = readPool.takenBytes;
  const { valueReadBytes } = fixture.objects.metrics();
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(fixture.objects.metrics().valueReadBytes, valueReadBytes, "something was still in flight");
  assertEquals(taken, 0);
});

test("LooseCursor says why a read was stopped to who goes on", async (fixture) => {
  const records = await fixture.write(shuffled(300, 8)), view = fixture.view();
  const cursor = cursorOf(fixture, { records, view });
  cursor.start();
  while (cursor.settle(noPages)) cursor.step(cursor.end - cursor.at);
  view.halt();
  await cursor.fetch();
  assertThrows(() => cursor.settle(noPages), Deno.errors.BadResource, "the read was stopped");
});
