/** Giving history up on a disk in memory that is taken away at any moment. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { Gate } from "../../../store/hooked_engine.ts";
import { HookedSim } from "../../hooked_sim.ts";
import { quiet } from "../../write/held.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

Deno.test("Timeline.gc() is crashed at any operation, and what is left reads as of its horizon and later", async () => {
  const engine = new HookedSim(), t = await WriterFixture.open(engine), left: SimEngine[] = [];
  for (let lsn = 1; lsn <= 60; lsn++) {
    t.append({ key: `k${lsn % 3}`, value: `${lsn}` }, {
      key: "gone",
      ...lsn < 20 ? { value: "" } : { delete: true },
    });
    if (lsn % 12 === 0) await t.writer.freeze();
  }
  engine.hook = (operation) => {
    if (operation !== "read") left.push(new SimEngine({ disk: engine.disk.clone() }));
  };
  await t.timeline.gc({ history: { lsns: 10 } });
  engine.hook = () => {};
  assert(left.length > 10, `${left.length} moments`);
  const horizons = new Set<number>();
  for (const disk of left) {
    const again = await WriterFixture.open(disk), { horizon } = again.state;
    horizons.add(horizon);
    assertEquals(again.writer.lastLsn, 60);
    // Whatever was given up lies below the horizon that is found.
    for (let lsn = horizon; lsn <= 60; lsn++) {
      const values = await again.timeline.getMany(["k0", "k1", "k2"], { lsn });
      const expected = [0, 1, 2].map((rest) => lsn - (lsn - rest + 3) % 3);
      const found = values.map((value) => value === undefined ? 0 : Number(new TextDecoder().decode(value)));
      assertEquals(found, expected.map((at) => Math.max(0, at)), `as of ${lsn}, horizon ${horizon}`);
    }
    await again.timeline.gc({ history: { lsns: 10 } });
    assertEquals(again.state.horizon, 50);
    await again.close();
  }
  assertEquals([...horizons], [0, 50]);
  await t.close();
});

Deno.test("Timeline.gc() and compact() that closing cuts short say what was asked for", async () => {
  const calls = [
    ["gc", 'Cannot collect garbage of timeline "main": it was closed'],
    ["compact", 'Cannot compact timeline "main": it was closed'],
  ] as const;
  for (const [call, words] of calls) {
    const engine = new HookedSim(), t = await WriterFixture.open(engine), gate = new Gate();
    for (let lsn = 1; lsn <= 60; lsn++) {
      t.append({ key: `k${lsn % 3}`, value: `${lsn}` });
      if (lsn % 12 === 0) await t.writer.freeze();
    }
    engine.hook = (operation, path) =>
      operation === "write" && /\.(delta|image)$/.test(path) ? gate.wait() : undefined;
    const ended = assertRejects(
      () => call === "gc" ? t.timeline.gc({ history: { lsns: 10 } }) : t.timeline.compact(),
      Deno.errors.BadResource,
      words,
    );
    await gate.reached;
    const closed = t.close();
    await quiet();
    gate.open();
    await closed;
    await ended;
  }
});

Deno.test("Timeline.gc() takes layers out unread, and that counts as no merge", async () => {
  const t = await WriterFixture.open(new HookedSim());
  for (let i = 0; i < 3; i++) {
    t.append({ key: "hot", value: `${i}` });
    await t.writer.freeze();
  }
  const { inputLayers, outputLayers } = await t.timeline.gc({ history: { lsns: 1 } });
  assertEquals([inputLayers, outputLayers, t.state.layers.length], [1, 0, 2]);
  const { merges, moves, mergedBytes } = t.writer.compactor.status;
  assertEquals([merges, moves, mergedBytes], [0, 0, 0]);
  await t.close();
});
