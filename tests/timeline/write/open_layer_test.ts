/** How a segment comes to be: made, named in the manifest, and only then written to, in the order of history. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Health } from "../../../src/base/mod.ts";
import { SimEngine } from "../../../src/sim/mod.ts";
import { openLayer } from "../../../src/timeline/write/open_layer.ts";
import { Gate } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { batchOf, CrampedEngine, hold, isSettled, quiet, test } from "./held.ts";
import { closeContext, encoded, WriterFixture } from "./writer_fixture.ts";

/** The sequences of the segments that the manifest names. */
function named(t: WriterFixture): number[] {
  return t.state.segments.map(({ sequence }) => sequence);
}

test("openLayer() names segments in the order of history, whichever file stands first", async (t, engine) => {
  const gate = new Gate();
  let opened = 0;
  engine.hook = (operation, path) =>
    operation === "open" && path.endsWith(".seg") && ++opened === 1 ? gate.wait() : undefined;
  const frozen: Promise<void>[] = [];
  for (let i = 0; i < 2; i++) {
    await t.appendNext();
    frozen.push(t.writer.freeze());
  }
  await t.appendNext();
  const synced = t.writer.sync();
  await gate.reached;
  assertEquals([await isSettled(synced), opened, named(t)], [false, 3, []]);
  await t.assertMade();
  const seen: number[][] = [];
  engine.hook = (operation, path) => {
    if (operation === "write" && path.endsWith(".seg")) seen.push(named(t));
  };
  gate.open();
  await Promise.all([synced, ...frozen]);
  const begun = seen.flat();
  for (const sequences of seen) assertEquals(sequences, sequences.toSorted((a, b) => a - b));
  assertEquals([begun[0], t.state.layers.map(({ sequence }) => sequence), named(t)], [1, [1, 2], [3]]);
});

test(
  "openLayer() writes nothing to a segment before the manifest that names it is durable",
  async (t, engine) => {
    const gate = new Gate();
    let isNamed = false;
    engine.hook = async (operation, path) => {
      if (operation !== "write") return;
      if (path.endsWith(".seg")) assert(isNamed, "a segment is written to that nothing names");
      else await gate.wait();
    };
    await t.appendNext();
    const synced = t.writer.sync();
    await gate.reached;
    assertEquals([await isSettled(synced), t.writer.durableLsn, named(t)], [false, 0, []]);
    isNamed = true;
    gate.open();
    await synced;
    assertEquals([t.writer.durableLsn, named(t)], [1, [1]]);
  },
);

test(
  "openLayer() makes a file only when something is appended",
  async (t, engine) => {
    let opened = 0;
    engine.hook = (operation, path) => {
      if (operation === "open" && path.endsWith(".seg")) opened++;
    };
    await t.writer.sync();
    await t.writer.freeze();
    assertEquals(opened, 0);
    t.append({ key: "a", value: new Uint8Array(20_000) });
    await quiet();
    assertEquals(opened, 1);
    await t.writer.freeze();
    await quiet();
    assertEquals(opened, 1);
    t.append({ key: "a", value: "1" });
    await quiet();
    assertEquals(opened, 2);
  },
);

Deno.test("resumeLayer() goes on with a segment that was closed cleanly, and touches it only when something is appended", async () => {
  const memory = new SimEngine();
  let before: Uint8Array | undefined;
  for (let lsn = 1; lsn <= 4; lsn++) {
    const t = await WriterFixture.open(memory);
    const [path] = memory.disk.paths().filter((name) => name.endsWith(".seg"));
    if (path !== undefined) assertEquals(memory.disk.contents(path), before);
    t.append({ key: "a", value: `${lsn}` });
    await t.close();
    assertEquals([named(t), t.state.segments[0].witness?.lsn], [[1], lsn]);
    const [after] = memory.disk.paths().filter((name) => name.endsWith(".seg")).map((name) =>
      memory.disk.contents(name)
    );
    assertEquals(after.subarray(0, before?.length ?? 0), before ?? new Uint8Array(0));
    before = after.slice();
  }
});

Deno.test("resumeLayer() leaves what was recovered readable while it is being sealed", async () => {
  const memory = new SimEngine();
  const first = await WriterFixture.open(memory);
  for (let i = 0; i < 8; i++) await first.appendNext();
  await first.writer.sync();
  // What a kill leaves: segments that are not sealed and were not closed.
  const engine = new HookedSim(memory.disk.clone());
  await first.close();
  const gate = hold(engine);
  const t = await WriterFixture.open(engine);
  await gate.reached;
  await t.assertMade();
  assertEquals([t.writer.lastLsn, t.writer.durableLsn], [8, 8]);
  gate.open();
  await t.writer.freeze();
  await t.assertMade();
  assertEquals(named(t), []);
  await t.close();
});

test("OpenLayer.append() has all of a batch in its index in its own turn", async (t) => {
  await t.appendNext();
  const [{ index, object }] = t.writer.layers.map.memory;
  const before = index.versionCount;
  t.append({ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "c", delete: true });
  assertEquals([index.versionCount - before, index.keyCount - before], [3, 3]);
  assert(object.isWriting);
});

Deno.test("OpenLayer.append() leaves nothing in its index of what has no place in the segment", async () => {
  const engine = new CrampedEngine();
  const { context } = await WriterFixture.open(engine);
  const next = { sequence: 1, firstLsn: 1, previousSequence: 0, previousLsn: 0, previousNamed: undefined };
  const open = openLayer(context, new Health("test"), next, {});
  const append = (lsn: number, bytes: number) => {
    const records = encoded(batchOf(bytes));
    open.append(records, lsn, 0);
  };
  append(1, 100);
  engine.buffersLeft = 0;
  assertThrows(() => append(2, 20_000), RangeError);
  assertEquals([open.layer.index.versionCount, open.layer.lastLsn], [1, 1]);
  engine.buffersLeft = Infinity;
  await open.segment.writer.abort();
  await closeContext(context);
});
