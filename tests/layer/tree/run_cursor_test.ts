import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AssertionError, CorruptionError, pageBytes } from "../../../src/base/mod.ts";
import { mergeCursors, type RunCursor, runCursor } from "../../../src/layer/mod.ts";
import { Random, seeds } from "../../random.ts";
import {
  assertRows,
  FixturePages,
  IndexFixture,
  type LayerFixture,
  layerOf,
  type Row,
  rowAt,
  walk,
} from "../layer_fixture.ts";

const key = (...bytes: number[]) => Uint8Array.from(bytes);

/** Layers side by side, and every row of each. Offsets say which layer a row is of. */
class Run {
  readonly layers: LayerFixture[] = [];
  readonly rows: Row[][] = [];

  /** Adds a layer of versions, given as `key@LSN` each. */
  async add(versions: readonly (readonly [Uint8Array, number])[]): Promise<this> {
    const t = new IndexFixture();
    t.offset = 4096 + this.layers.length * 2 ** 24;
    const byLsn = Map.groupBy(versions, ([, lsn]) => lsn);
    for (const lsn of [...byLsn.keys()].sort((a, b) => a - b)) {
      t.add(lsn, (byLsn.get(lsn) ?? []).map(([key]) => [key, lsn % 5 === 0 ? undefined : key]));
    }
    this.layers.push(await layerOf(t));
    this.rows.push(t.rows());
    return this;
  }

  cursor(): RunCursor {
    return runCursor(this.layers.map(({ layer }) => layer));
  }

  pages(): FixturePages {
    return new FixturePages(...this.layers);
  }

  /** The layer that a row is of. */
  layerAt(offset: number): LayerFixture {
    return this.layers[Math.floor((offset - 4096) / 2 ** 24)];
  }

  /** Walks it, checks at each row that it says of which layer that is, and returns the rows. */
  async walk(most: number): Promise<Row[]> {
    const cursor = this.cursor(), pages = this.pages(), rows: Row[] = [];
    for (;;) {
      while (!cursor.settle(pages)) await pages.fetch();
      assert(cursor.settle(pages), "it stays settled");
      if (cursor.ended) return rows;
      const row = rowAt(cursor.block, cursor.at);
      assertEquals(cursor.layer, this.layerAt(row.offset).layer, `the layer of ${row.key}@${row.lsn}`);
      const count = Math.min(most, cursor.end - cursor.at);
      for (let i = 0; i < count; i++) rows.push(rowAt(cursor.block, cursor.at + i));
      cursor.step(count);
    }
  }
}

Deno.test("runCursor() walks one layer as pageCursor() does, and one without versions", async () => {
  const one = await new Run().add([[key(1), 1], [key(1), 2], [key(2), 1]]);
  assertRows(await one.walk(1), one.rows[0]);
  const none = await new Run().add([]);
  assertEquals(await none.walk(1), []);
  assertEquals(none.cursor().layer, none.layers[0].layer);
});

Deno.test("runCursor() passes over layers without versions, wherever they stand", async () => {
  const run = new Run();
  for (const versions of [[], [[key(1), 1]], [], [], [[key(2), 1], [key(2), 2]], []]) {
    await run.add(versions as [Uint8Array, number][]);
  }
  assertRows(await run.walk(Infinity), run.rows.flat());
});

Deno.test("runCursor() walks a key that goes on from one layer to the next, its older versions first", async () => {
  const run = new Run();
  await run.add([[key(1), 3], [key(7), 1], [key(7), 2]]);
  await run.add([[key(7), 3], [key(7), 4]]);
  await run.add([[key(7), 9], [key(8), 1]]);
  const names = (await run.walk(Infinity)).map(({ key, lsn }) => `${key}@${lsn}`);
  assertEquals(names, ["01@3", "07@1", "07@2", "07@3", "07@4", "07@9", "08@1"]);
});

Deno.test("runCursor() takes no layers that are out of order", async () => {
  const run = await new Run().add([[key(1), 1], [key(3), 1]]);
  await run.add([[key(2), 1], [key(4), 1]]);
  assertThrows(() => run.cursor(), AssertionError, "in order");
  const apart = await new Run().add([[key(5), 1]]);
  await (await apart.add([])).add([[key(2), 1]]);
  assertThrows(() => apart.cursor(), AssertionError, "in order");
});

Deno.test("runCursor() walks what a sorted list is cut into, by any steps", async () => {
  for (const seed of seeds("run cursor", 6)) {
    const random = new Random(seed);
    const longest = random.pick([1, 2, 60, 512]);
    const names = new Set<string>();
    for (let i = random.pick([0, 1, 30, 4000]); i > 0; i--) {
      names.add(`${random.bytes(random.from(1, longest)).toHex()} ${random.from(1, random.pick([2, 90]))}`);
    }
    const versions = [...names].map((name) => {
      const [hex, lsn] = name.split(" ");
      return [Uint8Array.fromHex(hex), Number(lsn), hex] as const;
    }).sort((a, b) => a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : a[1] - b[1]);
    const cuts = Array.from({ length: random.from(0, 9) }, () => random.from(0, versions.length));
    const run = new Run();
    let from = 0;
    for (const to of [...cuts.sort((a, b) => a - b), versions.length]) {
      await run.add(versions.slice(from, to).map(([key, lsn]) => [key, lsn]));
      from = to;
    }
    const expected = run.rows.flat();
    assertEquals(expected.length, versions.length);
    assertRows(await run.walk(random.pick([1, 3, Infinity])), expected);
  }
});

Deno.test("runCursor() reads each leaf of its layers once, also when it is merged with another", async () => {
  const random = new Random(8);
  const runs: Run[] = [];
  for (let i = 0; i < 2; i++) {
    const run = new Run();
    for (let part = 0; part < 4; part++) {
      const keys = Array.from({ length: 700 }, () => Uint8Array.of(part, ...random.bytes(60)));
      await run.add(keys.map((key) => [key, i + 1]));
    }
    runs.push(run);
  }
  const layers = runs.flatMap((run) => run.layers), pages = new FixturePages(...layers);
  const cursors = runs.map((run) => run.cursor()), merged = mergeCursors(cursors);
  let count = 0;
  for (;;) {
    while (!merged.settle(pages)) await pages.fetch();
    if (merged.ended) break;
    const { block, at, source } = merged;
    assertEquals(cursors[source].layer, runs[source].layerAt(block.offset[at]).layer);
    assertEquals(block.lsn[at], source + 1);
    count += merged.end - at;
    merged.step(merged.end - at);
  }
  assertEquals(count, 2 * 4 * 700);
  const leaves = layers.reduce((sum, { description }) => sum + description.leafPages, 0);
  assertEquals([pages.fetched.length, new Set(pages.fetched).size], [leaves, leaves]);
  assert(pages.rounds <= leaves / 4, `${pages.rounds} rounds: they read ahead together`);
});

Deno.test("runCursor() throws when it comes to a damaged leaf, and names it", async () => {
  const run = new Run();
  for (let part = 0; part < 3; part++) {
    await run.add(
      Array.from({ length: 2500 }, (_, i) => [Uint8Array.of(part, i >> 8, i, ...key(1, 2, 3)), 1]),
    );
  }
  const [, { description, layer, tail }] = run.layers;
  assert(description.leafPages > 2);
  tail[pageBytes + 70] ^= 1;
  const cursor = run.cursor(), pages = run.pages();
  const error = await assertRejects(() => walk(cursor, pages), CorruptionError);
  assertEquals([error.path, error.offset], [layer.object.path, description.valuesEnd + pageBytes]);
  assertEquals(cursor.layer, layer);
});
