import { assert, assertEquals } from "@std/assert";
import {
  memoryCursor,
  mergeCursors,
  noPages,
  pageCursor,
  type VersionCursor,
  type VersionRange,
} from "../../src/layer/mod.ts";
import { Random, seeds } from "../random.ts";
import {
  assertRows,
  compareModelRows,
  FixturePages,
  type Given,
  IndexFixture,
  layerOf,
  randomIndex,
  type Row,
  rowAt,
  rowsIn,
  walk,
} from "./layer_fixture.ts";

/** An index of versions, written as `key@lsn`. */
function indexOf(versions: string): IndexFixture {
  const t = new IndexFixture();
  const given = versions.split(" ").filter((text) => text !== "").map((text) => text.split("@"));
  const lsns = [...new Set(given.map(([, lsn]) => Number(lsn)))].sort((a, b) => a - b);
  for (const lsn of lsns) {
    const keys = given.filter((one) => Number(one[1]) === lsn).map(([key]) => new TextEncoder().encode(key));
    t.add(lsn, keys.map((key): Given => [key, undefined]));
  }
  return t;
}

/** Walks a merge of keys that begin alike; rows as `key@lsn/source`. */
function names(cursors: VersionCursor[], reverse = false, sharedBytes = 0): string {
  const merged = mergeCursors(cursors, reverse, sharedBytes);
  const found: string[] = [];
  for (; merged.settle(noPages) && !merged.ended; merged.step()) {
    const { key, lsn } = rowAt(merged.block, merged.at);
    const text = new TextDecoder().decode(Uint8Array.fromHex(key));
    found.push(`${text}@${lsn}/${merged.source}`);
  }
  return found.join(" ");
}

Deno.test("mergeCursors() gives the versions of all in order, and says whose each is", () => {
  const cases: [string, string[], string][] = [
    ["none", [], ""],
    ["one without versions", [""], ""],
    ["some without versions", ["", "b@1", ""], "b@1/1"],
    ["a lone one", ["a@1 b@1 b@2"], "a@1/0 b@1/0 b@2/0"],
    ["one after the other", ["c@1 d@1", "a@1 b@1"], "a@1/1 b@1/1 c@1/0 d@1/0"],
    ["in turns", ["a@1 c@1 e@1", "b@1 d@1"], "a@1/0 b@1/1 c@1/0 d@1/1 e@1/0"],
    ["the same key at different LSNs", ["a@1 a@5", "a@3 b@1", "a@2"], "a@1/0 a@2/2 a@3/1 a@5/0 b@1/1"],
    ["the same version", ["a@1 b@2", "a@1", "a@1 b@2"], "a@1/0 a@1/1 a@1/2 b@2/0 b@2/2"],
    ["ends at different times", ["a@1", "a@2 b@1 c@1", "b@2 z@1"], "a@1/0 a@2/1 b@1/1 b@2/2 c@1/1 z@1/2"],
    [
      "keys that begin alike",
      ["abcdef@1 abcdefg@1", "abcdefa@1 abcde@1"],
      "abcde@1/1 abcdef@1/0 abcdefa@1/1 abcdefg@1/0",
    ],
    [
      "keys that zeros make alike",
      ["a\0@1 a\0\0@1", "a@1 a\0\0\0\0\0\0@1"],
      "a@1/1 a\0@1/0 a\0\0@1/0 a\0\0\0\0\0\0@1/1",
    ],
  ];
  for (const [what, sources, expected] of cases) {
    const cursors = (reverse: boolean) =>
      sources.map((source) => memoryCursor(indexOf(source).index, { reverse }));
    assertEquals(names(cursors(false)), expected, what);
    // Backwards, equal versions come in the order of their sources all the same.
    const rows = expected.split(" ").filter((name) => name !== "");
    const back = rows.toReversed().sort((a, b) => a.split("/")[0] === b.split("/")[0] ? a < b ? -1 : 1 : 0);
    assertEquals(names(cursors(true), true), back.join(" "), `${what}, backwards`);
  }
});

Deno.test("mergeCursors() compares behind what all keys begin with, as much of it as is known", () => {
  const sources = ["a@1 ab@1 b\0@1 b\0\0@2", "a@2 abcdefg@1 abcdefh@1", "@1 aaa@1 abcdefg@3 b@1"];
  const begin = "begin";
  const expected =
    "@1/2 a@1/0 a@2/1 aaa@1/2 ab@1/0 abcdefg@1/1 abcdefg@3/2 abcdefh@1/1 b@1/2 b\0@1/0 b\0\0@2/0"
      .split(" ").map((name) => begin + name);
  for (const known of [0, 3, begin.length]) {
    for (const reverse of [false, true]) {
      const cursors = sources.map((source) => {
        const longer = source.split(" ").map((version) => begin + version).join(" ");
        return memoryCursor(indexOf(longer).index, { reverse });
      });
      assertEquals(names(cursors, reverse, known), (reverse ? expected.toReversed() : expected).join(" "));
    }
  }
});

Deno.test("mergeCursors() gives what a sort gives, of any sources, both ways, in any steps", async () => {
  for (const seed of seeds("merge", 6)) {
    const random = new Random(seed);
    const indexes = Array.from(
      { length: random.from(1, 12) },
      () => randomIndex(random, random.from(1, 400)),
    );
    const layers = await Promise.all(indexes.map((t) => random.once(2) ? layerOf(t) : undefined));
    const pages = new FixturePages(...layers.filter((layer) => layer !== undefined));
    const keys = indexes.flatMap((t) => t.rows()).map(({ key }) => key);
    const pick = () => random.once(3) ? undefined : Uint8Array.fromHex(random.pick(keys));
    for (let i = 0; i < 8; i++) {
      const range: VersionRange = { start: pick(), end: pick(), reverse: random.once(2) };
      const expected = indexes.flatMap((t) => rowsIn(t.rows(), range)).sort(compareModelRows);
      if (range.reverse) expected.reverse();
      const cursors = indexes.map(({ index }, at) => {
        const layer = layers[at];
        return layer === undefined ? memoryCursor(index, range) : pageCursor(layer.layer, range);
      });
      const most = random.pick([1, 3, Infinity]);
      const found = await walk(mergeCursors(cursors, range.reverse), pages, most);
      assertEquals(
        found.map(({ key, lsn }) => `${key}@${lsn}`),
        expected.map(({ key, lsn }) => `${key}@${lsn}`),
      );
    }
  }
});

Deno.test("mergeCursors() says how many rows of a source come with nothing between them", () => {
  const block = (from: number, to: number) => {
    const t = new IndexFixture();
    return t.add(
      1,
      Array.from({ length: to - from }, (_, i): Given => [Uint8Array.of(1, from + i), undefined]),
    );
  };
  const runs = (parts: IndexFixture[]) => {
    const merged = mergeCursors(parts.map(({ index }) => memoryCursor(index)));
    const found: [number, number][] = [];
    while (merged.settle(noPages) && !merged.ended) {
      found.push([merged.source, merged.end - merged.at]);
      merged.step(merged.end - merged.at);
    }
    return found;
  };
  assertEquals(runs([block(0, 100)]), [[0, 100]]);
  assertEquals(runs([block(50, 100), block(0, 50), block(200, 201)]), [[1, 50], [0, 50], [2, 1]]);
  assertEquals(runs([block(0, 2), block(1, 3)]), [[0, 2], [1, 2]]);
  assertEquals(runs([block(1, 3), block(0, 2)]), [[1, 1], [0, 1], [1, 1], [0, 1]]);
  assertEquals(runs([block(0, 3), block(1, 2)]), [[0, 1], [0, 1], [1, 1], [0, 1]]);
});

Deno.test("mergeCursors() asks all sources for their first pages at once", async () => {
  const random = new Random(5);
  const layers = await Promise.all(Array.from({ length: 10 }, () => layerOf(randomIndex(random, 20, 1))));
  const pages = new FixturePages(...layers);
  const merged = mergeCursors(layers.map(({ layer }) => pageCursor(layer)));
  assert(!merged.settle(pages), "it waits");
  await pages.fetch();
  assert(merged.settle(pages), "it stands");
  assertEquals([pages.rounds, pages.fetched.length], [1, 10]);
  const rows: Row[] = [];
  for (; merged.settle(pages) && !merged.ended; merged.step()) rows.push(rowAt(merged.block, merged.at));
  assertRows(rows, rows.toSorted(compareModelRows));
});

Deno.test("mergeCursors() has all sources read ahead when one waits, each page once", async () => {
  const random = new Random(6);
  const layers = await Promise.all(Array.from({ length: 5 }, () => {
    const t = new IndexFixture();
    return layerOf(t.add(1, Array.from({ length: 2000 }, (): Given => [random.bytes(100), undefined])));
  }));
  const leaves = layers.reduce((sum, { description }) => sum + description.leafPages, 0);
  for (const reverse of [false, true]) {
    const pages = new FixturePages(...layers);
    const merged = mergeCursors(layers.map(({ layer }) => pageCursor(layer, { reverse })), reverse);
    assertEquals((await walk(merged, pages)).length, 10_000);
    assertEquals(pages.fetched.length, leaves);
    assert(pages.rounds <= leaves / 5 / 16 + 10, `${leaves} leaves in ${pages.rounds} rounds`);
  }
});
