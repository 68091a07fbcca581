/** The writer of a timeline over a disk in memory: LSNs, segments, syncs and freezing. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { timeMarkBytes } from "../../../src/layer/mod.ts";
import { type Lsn, LsnError, maxLsn } from "../../../src/base/mod.ts";
import { SeededChoices, SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import { block } from "../../segment/segment_fixture.ts";
import { HookedSim } from "../hooked_sim.ts";
import { batchOf, hold, isSettled, test } from "./held.ts";
import { changesOf, encoded, WriterFixture } from "./writer_fixture.ts";

const KiB = 1024;

Deno.test("TimelineWriter keeps what was appended when it is closed and opened again", async () => {
  const memory = new SimEngine();
  for (let round = 0; round < 5; round++) {
    const t = await WriterFixture.open(memory);
    assertEquals([t.writer.lastLsn, t.writer.durableLsn], [round * 30, round * 30]);
    await t.assertMade();
    for (let i = 0; i < 30; i++) await t.appendNext();
    await t.assertMade();
    await t.close();
    assertEquals(memory.openFiles, 0);
  }
});

/** LSNs that are given, and what comes of each. */
const lsns: readonly [given: (Lsn | undefined)[], taken: (Lsn | typeof LsnError)[]][] = [
  [[undefined, undefined, undefined], [1, 2, 3]],
  [[1, 2, 3], [1, 2, 3]],
  [[7, undefined, 100], [7, 8, 100]],
  [[5, 5, undefined], [5, LsnError, 6]],
  [[5, 4, 1, undefined], [5, LsnError, LsnError, 6]],
  [[maxLsn, undefined, maxLsn], [maxLsn, LsnError, LsnError]],
  [[maxLsn - 1, undefined, undefined], [maxLsn - 1, maxLsn, LsnError]],
];

for (const [given, taken] of lsns) {
  test(
    `TimelineWriter.append() of LSNs ${given.map((lsn) => lsn ?? "any").join(", ")} takes ${
      taken.map((lsn) => typeof lsn === "number" ? lsn : "none").join(", ")
    }`,
    async (t) => {
      let last = 0;
      for (const [i, lsn] of given.entries()) {
        const records = encoded([{ key: `k${i}`, value: `${i}` }]);
        const expected = taken[i];
        if (typeof expected === "number") assertEquals(t.writer.append(records, lsn), last = expected);
        else assertThrows(() => t.writer.append(records, lsn), expected);
        assertEquals(t.writer.lastLsn, last);
      }
      const keys = given.map((_, i) => `k${i}`);
      const values = await t.timeline.getMany(keys);
      assertEquals(values.map((value) => value !== undefined), taken.map((lsn) => typeof lsn === "number"));
    },
  );
}

/** Room for a time mark is kept in front of each batch; here two stand in one segment. */
const half = 14 * KiB - timeMarkBytes;

/** The bytes of batches in segments of 32 KiB, and the LSNs that segments begin with. */
const rolls: readonly [words: string, batches: readonly number[], firstLsns: readonly Lsn[]][] = [
  ["that fill a segment exactly", [half, half, 1 * KiB], [1, 3]],
  ["of which the last has a byte too many", [half, half + 1], [1, 2]],
  ["that each fill a segment", [28 * KiB, 28 * KiB, 28 * KiB], [1, 2, 3]],
  ["that are larger than a segment", [40 * KiB, 100 * KiB, 40 * KiB], [1, 2, 3]],
  ["around one that is larger than a segment", [1 * KiB, 100 * KiB, 1 * KiB, 1 * KiB], [1, 2, 3]],
  ["that are small", Array(20).fill(1 * KiB), [1]],
];

for (const [words, batches, firstLsns] of rolls) {
  test(`TimelineWriter.append() of batches ${words} begins segments at LSNs ${firstLsns.join(", ")}`, async (t) => {
    for (const bytes of batches) t.append(...batchOf(bytes));
    assertEquals(t.writer.layers.frozenCount, firstLsns.length - 1);
    await t.writer.freeze();
    const { layers, segments } = t.state;
    assertEquals([layers.map(({ firstLsn }) => firstLsn), segments], [firstLsns, []]);
    assertEquals(layers.map(({ sequence }) => sequence), firstLsns.map((_, i) => i + 1));
    assertEquals(t.writer.counters.seals, firstLsns.length);
  });
}

test("TimelineWriter.append() begins a segment when the index of the one before it is full", async (t) => {
  for (let i = 0; i < 4000; i++) {
    t.append({ key: `k${i}`, value: "" });
    await t.writer.makeRoom();
  }
  await t.writer.freeze();
  const { layers } = t.state;
  assert(layers.length > 3, `${layers.length} layers`);
  assertEquals(layers.reduce((versions, layer) => versions + layer.versions, 0), 4000);
}, { settings: { segmentBytes: 1024 * KiB, indexBytes: 64 * KiB } });

test("TimelineWriter.append() copies a batch, which may be filled anew at once", async (t) => {
  const records = encoded([{ key: "a", value: "1" }]);
  t.writer.append(records, undefined);
  records.clear();
  records.add({ key: "a", value: "2" });
  t.writer.append(records, undefined);
  const values = await Promise.all([1, 2].map((lsn) => t.timeline.get("a", { lsn })));
  assertEquals(values.map((value) => new TextDecoder().decode(value)), ["1", "2"]);
});

test("TimelineWriter.append() takes an LSN for a batch without changes, also in a segment of its own", async (t) => {
  assertEquals([t.append(), t.append(), t.writer.counters.changes], [1, 2, 0]);
  await t.writer.freeze();
  assertEquals(t.state.layers.map(({ firstLsn, lastLsn, versions }) => [firstLsn, lastLsn, versions]), [[
    1,
    2,
    0,
  ]]);
  assertEquals([t.writer.durableLsn, t.writer.counters.batches], [2, 2]);
});

test("TimelineWriter.sync() is shared by all who ask in the meantime, and does nothing where nothing is new", async (t) => {
  await t.writer.sync();
  assertEquals(t.writer.counters.syncs, 0);
  await t.appendNext();
  await Promise.all(Array.from({ length: 50 }, () => t.writer.sync()));
  assertEquals([t.writer.counters.syncs, t.writer.durableLsn], [1, 1]);
  await t.writer.sync();
  assertEquals(t.writer.counters.syncs, 1);
});

test("TimelineWriter.sync() covers what was appended during another", async (t, engine) => {
  await t.appendNext();
  await t.writer.sync();
  const gate = hold(engine);
  t.append({ key: "a", value: "1" });
  const first = t.writer.sync();
  await gate.reached;
  const others = Array.from({ length: 5 }, () => {
    t.append({ key: "a", value: "2" });
    return t.writer.sync();
  });
  assertEquals([t.writer.durableLsn, await isSettled(first)], [1, false]);
  gate.open();
  await first;
  assert(t.writer.durableLsn >= 2);
  await Promise.all(others);
  assertEquals([t.writer.durableLsn, t.writer.counters.syncs], [7, 3]);
});

test("TimelineWriter.sync() covers every segment that is not sealed", async (t, engine) => {
  const gate = hold(engine, "sync");
  for (let i = 0; i < 5; i++) t.append(...batchOf(40 * KiB));
  await t.writer.sync();
  assertEquals([t.writer.durableLsn, t.writer.layers.frozenCount, t.writer.counters.seals], [5, 4, 0]);
  gate.open();
});

Deno.test("TimelineWriter.sync() leaves nothing of several segments to be lost with the power", async () => {
  const disk = new SimDisk();
  const engine = new HookedSim(disk);
  const t = await WriterFixture.open(engine);
  // Sealing stops in front of the manifest with the first, and the others are only synced.
  const gate = hold(engine, "sync");
  for (let i = 0; i < 4; i++) t.append(...batchOf(40 * KiB));
  await t.writer.sync();
  for (let seed = 0; seed < 5; seed++) {
    const left = await WriterFixture.open(new SimEngine({ disk: disk.crash(new SeededChoices(seed)) }));
    assertEquals(left.writer.lastLsn, 4);
    await left.close();
  }
  gate.open();
  await t.close();
});

Deno.test("TimelineWriter.sync() goes on in the block behind it, and writes none twice", async () => {
  const memory = new SimEngine();
  const t = await WriterFixture.open(memory);
  let before = new Uint8Array(0);
  for (let i = 1; i <= 5; i++) {
    t.append({ key: "a", value: `${i}` });
    await t.writer.sync();
    const [path] = memory.disk.paths().filter((name) => name.endsWith(".seg"));
    const now = memory.disk.contents(path).slice(0, (i + 1) * block);
    assertEquals(now.subarray(0, before.length), before);
    assert(now.subarray(before.length).some((byte) => byte !== 0));
    before = now;
  }
  await t.close();
});

test("TimelineWriter.durableLsn stays when older segments are sealed behind a sync", async (t, engine) => {
  const gate = hold(engine, "sync");
  for (let i = 0; i < 4; i++) t.append(...batchOf(40 * KiB));
  await t.writer.sync();
  const seen = new Set<number>();
  engine.hook = () => void seen.add(t.writer.durableLsn);
  gate.open();
  await t.writer.freeze();
  assertEquals([[...seen], t.writer.durableLsn, t.writer.counters.seals], [[4], 4, 4]);
});

test(
  "TimelineWriter.map has what is not sealed from new to old, so that a read finds the newest",
  async (t, engine) => {
    const gate = hold(engine, "sync");
    for (let i = 1; i <= 4; i++) t.append({ key: "k", value: new Uint8Array(40 * KiB).fill(i) });
    assertEquals(t.writer.layers.map.memory.map(({ firstLsn }) => firstLsn), [4, 3, 2, 1]);
    assertEquals((await t.timeline.get("k"))?.[0], 4);
    assertEquals((await t.timeline.get("k", { lsn: 2 }))?.[0], 2);
    gate.open();
  },
);

test("TimelineWriter.freeze() of nothing does nothing", async (t) => {
  await t.writer.freeze();
  assertEquals([t.state.layers, t.state.segments, t.writer.counters.seals], [[], [], 0]);
});

test("TimelineWriter.freeze() ends when all before it is sealed", async (t, engine) => {
  const gate = hold(engine, "sync");
  await t.appendNext();
  const first = t.writer.freeze();
  await t.appendNext();
  const second = t.writer.freeze();
  await t.appendNext();
  await gate.reached;
  assertEquals([await isSettled(first), await isSettled(second), t.writer.layers.frozenCount], [
    false,
    false,
    2,
  ]);
  await t.assertMade();
  gate.open();
  await first;
  assert(t.state.layers.length >= 1);
  await second;
  assertEquals(t.state.layers.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn]), [[1, 1], [2, 2]]);
  assertEquals([t.writer.durableLsn, t.state.segments.map(({ firstLsn }) => firstLsn)], [2, [3]]);
  await t.assertMade();
});

test("TimelineWriter.counters counts what was done", async (t) => {
  for (let i = 0; i < 10; i++) await t.appendNext();
  await t.writer.sync();
  await t.writer.freeze();
  const { batches, changes, bytes, syncs, seals } = t.writer.counters;
  const expected = Array.from({ length: 10 }, (_, i) => encoded(changesOf(i + 1)));
  assertEquals([batches, changes], [10, 9]);
  assert(bytes >= expected.reduce((sum, { end }) => sum + end, 0));
  assertEquals([syncs, seals], [1, t.state.layers.length]);
});
