/** Scans in columns: the same entries as a stream of them, damage in its place, nothing held in the end. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Batch, CorruptionError, type ScanRange, Store, type Timeline } from "../../../../mod.ts";
import { type Rows, visitRows } from "../../../../src/timeline/mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { Random, seeds } from "../../../random.ts";
import { collect, patterned } from "../../../store/bytes.ts";

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lsn: number;
}

function copyRows(rows: Rows): Row[] {
  const copies: Row[] = [];
  for (let row = rows.from; row < rows.to; row++) {
    const start = rows.values.starts[row];
    const value = rows.values.bytes.slice(start, start + rows.values.lengths[row]);
    copies.push({ key: rows.keys.keyAt(row), value, lsn: rows.lsnOf(row) });
  }
  return copies;
}

async function rowsOf(timeline: Timeline, range: ScanRange, lsn?: number): Promise<Row[]> {
  const all: Row[] = [];
  await visitRows(timeline, range, { lsn }, (rows) => {
    assert(rows.to > rows.from);
    all.push(...copyRows(rows));
    return Promise.resolve();
  });
  return all;
}

async function open(engine: SimEngine): Promise<Store> {
  return await Store.open("/store", { ioEngine: engine, ioMode: "buffered", segmentBytes: 2 ** 16 });
}

Deno.test("visitRows() shows what a scan gives, over memory and layers, merged ones too", async () => {
  for (const seed of seeds("rows", 4)) {
    const random = new Random(seed);
    await using store = await open(new SimEngine());
    const timeline = store.timeline();
    for (let i = 0; i < 200; i++) {
      if (i === 120) await timeline.compact();
      const batch = new Batch();
      for (let j = random.below(20); j > 0; j--) {
        const key = `k${random.below(500)}`.padEnd(random.once(10) ? 400 : 0, "x");
        if (random.once(6)) batch.delete(key);
        else batch.put(key, patterned(random.once(30) ? random.below(70_000) : random.below(200), i));
      }
      await timeline.append(batch);
    }
    const ranges: ScanRange[] = [{}, { reverse: true }, { prefix: "k1" }, { start: "k2", end: "k4" }];
    for (const range of [...ranges, { limit: 7 }, { limit: 0 }, { start: "k4", end: "k2" }]) {
      for (const lsn of [undefined, 1, 90]) {
        const expected = await collect(timeline.scan(range, { lsn }));
        assertEquals(await rowsOf(timeline, range, lsn), expected);
      }
    }
    assertEquals(store.metrics().views, 0);
  }
});

Deno.test("visitRows() shows a window of rows at a time", async () => {
  await using store = await open(new SimEngine());
  const timeline = store.timeline();
  for (let i = 0; i < 30; i++) await timeline.append([{ key: `k${10 + i}`, value: patterned(1_500_000, i) }]);
  const windows: number[] = [];
  await visitRows(timeline, {}, {}, (rows) => Promise.resolve(void windows.push(rows.to - rows.from)));
  assertEquals(windows, [11, 11, 8]);
});

Deno.test("visitRows() ends with damage, behind everything before it", async () => {
  const engine = new SimEngine();
  {
    await using store = await open(engine);
    await store.timeline().append(["a", "b", "c", "d"].map((key, i) => ({ key, value: patterned(500, i) })));
    await store.timeline().freeze();
  }
  const path = engine.disk.paths().find((name) => name.endsWith(".seg")) as string;
  const bytes = engine.disk.contents(path), value = patterned(500, 2);
  bytes[bytes.findIndex((_, i) => value.every((byte, j) => bytes[i + j] === byte)) + 100] ^= 1;
  engine.disk.put(path, bytes);
  await using store = await open(engine);
  const seen: string[] = [];
  const error = await assertRejects(() =>
    visitRows(store.timeline(), {}, {}, (rows) => {
      seen.push(...copyRows(rows).map(({ key }) => new TextDecoder().decode(key)));
      return Promise.resolve();
    }), CorruptionError);
  assertEquals(error.path, path);
  assertEquals(seen, ["a", "b"]);
  assertEquals(store.metrics().views, 0);
});

Deno.test("visitRows() stops where its visitor throws, and where the store closes", async () => {
  const store = await open(new SimEngine());
  const timeline = store.timeline();
  for (let i = 0; i < 30; i++) await timeline.append([{ key: `k${10 + i}`, value: patterned(1_500_000, i) }]);
  await assertRejects(
    () => visitRows(timeline, {}, {}, () => Promise.reject(new Error("enough"))),
    Error,
    "enough",
  );
  assertEquals(store.metrics().views, 0);
  let visits = 0;
  const visiting = visitRows(timeline, {}, {}, () => {
    visits++;
    void store.close();
    return Promise.resolve();
  });
  await assertRejects(() => visiting, Deno.errors.BadResource);
  assertEquals(visits, 1);
  await store.close();
});
