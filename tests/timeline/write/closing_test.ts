/** Closing the writer of a timeline: all that was appended is durable, and is found again as it was left. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, IoError } from "../../../src/base/mod.ts";
import { flip, type SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import { durableEndsOf } from "../../../src/timeline/mod.ts";
import { block } from "../../segment/segment_fixture.ts";
import { errno, Gate } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { batchOf, hold, quiet } from "./held.ts";
import { closeContext, WriterFixture } from "./writer_fixture.ts";

const KiB = 1024;

/** How much is appended, whether it is synced, and what stands in the manifest when it is closed and opened again. */
const closings: readonly [
  words: string,
  bytes: readonly number[],
  sync: boolean,
  layers: number,
  segments: number,
][] = [
  ["nothing", [], false, 0, 0],
  ["a little", [5 * KiB], false, 0, 1],
  ["a little that is synced", [5 * KiB], true, 0, 1],
  ["what is worth a layer", [600 * KiB, 600 * KiB], false, 1, 0],
  ["what is worth a layer and is synced", [600 * KiB, 600 * KiB], true, 1, 0],
  ["a segment that is full, and a little more", [1800 * KiB, 300 * KiB], false, 1, 1],
];

for (const [words, batches, sync, layers, segments] of closings) {
  Deno.test(`TimelineWriter.close() of ${words} leaves ${layers} layers and ${segments} segments that go on`, async () => {
    const memory = new SimEngine();
    const options = { settings: { segmentBytes: 2048 * KiB }, bufferBytes: 64 * KiB };
    const t = await WriterFixture.open(memory, options);
    for (const bytes of batches) t.append(...batchOf(bytes));
    if (sync) await t.writer.sync();
    await t.close();
    assertEquals(t.writer.durableLsn, batches.length);
    const again = await WriterFixture.open(memory, options);
    const { state } = again;
    assertEquals([state.layers.length, state.segments.length], [layers, segments]);
    assertEquals(state.segments.map(({ witness }) => witness?.isEnd), Array(segments).fill(false));
    assertEquals([again.writer.lastLsn, again.writer.layers.frozenCount], [batches.length, 0]);
    // The small segment goes on.
    again.append(...batchOf(100));
    await again.writer.sync();
    assertEquals(again.state.segments.map(({ sequence }) => sequence), [layers + 1]);
    await again.close();
  });
}

Deno.test("TimelineWriter.close() changes nothing of a timeline to which nothing was appended", async () => {
  const memory = new SimEngine();
  const first = await WriterFixture.open(memory);
  for (let i = 0; i < 3; i++) await first.appendNext();
  await first.close();
  const isSegment = (path: string) => path.endsWith(".seg");
  const segments = memory.disk.paths().filter(isSegment).map((path) => memory.disk.contents(path).slice());
  for (let i = 0; i < 3; i++) {
    const engine = new HookedSim(memory.disk);
    const t = await WriterFixture.open(engine);
    const { state } = t;
    engine.hook = (operation, path) => assert(!path.endsWith(".seg"), `${operation} of ${path}`);
    await t.close();
    assertEquals(t.state, state);
  }
  assertEquals(memory.disk.paths().filter(isSegment).map((path) => memory.disk.contents(path)), segments);
});

Deno.test("TimelineWriter.close() ends a sync and a freeze that are under way, and refuses what comes later", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  for (let i = 0; i < 12; i++) await t.appendNext();
  const gate = hold(engine);
  const asked = [t.writer.sync(), t.writer.freeze()];
  const closed = t.close();
  await gate.reached;
  gate.open();
  await closed;
  await Promise.all(asked);
  assertEquals([t.writer.durableLsn, t.state.segments.length, engine.openFiles], [12, 0, 0]);
  assertThrows(() => t.append(), Deno.errors.BadResource);
  await assertRejects(() => t.writer.sync(), Deno.errors.BadResource);
  await assertRejects(() => t.writer.freeze(), Deno.errors.BadResource);
});

/** Freezes a segment of two batches, which nobody waits for. */
async function freezeTwo(t: WriterFixture): Promise<void> {
  for (let i = 0; i < 2; i++) await t.appendNext();
  t.writer.freeze().catch(() => {});
}

/** What is not sealed when the disk turns out to be full, and how it comes to be there. */
const leftovers: Readonly<Record<string, (t: WriterFixture) => Promise<unknown>>> = {
  "a frozen segment": freezeTwo,
  "two frozen segments": async (t) => [await freezeTwo(t), await freezeTwo(t)],
  "a frozen segment and an open one": async (t) => [await freezeTwo(t), await t.appendNext()],
};

for (const [words, leave] of Object.entries(leftovers)) {
  Deno.test(`TimelineWriter.close() has the manifest prove all of ${words} that a full disk leaves`, async () => {
    const engine = new HookedSim(), { disk } = engine;
    const t = await WriterFixture.open(engine);
    const gate = new Gate();
    engine.hook = async (operation, path) => {
      if (operation !== "truncate" || !path.endsWith(".seg")) return;
      await gate.wait();
      throw errno("ENOSPC", operation, path);
    };
    await leave(t);
    await t.writer.sync();
    await gate.reached;
    const { lastLsn, layers } = t.writer, durableEnds = durableEndsOf(layers);
    const closed = t.close();
    gate.open();
    await closed;
    for (const [sequence, end] of durableEnds) {
      for (let offset = 0; offset < end; offset += block) {
        const rotten = disk.clone();
        flip(rotten, pathOf(disk, sequence), offset + 100, 3);
        const opened = WriterFixture.open(new SimEngine({ disk: rotten }));
        await assertRejects(() => opened, CorruptionError, `.seg" at offset`);
      }
    }
    const again = await WriterFixture.open(new SimEngine({ disk }));
    await again.assertMade();
    assertEquals([again.writer.lastLsn, again.writer.durableLsn], [lastLsn, lastLsn]);
    await again.writer.freeze();
    assertEquals(again.state.layers.map(({ sequence }) => sequence), [...durableEnds.keys()]);
    await again.close();
  });
}

/** The path of the only segment of a sequence. */
function pathOf(disk: SimDisk, sequence: number): string {
  const part = `-${sequence.toString(16).padStart(8, "0")}-`;
  const [path, ...others] = disk.paths().filter((path) => path.includes(part));
  assertEquals(others, []);
  return path;
}

Deno.test("TimelineWriter.close() rejects when the manifest has no room to say where segments end", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  await t.appendNext();
  await t.writer.sync();
  engine.hook = (operation, path) => {
    if (operation === "write" && path.includes("manifest")) throw errno("ENOSPC", operation, path);
  };
  await assertRejects(() => t.close(), IoError, "ENOSPC");
  assertEquals([t.writer.durableLsn, engine.openFiles], [1, 0]);
  const again = await WriterFixture.open(new SimEngine({ disk: engine.disk }));
  assertEquals(again.writer.lastLsn, 1);
  await again.close();
});

Deno.test("TimelineWriter.abandon() ends also if a segment meets a full disk late that was tried again since", async () => {
  const engine = new HookedSim(), t = await WriterFixture.open(engine), gate = new Gate();
  let opened = 0;
  engine.hook = async (operation, path) => {
    if (operation !== "open" || !path.endsWith(".seg") || ++opened > 1) return;
    await gate.wait();
    throw errno("ENOSPC", operation, path);
  };
  await t.appendNext();
  const frozen = assertRejects(() => t.writer.freeze(), IoError, "/other");
  await gate.reached;
  t.writer.health.fail(errno("ENOSPC", "write", "/other"));
  await frozen;
  t.writer.health.retry();
  // The seal waits for the file again.
  await quiet();
  const abandoned = t.writer.abandon();
  gate.open();
  await abandoned;
  await closeContext(t.context);
  assertEquals([opened, engine.openFiles], [2, 0]);
});
