import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, compareKeys } from "../../src/base/mod.ts";
import { MemoryIndex, recordHeaderBytes } from "../../src/layer/mod.ts";
import { Random } from "../random.ts";
import { type Given, IndexFixture } from "./layer_fixture.ts";

interface Version {
  lsn: number;
  offset: number;
  length: number;
  tombstone: boolean;
}

/** What an index should know, as plainly as it can be said. */
class Model {
  readonly versions = new Map<string, Version[]>();

  add(lsn: number, changes: readonly Given[], offsets: readonly number[]): void {
    changes.forEach(([key, value], i) => {
      const versions = this.versions.get(key.toHex()) ?? [];
      if (versions.at(-1)?.lsn === lsn) versions.pop();
      const length = recordHeaderBytes + key.length + (value?.length ?? 0);
      versions.push({ lsn, offset: offsets[i], length, tombstone: value === undefined });
      this.versions.set(key.toHex(), versions);
    });
  }
}

function chainOf({ index }: IndexFixture, id: number): Version[] {
  const chain: Version[] = [];
  for (let entry = index.newest(id); entry >= 0; entry = index.previous(entry)) {
    const tombstone = index.isTombstone(entry);
    chain.unshift({
      lsn: index.lsnOf(entry),
      offset: index.offsetOf(entry),
      length: index.lengthOf(entry),
      tombstone,
    });
  }
  return chain;
}

function assertMatches(t: IndexFixture, model: Model): void {
  const all = [...model.versions.values()].flat();
  assertEquals(t.index.keyCount, model.versions.size);
  assertEquals(t.index.versionCount, all.length);
  assertEquals(t.index.tombstoneCount, all.filter(({ tombstone }) => tombstone).length);
  for (const [hex, versions] of model.versions) {
    const key = Uint8Array.fromHex(hex);
    const id = t.id(key);
    assertEquals(compareKeys(t.index.keyOf(id), key), 0);
    assertEquals(chainOf(t, id), versions);
    for (const { lsn } of versions) {
      for (const asOf of [lsn - 1, lsn, lsn + 1]) {
        const entry = t.index.seek(id, asOf);
        const expected = versions.findLast((version) => version.lsn <= asOf);
        assertEquals(entry < 0 ? undefined : t.index.lsnOf(entry), expected?.lsn);
      }
    }
  }
}

function sortedKeys(index: MemoryIndex): string[] {
  return [...index.sortedKeys()].map((id) => index.keyOf(id).toHex());
}

Deno.test("MemoryIndex knows every version of every key, as a model does", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const t = new IndexFixture();
    const model = new Model();
    const keys = Array.from(
      { length: random.pick([1, 30, 3000]) },
      () => random.bytes(random.pick([1, 2, 18, 512])),
    );
    let lsn = random.pick([0, 2 ** 32 - 5, 2 ** 53 - 1000]);
    for (let batch = 0; batch < 60; batch++) {
      lsn += random.from(1, 5);
      const changes: Given[] = Array.from({ length: random.from(1, 60) }, () => {
        return [random.pick(keys), random.once(4) ? undefined : random.bytes(random.below(20))];
      });
      model.add(lsn, changes, t.add(lsn, changes));
      if (random.once(5)) assertEquals(sortedKeys(t.index), [...model.versions.keys()].sort());
    }
    assertMatches(t, model);
  }
});

Deno.test("MemoryIndex keeps the last change of a key within a batch only", () => {
  const t = new IndexFixture();
  const key = Uint8Array.of(1), value = Uint8Array.of(2);
  const model = new Model();
  const batches: Given[][] = [
    [[key, value], [key, undefined], [key, undefined], [key, value], [key, undefined]],
    [[key, undefined], [key, value], [Uint8Array.of(3), undefined], [key, value]],
  ];
  batches.forEach((changes, i) => model.add(i + 1, changes, t.add(i + 1, changes)));
  assertMatches(t, model);
  assertEquals([t.index.versionCount, t.index.tombstoneCount], [3, 2]);
});

Deno.test("MemoryIndex.seek() gives a reader the same for ever, also within the LSN that grows", () => {
  const t = new IndexFixture();
  const key = Uint8Array.of(1);
  t.add(5, [[key, Uint8Array.of(1)]]);
  const entry = t.index.seek(t.id(key), 7);
  t.add(8, [[key, Uint8Array.of(2)], [key, undefined]]);
  assertEquals(t.index.seek(t.id(key), 7), entry);
  assertEquals(t.index.lsnOf(t.index.previous(t.index.newest(t.id(key)))), 5);
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
  const given: Given[] = Array.from({ length: 20_000 }, () => [random.bytes(9), undefined]);
  for (
    const hint of [{}, { keys: 1, entries: 1, keyBytes: 1 }, { keys: 100_000, entries: 5, keyBytes: 50_000 }]
  ) {
    const t = new IndexFixture(new MemoryIndex(hint));
    t.add(1, given.slice(0, 10_000));
    t.add(2, given);
    assertEquals([t.index.keyCount, t.index.versionCount], [20_000, 30_000]);
    assertEquals(given.every(([key]) => t.id(key) >= 0), true);
    const next = t.index.hint();
    assert(
      (next.keys ?? 0) >= 20_000 && (next.entries ?? 0) >= 30_000 && (next.keyBytes ?? 0) >= 180_000,
      "a hint",
    );
    assert(t.index.byteLength >= 180_000, "its memory is counted");
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

Deno.test("MemoryIndex.sortSteps() sorts as sortedKeys() does, also when some were sorted", () => {
  const random = new Random(12);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 300 }, () => [random.bytes(6), undefined]));
  t.index.sortedKeys();
  t.add(2, Array.from({ length: 300 }, () => [random.bytes(6), undefined]));
  const steps = t.index.sortSteps();
  let step = steps.next();
  while (!step.done) step = steps.next();
  const found = [...step.value].map((id) => t.index.keyOf(id).toHex());
  assertEquals(found, found.toSorted());
  assertEquals(found.length, t.index.keyCount);
});

Deno.test("MemoryIndex keeps offsets of up to 4 GiB and values of 64 MiB", () => {
  const t = new IndexFixture();
  t.offset = 2 ** 32 - 30;
  const key = Uint8Array.of(1);
  t.add(1, [[key, new Uint8Array(5)]]);
  assertEquals(t.index.offsetOf(t.index.newest(t.id(key))), 2 ** 32 - 30);
  const large = new IndexFixture();
  large.add(1, [[key, new Uint8Array(64 * 1024 * 1024)], [Uint8Array.of(2), undefined]]);
  assertEquals(large.index.lengthOf(large.index.newest(large.id(key))), 64 * 1024 * 1024 + 21);
  assertEquals(large.index.isTombstone(large.index.newest(large.id(key))), false);
});

Deno.test("MemoryIndex refuses a key's LSN that does not increase", () => {
  const t = new IndexFixture();
  t.add(5, [[Uint8Array.of(1), undefined]]);
  assertThrows(() => t.add(4, [[Uint8Array.of(1), undefined]]), AssertionError, "M1");
});
