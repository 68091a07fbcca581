import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AssertionError, compareKeys, maxLsn, pageBytes } from "../../src/base/mod.ts";
import { filterPageOf } from "../../src/layer/formats/bloom_filter.ts";
import { pageCount, pageLevel } from "../../src/layer/formats/page_format.ts";
import {
  decodeFooter,
  filterMayContain,
  hashKey,
  LayerBuilder,
  memoryCursor,
  MemoryIndex,
  mergeCursors,
  pageCursor,
  sortIndex,
  writeLayer,
} from "../../src/layer/mod.ts";
import { Random, seeds } from "../random.ts";
import {
  assertRows,
  CountingTurns,
  FixturePages,
  type Given,
  IndexFixture,
  LayerFixture,
  layerOf,
  MemorySink,
  randomIndex,
  type Row,
  someIdentity,
} from "./layer_fixture.ts";
import { blockOf, readSlot } from "./tree/page_fixture.ts";

/** Every slot of the leaves, in order. */
function leafRows(t: LayerFixture): Row[] {
  const rows: Row[] = [];
  for (let number = 0; number < t.description.leafPages; number++) {
    const page = t.page(number);
    for (let slot = 0; slot < pageCount(page); slot++) {
      const { key, lsn, offset, tagged } = readSlot(page, slot);
      rows.push({ key: key.toHex(), lsn, offset, length: Math.floor(tagged / 4), flags: tagged & 3 });
    }
  }
  return rows;
}

/** Checks a layer as a whole: its leaves (P1), its parents (P2), its filter and its description. */
function assertSound(t: LayerFixture, rows: readonly Row[]): void {
  const { description } = t;
  // P1: its leaves have every version in order.
  assertRows(leafRows(t), rows);
  const children: number[] = [];
  for (let number = description.leafPages; number < description.indexPages; number++) {
    const page = t.page(number);
    for (let slot = 0; slot < pageCount(page); slot++) {
      const { key, lsn, offset: child, tagged } = readSlot(page, slot);
      const first = readSlot(t.page(child), 0);
      assertEquals(pageLevel(t.page(child)), pageLevel(page) - 1);
      assertEquals([key, lsn, tagged], [first.key, first.lsn, 0], "P2");
      children.push(child);
    }
  }
  assertEquals(children, Array.from({ length: Math.max(0, description.indexPages - 1) }, (_, i) => i));
  const keys = [...new Set(rows.map(({ key }) => key))];
  for (const key of keys) {
    const bytes = Uint8Array.fromHex(key);
    const hash = hashKey(bytes, 0, bytes.length);
    const page = t.page(description.indexPages + filterPageOf(hash, description.filterPages));
    assert(filterMayContain(page, hash), "the filter knows every key");
  }
  assertEquals(
    [description.versions, description.tombstones, description.keys],
    [rows.length, rows.filter(({ flags }) => flags === 3).length, keys.length],
  );
  assertEquals([description.firstKey.toHex(), description.lastKey.toHex()], [
    keys[0] ?? "",
    keys.at(-1) ?? "",
  ]);
  assertEquals(decodeFooter(t.tail.subarray(t.tail.length - 4096)), description);
  assertEquals(description.byteLength, description.valuesEnd + t.tail.length);
}

Deno.test("writeLayer() writes a layer without keys", async () => {
  const t = await layerOf(new IndexFixture());
  const { indexPages, height, filterPages } = t.description;
  assertEquals([indexPages, height, filterPages], [0, 0, 1]);
  assertEquals(filterMayContain(t.page(0), 5), false);
  assertSound(t, []);
});

Deno.test("writeLayer() writes one key", async () => {
  const t = new IndexFixture().add(maxLsn, [[new Uint8Array(512).fill(3), undefined]]);
  const layer = await layerOf(t);
  assertEquals([layer.description.height, layer.description.leafPages], [1, 1]);
  assertSound(layer, t.rows());
});

Deno.test("writeLayer() says what it was told of the layer", async () => {
  const t = new IndexFixture().add(5, [[Uint8Array.of(1), undefined]]);
  const lsns = { firstLsn: 2, lastLsn: 6, horizon: 4, imageLsn: 3 };
  const identity = { kind: "image", sequence: 9, generation: 8, fileId: 7, ...lsns } as const;
  const { description } = await layerOf(t, identity);
  assertEquals({ ...description, ...identity }, description);
});

Deno.test("writeLayer() writes many keys of all lengths, each with some versions", async () => {
  for (const seed of seeds("write layer", 4)) {
    const t = randomIndex(new Random(seed), 3000);
    const layer = await layerOf(t);
    assert(layer.description.height >= 2, "it has parents");
    assertSound(layer, t.rows());
  }
});

Deno.test("writeLayer() writes versions of one key that span pages", async () => {
  const t = new IndexFixture();
  const hot = Uint8Array.of(5);
  t.add(1, [[Uint8Array.of(4), undefined], [Uint8Array.of(5, 0), undefined]]);
  for (let lsn = 2; lsn <= 6000; lsn++) t.add(lsn * 3, [[hot, lsn % 7 === 0 ? undefined : hot]]);
  const layer = await layerOf(t);
  assert(layer.description.leafPages >= 3, "they span pages");
  assertEquals(layer.description.keys, 3);
  assertSound(layer, t.rows());
});

Deno.test("writeLayer() writes a tree of three levels and more", async () => {
  const random = new Random(4);
  // Keys whose first byte differs share nothing, so that a page holds some fifteen of them.
  const keys = Array.from({ length: 4000 }, (_, i) => {
    const key = random.bytes(512);
    key[0] = i;
    return key;
  });
  const t = new IndexFixture().add(7, keys.map((key) => [key, undefined]));
  const layer = await layerOf(t);
  assert(layer.description.height >= 3, `it has ${layer.description.height} levels`);
  assertSound(layer, t.rows());
});

Deno.test("writeLayer() writes what a merge of stored layers brings, as of one index with all of it", async () => {
  for (const seed of seeds("write merged layer", 3)) {
    const random = new Random(seed);
    const whole = new IndexFixture();
    const parts = Array.from({ length: random.pick([1, 2, 5]) }, () => new IndexFixture());
    const keys = Array.from({ length: 1500 }, () => random.bytes(random.from(1, 30)));
    for (let lsn = 1; lsn <= 40; lsn++) {
      const changes = Array.from({ length: 100 }, (): Given => [random.pick(keys), undefined]);
      const part = random.pick(parts);
      // Records lie where they lay before; here they happen to have the offsets of the whole.
      part.offset = whole.offset;
      whole.add(lsn, changes);
      part.add(lsn, changes);
    }
    const layers = await Promise.all(parts.map((part) => layerOf(part)));
    const pages = new FixturePages(...layers);
    const sink = new MemorySink(1 << 24);
    const merged = mergeCursors(layers.map(({ layer }) => pageCursor(layer)));
    const turns = new CountingTurns();
    const description = await writeLayer(merged, sink, { ...someIdentity, kind: "delta" }, { turns, pages });
    assertSound(new LayerFixture(description, sink.bytes), whole.rows());
    assertEquals(new Set(pages.fetched).size, pages.fetched.length, "each page is read once");
  }
});

Deno.test("writeLayer() asks for room and gives turns, and keeps to the keys that were there", async () => {
  const random = new Random(5);
  const t = new IndexFixture();
  t.add(1, Array.from({ length: 50_000 }, () => [random.bytes(8), undefined]));
  const rows = t.rows();
  const sink = new MemorySink(1 << 24);
  const turns = new CountingTurns();
  await sortIndex(t.index, turns);
  const given = turns.given;
  const description = await writeLayer(memoryCursor(t.index), sink, someIdentity, { turns });
  assert(turns.given > given + 25 && sink.asked > 75, "it breathes");
  assertSound(new LayerFixture(description, sink.bytes), rows);
});

Deno.test("writeLayer() does not start at an offset that is not aligned", async () => {
  const turns = new CountingTurns();
  const written = writeLayer(memoryCursor(new MemoryIndex()), new MemorySink(5000), someIdentity, { turns });
  await assertRejects(() => written, AssertionError);
});

Deno.test("writeLayer() rejects when the sink does", async () => {
  const t = randomIndex(new Random(6), 3000);
  const sink = new MemorySink(4096);
  sink.room = () => sink.position > 30_000 ? Promise.reject(new Error("no room")) : undefined;
  const written = writeLayer(memoryCursor(t.index), sink, someIdentity, { turns: new CountingTurns() });
  await assertRejects(() => written, Error, "no room");
});

Deno.test("writeLayer() binds every page to its file and its place", async () => {
  const t = randomIndex(new Random(7), 1000);
  const layer = await layerOf(t), other = await layerOf(t, { fileId: 5 });
  const pages = (layer.tail.length - 4096) / pageBytes;
  for (let number = 0; number < pages; number++) {
    const at = number * pageBytes;
    const page = layer.tail.subarray(at + 4, at + pageBytes),
      same = other.tail.subarray(at + 4, at + pageBytes);
    assertEquals(compareKeys(page, same), 0, "it says the same");
    assert(
      compareKeys(layer.tail.subarray(at, at + 4), other.tail.subarray(at, at + 4)) !== 0,
      "with another sum",
    );
  }
});

Deno.test("LayerBuilder takes no versions out of order, whether they come at once or not", () => {
  const row = (key: string, lsn: number) => ({
    key: new TextEncoder().encode(key),
    lsn,
    offset: 0,
    tagged: 100,
  });
  const inOrder = [row("a", 1), row("a", 2), row("ab", 1), row("b", 1)];
  const records = new Uint8Array(1000);
  const adds = [
    (builder: LayerBuilder, rows: typeof inOrder) => builder.add(blockOf(rows), 0, rows.length),
    (builder: LayerBuilder, rows: typeof inOrder) =>
      builder.addRuns(blockOf(rows), 0, rows.length, records, 0),
  ];
  for (const add of adds) {
    for (let i = 0; i < inOrder.length; i++) {
      for (let j = i; j < inOrder.length; j++) {
        const added = () => new LayerBuilder(1, () => {});
        assertThrows(() => add(added(), [inOrder[j], inOrder[i]]), AssertionError, "P1");
        const builder = added();
        add(builder, [inOrder[j]]);
        assertThrows(() => add(builder, [inOrder[i]]), AssertionError, "P1");
      }
    }
    const builder = new LayerBuilder(1, () => {});
    add(builder, inOrder);
    assertEquals(builder.versions, 4);
  }
});
