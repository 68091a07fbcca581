/** Entries of keys whose places are known: order, checks, bounds. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError } from "../../../../src/base/mod.ts";
import type { DamagedEntry, Entry } from "../../../../src/timeline/mod.ts";
import { ListedKeys } from "../../../../src/timeline/read/records/columns.ts";
import { EntryRead } from "../../../../src/timeline/read/records/entry_read.ts";
import { Places } from "../../../../src/timeline/read/records/places.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";
import { bytesOf } from "../layers.ts";
import { addPlace, ObjectsFixture, type WrittenRecord } from "../objects_fixture.ts";

type Outcome = Entry | DamagedEntry;

/** What is read of records that lie where they were written, but for what `change` makes of that. */
function readOf(
  fixture: ObjectsFixture,
  records: readonly (WrittenRecord | undefined)[],
  keys: readonly string[] = records.map((record) => record?.key ?? "absent"),
): EntryRead {
  const places = new Places(records.length);
  records.forEach((record, i) => {
    if (record !== undefined) addPlace(places, i, record);
  });
  return new EntryRead(fixture.objects, fixture.view(), new ListedKeys(keys.map(bytesOf)), places);
}

async function entriesOf(read: EntryRead): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for (let entries = await read.next(); entries !== undefined; entries = await read.next()) {
    assert(entries.length > 0);
    all.push(...entries);
  }
  return all;
}

function test(name: string, body: (fixture: ObjectsFixture) => Promise<void>): void {
  Deno.test(name, async () => {
    await using fixture = await ObjectsFixture.make();
    await body(fixture);
  });
}

test("EntryRead gives values in order, from files and from memory", async (fixture) => {
  const lengths = [0, 1, 100, 5000, 700_000, 3_000_000, 37];
  for (const isWritten of [true, false]) {
    const { written, finish } = fixture.append(
      lengths.map((length, i) => ({ key: `k${i}`, lsn: i + 1, value: patterned(length, i) })),
    );
    if (isWritten) await finish();
    const inOrder = [3, 1, 6, 5, 0, 4, 2, 5, 3].map((i) => written[i]);
    const entries = await entriesOf(readOf(fixture, inOrder));
    assertEquals(
      entries.map(({ key, lsn }) => [new TextDecoder().decode(key), lsn]),
      inOrder.map(({ key, lsn }) => [key, lsn]),
    );
    entries.forEach((entry, i) => {
      assert("value" in entry && sameBytes(entry.value, inOrder[i].value as Uint8Array));
      const { length, buffer } = entry.value as Uint8Array;
      assert(buffer.byteLength < length + 64, "it is memory of its own");
    });
    if (!isWritten) await finish();
  }
});

test("EntryRead gives absent and deleted keys no value and reads nothing for them", async (fixture) => {
  const [one, two] = await fixture.write([{ key: "a", lsn: 3 }, { key: "b", lsn: 4, value: "1" }]);
  const before = fixture.objects.metrics().valueReads;
  const entries = await entriesOf(readOf(fixture, [undefined, one]));
  assertEquals(entries, [{ key: bytesOf("absent"), value: undefined, lsn: undefined }, {
    key: bytesOf("a"),
    value: undefined,
    lsn: 3,
  }]);
  assertEquals(fixture.objects.metrics().valueReads, before);
  assertEquals((await entriesOf(readOf(fixture, [one, two]))).length, 2);
});

/** Ways in which a record is not what the index says; each gives where the second of three records is said to be. */
const damages: [
  name: string,
  expected: string,
  of: (fixture: ObjectsFixture, all: WrittenRecord[]) => Partial<WrittenRecord>,
][] = [
  ["its checksum is wrong", "a record that checks at LSN 2", (fixture, [, record]) => {
    fixture.flip(record.object, record.offset + record.length - 1);
    return {};
  }],
  ["its header is damaged", "a record that checks at LSN 2", (fixture, [, record]) => {
    fixture.flip(record.object, record.offset + 5);
    return {};
  }],
  [
    "it is of another key",
    "the record of this key and LSN at LSN 2",
    (_, all) => ({ offset: all[3].offset }),
  ],
  ["it is of another LSN", "the record of this key and LSN at LSN 9", () => ({ lsn: 9 })],
  [
    "it is shorter than the index says",
    "a record that checks at LSN 2",
    (_, [, record]) => ({ length: record.length + 1 }),
  ],
  [
    "it is longer than the index says",
    "a record that checks at LSN 2",
    (_, [, record]) => ({ length: record.length - 1 }),
  ],
  ["it is too short for a record", "a record that checks at LSN 2", () => ({ length: 10 })],
  ["it stands behind the end of the file", "the 325 bytes at 81920", () => ({ offset: 81920 })],
];

for (const [name, expected, of] of damages) {
  test(`EntryRead reports a record, and no other, when ${name}`, async (fixture) => {
    const values = [patterned(300, 1), patterned(300, 2), patterned(300, 3)];
    const keys = ["key-a", "key-b", "key-c"];
    // Of the same lengths and at one LSN, so that only the key tells the first from the second.
    const written = await fixture.write([
      ...keys.map((key, i) => ({ key, lsn: i + 1, value: values[i] })),
      { key: "key-x", lsn: 2, value: values[1] },
    ]);
    const said = { ...written[1], ...of(fixture, written) };
    const entries = await entriesOf(readOf(fixture, [written[0], said, written[2]], keys));
    const [first, damaged, last] = entries;
    assert("value" in first && sameBytes(first.value, values[0]));
    assert("value" in last && sameBytes(last.value, values[2]));
    assert("error" in damaged);
    assertEquals([damaged.key, damaged.lsn], [bytesOf("key-b"), said.lsn]);
    assertInstanceOf(damaged.error, CorruptionError);
    assertEquals([damaged.error.path, damaged.error.expected], [said.object.path, expected]);
  });
}

test("EntryRead reports a record of the kind of tombstones where a value should stand", async (fixture) => {
  const [record] = await fixture.write([{ key: "a", lsn: 1 }]);
  const [entry] = await entriesOf(readOf(fixture, [{ ...record, value: "" }]));
  assert("error" in entry && entry.error instanceof CorruptionError);
});

test("EntryRead reports every part of a large record that is damaged as one", async (fixture) => {
  const [large, small] = await fixture.write([
    { key: "a", lsn: 1, value: patterned(2_000_000, 1) },
    { key: "b", lsn: 2, value: "1" },
  ]);
  Deno.truncateSync(large.object.path, 4096);
  const entries = await entriesOf(readOf(fixture, [large, small, large]));
  assertEquals(
    entries.map((entry) => "error" in entry && entry.error.name),
    Array(3).fill("CorruptionError"),
  );
});

test("EntryRead reports what a lookup failed with in its place", async (fixture) => {
  const [record] = await fixture.write([{ key: "a", lsn: 1, value: "1" }]);
  const places = new Places(2);
  addPlace(places, 0, record);
  const error = new Error("a page");
  places.fail(1, error);
  const entries = await entriesOf(
    new EntryRead(fixture.objects, fixture.view(), new ListedKeys([bytesOf("a"), bytesOf("b")]), places),
  );
  assertEquals(entries[0], { key: bytesOf("a"), value: new Uint8Array([49]), lsn: 1 });
  assertEquals(entries[1], { key: bytesOf("b"), lsn: undefined, error });
});

test("EntryRead reports what a lookup failed with behind an older version that it had found", async (fixture) => {
  const written = await fixture.write([{ key: "a", lsn: 1, value: "1" }, { key: "b", lsn: 2 }]);
  const places = new Places(2), error = new Error("a page");
  written.forEach((record, key) => {
    addPlace(places, key, record);
    places.fail(key, error);
  });
  const keys = [bytesOf("a"), bytesOf("b")];
  const read = new EntryRead(fixture.objects, fixture.view(), new ListedKeys(keys), places);
  assertEquals(await entriesOf(read), keys.map((key) => ({ key, lsn: undefined, error })));
});

test("EntryRead hands on what is ready before the last value was read, and bounds what it reads ahead", async (fixture) => {
  const value = patterned(1_000_000, 1);
  const written = await fixture.write(
    Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, lsn: i + 1, value })),
  );
  const read = readOf(fixture, written);
  const first = await read.next();
  assert(first !== undefined && first.length < 12, `${first?.length} entries at once`);
  const { valueReadBytes } = fixture.objects.metrics();
  assert(valueReadBytes < 13_000_000, `${valueReadBytes} bytes were read`);
  assertEquals((await entriesOf(read)).length, 40 - first.length);
});

test("EntryRead hands on a bounded number of entries at once", async (fixture) => {
  const records = Array.from({ length: 5000 }, (_, i) => ({ key: `k${i}`, lsn: i + 1, value: `${i}` }));
  const written = await fixture.write(records);
  const read = readOf(fixture, written);
  const sizes: number[] = [];
  for (let entries = await read.next(); entries !== undefined; entries = await read.next()) {
    sizes.push(entries.length);
  }
  assertEquals(sizes.reduce((sum, size) => sum + size, 0), 5000);
  assert(Math.max(...sizes) <= 1024, `${Math.max(...sizes)} entries at once`);
});

test("EntryRead stops at its next step when its view says so", async (fixture) => {
  const written = await fixture.write([{ key: "a", lsn: 1, value: patterned(100, 1) }]);
  const places = new Places(1);
  addPlace(places, 0, written[0]);
  const view = fixture.view();
  const read = new EntryRead(fixture.objects, view, new ListedKeys([bytesOf("a")]), places);
  view.halt();
  await assertRejects(() => read.next(), Deno.errors.BadResource);
  await read.cancel();
});
