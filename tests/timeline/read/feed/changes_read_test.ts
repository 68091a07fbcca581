/** Changes of one timeline on a disk in memory: where they are read, under which bounds, and what damage does. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, LsnError } from "../../../../src/base/mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import type { ChangeBatch, Timeline } from "../../../../src/timeline/mod.ts";
import { ChangesRead } from "../../../../src/timeline/read/feed/changes_read.ts";
import { collect } from "../../../store/bytes.ts";
import { recordsIn } from "../../../reliability/corrupt/golden.ts";
import { HookedSim } from "../../hooked_sim.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

const KiB = 1024, all = { start: undefined, end: undefined };
const decoder = new TextDecoder();

/** Batches in words: `3: a=1 b-`. */
function words(batches: readonly ChangeBatch[]): string[] {
  return batches.map(({ lsn, changes }) => {
    const told = changes.map((change) =>
      decoder.decode(change.key) + ("value" in change ? `=${decoder.decode(change.value).slice(0, 8)}` : "-")
    );
    return `${lsn}: ${told.join(" ")}`;
  });
}

async function changesOf(timeline: Timeline, options = {}): Promise<string[]> {
  return words(await collect(timeline.changes(options)));
}

/** Reads changes with room for so many bytes of what was merged. */
async function gathered(t: WriterFixture, most: number): Promise<string[]> {
  const { views } = t.context, { writer } = t, batches: ChangeBatch[] = [];
  const source = {
    get lastLsn() {
      return writer.lastLsn;
    },
    open: () => views.open(writer.layers.map, writer.lastLsn, undefined, writer.horizon.lsn),
  };
  const read = new ChangesRead(t.objects, source, { from: 1, to: Infinity, range: all }, most);
  for (let next = await read.next(); next !== undefined; next = await read.next()) batches.push(...next);
  assertEquals(views.count, 0);
  return words(batches);
}

/** A timeline with so many batches in layers that were merged. */
async function merged(engine: SimEngine, batches = 300): Promise<{ t: WriterFixture; expected: string[] }> {
  const t = await WriterFixture.open(engine), expected: string[] = [];
  for (let i = 1; i <= batches; i++) {
    const keys = [`k${i * 7 % 40}`, `m${i % 11}`].sort();
    const lsn = t.append({ key: keys[1], value: "old" }, { key: keys[0], value: `${i}` }, {
      key: keys[1],
      ...i % 3 === 0 ? { delete: true } : { value: "x".repeat(i * 17 % 9000) },
    });
    await t.writer.makeRoom();
    expected.push(
      `${lsn}: ${keys[0]}=${i} ${keys[1]}${i % 3 === 0 ? "-" : `=${"x".repeat(Math.min(8, i * 17 % 9000))}`}`,
    );
    if (i % 60 === 0) await t.writer.freeze();
  }
  await t.writer.freeze();
  await t.timeline.compact();
  return { t, expected };
}

Deno.test("changes() is the same however little of what was merged is gathered at once", async () => {
  const { t, expected } = await merged(new SimEngine());
  assertEquals(await changesOf(t.timeline), expected);
  for (const most of [1, 700, 5000, 40_000]) assertEquals(await gathered(t, most), expected);
  await t.close();
});

Deno.test("changes() reads what was merged once for each window, and no layer that ended before", async () => {
  const engine = new HookedSim(), { t } = await merged(engine);
  const { lastLsn } = t.writer;
  for (let i = 0; i < 5; i++) t.append({ key: `later ${i}`, value: "1" });
  await t.writer.freeze();
  let reads = 0;
  engine.hook = (operation) => void (reads += operation === "read" ? 1 : 0);
  assertEquals((await changesOf(t.timeline, { from: lastLsn + 1 })).length, 5);
  assertEquals(reads, 1);
  await gathered(t, 1024 * KiB);
  const once = reads - 1;
  await gathered(t, 100 * KiB);
  assert(reads - 1 - once > once * 2, `${once} reads, then ${reads - 1 - once}`);
  await t.close();
});

Deno.test("changes() tells a batch whole that is larger than a piece, wherever it lies", async () => {
  const t = await WriterFixture.open(new SimEngine(), { settings: { segmentBytes: 8 * KiB * KiB } });
  t.append({ key: "before", value: "1" });
  t.append(...Array.from({ length: 900 }, (_, i) => ({ key: `k${1000 + i}`, value: "v".repeat(3000) })));
  t.append({ key: "large", value: "y".repeat(700 * KiB) });
  t.append({ key: "behind", value: "2" });
  const check = async () => {
    const batches = await collect(t.timeline.changes());
    assertEquals(batches.map(({ lsn, changes }) => [lsn, changes.length]), [[1, 1], [2, 900], [3, 1], [
      4,
      1,
    ]]);
    assertEquals(batches[2].changes[0], {
      key: new TextEncoder().encode("large"),
      value: new Uint8Array(700 * KiB).fill(0x79),
    });
  };
  await check();
  await t.writer.sync();
  await check();
  await t.writer.freeze();
  await check();
  await t.timeline.compact();
  await check();
  await t.close();
});

Deno.test("changes() ends with the error where a record of a segment is damaged, after all before it", async () => {
  const engine = new SimEngine(), t = await WriterFixture.open(engine);
  for (let i = 1; i <= 30; i++) t.append({ key: `k${i}`, value: "v".repeat(100) });
  await t.writer.freeze();
  const [{ path }] = t.timeline.layers();
  await t.close();
  const file = path, bytes = engine.disk.contents(file);
  // Time marks stand before it: how many, the clock says.
  const { from } = recordsIn(bytes).find(({ lsn }) => lsn === 16)!;
  bytes[from + 20] ^= 1;
  engine.disk.put(file, bytes);
  const again = await WriterFixture.open(engine), told: number[] = [];
  await assertRejects(async () => {
    for await (const { lsn } of again.timeline.changes()) told.push(lsn);
  }, CorruptionError);
  assertEquals(told, Array.from({ length: 15 }, (_, i) => i + 1));
  await again.close();
});

Deno.test("changes() begins at the horizon, of which every change is there, and not below it", async () => {
  const t = await WriterFixture.open(new SimEngine());
  for (let lsn = 1; lsn <= 60; lsn++) {
    t.append({ key: `k${lsn % 3}`, value: `${lsn}` }, {
      key: "gone",
      ...lsn % 2 === 0 ? { value: "1" } : { delete: true },
    });
    if (lsn % 12 === 0) await t.writer.freeze();
  }
  const before = await changesOf(t.timeline, { from: 45 });
  await t.timeline.gc({ history: { lsns: 15 } });
  await t.timeline.compact({});
  assertEquals(t.state.horizon, 45);
  assertEquals(await changesOf(t.timeline), before);
  assertEquals(await changesOf(t.timeline, { from: 45 }), before);
  assertEquals(before.length, 16);
  await assertRejects(() => changesOf(t.timeline, { from: 44 }), LsnError, "below the horizon");
  await assertRejects(() => changesOf(t.timeline, { to: 44 }), LsnError, "below the horizon");
  await t.close();
});
