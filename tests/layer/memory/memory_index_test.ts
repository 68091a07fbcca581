import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, compareKeys } from "../../../src/base/mod.ts";
import { MemoryIndex, sortIndex, terminalFlag } from "../../../src/layer/mod.ts";
import { Random, seeds } from "../../random.ts";
import { CountingTurns, type Given, IndexFixture, type Row } from "../layer_fixture.ts";

function chainOf({ index }: IndexFixture, id: number): Row[] {
  const key = index.keys.keyOf(id).toHex();
  const chain: Row[] = [];
  for (let version = index.keys.newest(id); version >= 0; version = index.previous(version)) {
    chain.unshift({
      key,
      lsn: index.lsnOf(version),
      offset: index.offsetOf(version),
      length: index.lengthOf(version),
      flags: index.flagsOf(version),
    });
  }
  return chain;
}

/** Checks an index against the rows that its fixture remembers. */
function assertMatches(t: IndexFixture): void {
  const rows = t.rows();
  const byKey = Map.groupBy(rows, ({ key }) => key);
  assertEquals(t.index.keyCount, byKey.size);
  assertEquals(t.index.versionCount, rows.length);
  assertEquals(t.index.tombstoneCount, rows.filter(({ flags }) => flags === 3).length);
  assertEquals(t.index.recordsEnd, rows.reduce((end, row) => Math.max(end, row.offset + row.length), 0));
  for (const [hex, versions] of byKey) {
    const key = Uint8Array.fromHex(hex);
    const id = t.id(key);
    assertEquals(compareKeys(t.index.keys.keyOf(id), key), 0);
    assertEquals(chainOf(t, id), versions);
    for (const { lsn } of versions) {
      for (const asOf of [lsn - 1, lsn, lsn + 1]) {
        const version = t.index.seek(id, asOf);
        const expected = versions.findLast((version) => version.lsn <= asOf);
        assertEquals(version < 0 ? undefined : t.index.lsnOf(version), expected?.lsn);
      }
    }
  }
}

function sortedKeys(index: MemoryIndex): string[] {
  return [...index.sortedKeys()].map((id) => index.keys.keyOf(id).toHex());
}

Deno.test("MemoryIndex knows every version of every key, as a model does", () => {
  for (const seed of seeds("memory index", 8)) {
    const random = new Random(seed);
    const t = new IndexFixture();
    const keys = Array.from(
      { length: random.pick([1, 30, 3000]) },
      () => random.bytes(random.pick([1, 2, 18, 512])),
    );
    let lsn = random.pick([0, 2 ** 32 - 5, 2 ** 53 - 1000]);
    for (let batch = 0; batch < 60; batch++) {
      lsn += random.from(1, 5);
      t.add(
        lsn,
        Array.from({ length: random.from(1, 60) }, () => {
          return [random.pick(keys), random.once(4) ? undefined : random.bytes(random.below(20))];
        }),
      );
      if (random.once(5)) {
        assertEquals(sortedKeys(t.index), [...new Set(t.rows().map(({ key }) => key))]);
      }
    }
    assertMatches(t);
  }
});

Deno.test("MemoryIndex keeps the last change of a key within a batch only", () => {
  const t = new IndexFixture();
  const key = Uint8Array.of(1), value = Uint8Array.of(2);
  const batches: Given[][] = [
    [[key, value], [key, undefined], [key, undefined], [key, value], [key, undefined]],
    [[key, undefined], [key, value], [Uint8Array.of(3), undefined], [key, value]],
  ];
  batches.forEach((changes, i) => t.add(i + 1, changes));
  assertMatches(t);
  assertEquals([t.index.versionCount, t.index.tombstoneCount], [3, 2]);
});

Deno.test("MemoryIndex.seek() gives a reader the same for ever, also within the LSN that grows", () => {
  const t = new IndexFixture();
  const key = Uint8Array.of(1);
  t.add(5, [[key, Uint8Array.of(1)]]);
  const version = t.index.seek(t.id(key), 7);
  t.add(8, [[key, Uint8Array.of(2)], [key, undefined]]);
  assertEquals(t.index.seek(t.id(key), 7), version);
  assertEquals(t.index.lsnOf(t.index.previous(t.index.keys.newest(t.id(key)))), 5);
});

Deno.test("MemoryIndex.keyId() finds no key that is not there, however like another it is", () => {
  const t = new IndexFixture();
  const random = new Random(9);
  const keys = Array.from({ length: 5000 }, () => random.bytes(random.from(2, 40)));
  t.add(1, keys.map((key) => [key, undefined]));
  const known = new Set(keys.map((key) => key.toHex()));
  for (const key of keys) {
    const longer = new Uint8Array(key.length + 1);
    longer.set(key);
    const other = key.slice();
    other[other.length - 1] ^= 1;
    for (const absent of [longer, key.subarray(0, key.length - 1), other]) {
      if (!known.has(absent.toHex())) assertEquals(t.id(absent), -1);
    }
    assert(t.id(key) >= 0, "it is there");
  }
});

Deno.test("MemoryIndex grows from hints that are too small, none and too large", () => {
  const random = new Random(10);
  const given: Given[] = Array.from({ length: 6000 }, () => [random.bytes(9), undefined]);
  for (
    const hint of [{}, { keys: 1, versions: 1, keyBytes: 1 }, {
      keys: 100_000,
      versions: 5,
      keyBytes: 50_000,
    }]
  ) {
    const t = new IndexFixture(new MemoryIndex(hint));
    t.add(1, given.slice(0, 3000));
    t.add(2, given);
    assertMatches(t);
    const next = t.index.hint();
    assert(
      (next.keys ?? 0) >= 6000 && (next.versions ?? 0) >= 9000 && (next.keyBytes ?? 0) >= 54_000,
      "a hint",
    );
    assert(t.index.byteLength >= 54_000, "its memory is counted");
  }
});

Deno.test("MemoryIndex.sortedKeys() is not changed by keys that come later", () => {
  const random = new Random(11);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 500 }, () => [random.bytes(6), undefined]));
  const before = t.index.sortedKeys();
  const copy = before.slice();
  t.add(2, Array.from({ length: 500 }, () => [random.bytes(6), undefined]));
  const after = sortedKeys(t.index);
  assertEquals(before, copy);
  assertEquals(after, after.toSorted());
  assertEquals(after.length, t.index.keyCount);
  assert(t.index.sortedKeys() === t.index.sortedKeys(), "it is sorted once");
});

Deno.test("sortIndex() sorts as sortedKeys() does, also when some were sorted and others come meanwhile", async () => {
  const random = new Random(12);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 300 }, () => [random.bytes(6), undefined]));
  t.index.sortedKeys();
  t.add(2, Array.from({ length: 100_000 }, () => [random.bytes(6), undefined]));
  const turns = new CountingTurns();
  const sorting = sortIndex(t.index, turns);
  t.add(3, Array.from({ length: 300 }, () => [random.bytes(6), undefined]));
  await sorting;
  assert(turns.given > 0, "it gives turns");
  const found = sortedKeys(t.index);
  assertEquals(found, found.toSorted());
  assertEquals(found.length, t.index.keyCount);
});

Deno.test("sortIndex() does not forget keys that somebody else sorted meanwhile", async () => {
  const random = new Random(13);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 100_000 }, () => [random.bytes(6), undefined]));
  const sorting = sortIndex(t.index, new CountingTurns());
  t.add(2, Array.from({ length: 300 }, () => [random.bytes(6), undefined]));
  const sorted = t.index.sortedKeys();
  await sorting;
  assert(t.index.sortedKeys() === sorted, "it is kept");
});

Deno.test("MemoryIndex sees every change that is made while it grows", () => {
  const random = new Random(14);
  const t = new IndexFixture();
  const keys = Array.from({ length: 5000 }, () => random.bytes(random.from(1, 30)));
  for (let lsn = 1; lsn <= 400; lsn++) {
    // Old keys get new versions while the arrays that say which is the newest are copied.
    t.add(lsn, Array.from({ length: 40 }, () => [random.pick(keys.slice(0, lsn * 12 + 1)), undefined]));
  }
  assertMatches(t);
});

Deno.test("MemoryIndex keeps offsets of up to 4 GiB and values of 64 MiB", () => {
  const t = new IndexFixture();
  t.offset = 2 ** 32 - 30;
  const key = Uint8Array.of(1);
  t.add(1, [[key, new Uint8Array(5)]]);
  assertEquals(t.index.offsetOf(t.index.keys.newest(t.id(key))), 2 ** 32 - 30);
  const large = new IndexFixture();
  large.add(1, [[key, new Uint8Array(64 * 1024 * 1024)], [Uint8Array.of(2), undefined]]);
  assertEquals(large.index.lengthOf(large.index.keys.newest(large.id(key))), 64 * 1024 * 1024 + 21);
  assertEquals(large.index.flagsOf(large.index.keys.newest(large.id(key))), terminalFlag);
});

Deno.test("MemoryIndex refuses a key's LSN that does not increase", () => {
  const t = new IndexFixture();
  t.add(5, [[Uint8Array.of(1), undefined]]);
  assertThrows(() => t.add(4, [[Uint8Array.of(1), undefined]]), AssertionError, "M1");
});

Deno.test("MemoryIndex.seek() finds the version as of any LSN in chains of any length", () => {
  const t = new IndexFixture();
  const keys = [1, 2, 3, 4].map((byte) => Uint8Array.of(byte));
  const random = new Random(1);
  for (let lsn = 1; lsn <= 6000; lsn++) {
    // The first key is in every batch, twice in some; the others have chains of about 3000, 100 and 10.
    const given: Given[] = [[keys[0], Uint8Array.of(1)]];
    for (const [key, often] of [[1, 2], [2, 60], [3, 600]]) {
      if (random.once(often)) given.push([keys[key], undefined]);
    }
    if (random.once(10)) given.push([keys[0], undefined]);
    t.add(lsn, given);
  }
  for (const key of keys) {
    const id = t.id(key);
    const lsns = chainOf(t, id).map(({ lsn }) => lsn);
    for (let asOf = 0, at = -1; asOf <= 6001; asOf++) {
      if (lsns[at + 1] === asOf) at++;
      const version = t.index.seek(id, asOf);
      assertEquals(version < 0 ? undefined : t.index.lsnOf(version), lsns[at]);
    }
  }
});

Deno.test("MemoryIndex has slots for what it expects and not for twice as much, until that much comes", () => {
  const random = new Random(19);
  const given: Given[] = Array.from({ length: 7800 }, () => [random.bytes(9), undefined]);
  const t = new IndexFixture(new MemoryIndex({ keys: 7400, versions: 7400, keyBytes: 7400 * 9 }));
  const slotBytes = 16_384 * 8, others = 7400 * (16 + 20 + 9), before = t.index.byteLength;
  assert(before < slotBytes + others * 1.2, `${before} bytes`);
  t.add(1, given.slice(0, 7400));
  assertEquals(t.index.byteLength, before, "what was expected fits");
  t.add(2, given.slice(7400));
  assert(t.index.byteLength >= before + slotBytes, "twice as many slots");
  assertMatches(t);
});

Deno.test("MemoryIndex.giveUp() frees its slots, and nobody finds anything in it any more", () => {
  const random = new Random(20);
  const given: Given[] = Array.from({ length: 2000 }, () => [random.bytes(9), undefined]);
  const t = new IndexFixture();
  t.add(1, given);
  const before = t.index.byteLength, sorted = [...t.index.sortedKeys()];
  t.index.giveUp();
  assert(t.index.byteLength <= before - 4096 * 8, "4,096 slots");
  assertEquals([...t.index.sortedKeys()], sorted, "what is walked stays");
  assertThrows(() => t.id(given[0][0]), AssertionError);
});
