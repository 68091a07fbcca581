/** Upkeep that meets a layer which checks and lies: it is left alone as one that is damaged, and the rest goes on. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { StoredLayer } from "../../../src/layer/mod.ts";
import { SimTime } from "../../../src/sim/mod.ts";
import { exchangeSlots, forgePage } from "../../layer/forged.ts";
import { HookedSim } from "../hooked_sim.ts";
import { quiet } from "../write/held.ts";
import { timelineId, WriterFixture } from "../write/writer_fixture.ts";

/** Six segments of ten keys each, which all of them have; the second one is forged. */
async function forged(engine: HookedSim): Promise<{ path: string; offset: number; sound: Uint8Array }> {
  const t = await WriterFixture.open(engine);
  await addSegments(t, 6);
  const layer = StoredLayer.of(t.objects, timelineId, t.state.layers[1]);
  const { object: { path }, description: { valuesEnd } } = layer;
  await t.close();
  const sound = engine.disk.contents(path), bytes = sound.slice();
  forgePage(bytes, layer, 0, (page) => exchangeSlots(page, 3, 4));
  engine.disk.put(path, bytes);
  return { path, offset: valuesEnd, sound };
}

async function addSegments(t: WriterFixture, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const value = `${t.writer.lastLsn + 1}`;
    t.append(...Array.from({ length: 10 }, (_, key) => ({ key: `key ${key}`, value })));
    await t.writer.freeze();
  }
}

/** Opens a timeline whose layers are merged by themselves; no time passes in it. */
async function open(engine: HookedSim): Promise<WriterFixture> {
  const time = new SimTime(), host = { ...systemHost(engine), clock: time, timers: time };
  return await WriterFixture.open(engine, { upkeep: "slices", host });
}

async function settled({ writer }: WriterFixture): Promise<string> {
  const isBusy = () => ["merging", "queued"].includes(writer.compactor.status.state);
  for (let i = 0; i < 3; i++) do await quiet(); while (isBusy());
  return writer.compactor.status.state;
}

Deno.test("upkeep leaves a layer alone whose slots are out of order, says so, and does not try it again", async () => {
  const engine = new HookedSim(), { path, offset, sound } = await forged(engine), t = await open(engine);
  assertEquals(await settled(t), "damaged");
  const { damaged } = t.writer.compactor.status;
  assertEquals(damaged.map((error) => [error.path, error.offset]), [[path, offset]]);
  assert(t.state.layers.some(({ lastLsn, kind }) => lastLsn === 2 && kind === "L0"), "it stays");
  let reads = 0;
  engine.hook = (operation, at) => void (operation === "read" && at === path && reads++);
  await addSegments(t, 4);
  await settled(t);
  assertEquals([reads, t.writer.health.state, t.writer.compactor.pressure], [0, "open", 0]);
  for (let key = 0; key < 10; key++) {
    assertEquals(await t.timeline.get(`key ${key}`), new TextEncoder().encode("10"));
    assertEquals(await t.timeline.get(`key ${key}`, { lsn: 1 }), new TextEncoder().encode("1"));
  }
  const error = await assertRejects(() => t.timeline.compact(), CorruptionError, "slots in order");
  assertEquals([error.path, error.offset], [path, offset]);
  assert(reads > 0);
  await t.close();
  engine.hook = () => {};
  engine.disk.put(path, sound);
  const again = await open(engine);
  assertEquals(await settled(again), "idle");
  for (let lsn = 1; lsn <= 10; lsn++) {
    assertEquals(await again.timeline.get("key 3", { lsn }), new TextEncoder().encode(`${lsn}`));
  }
  await again.close();
  assertEquals(engine.openFiles, 0);
});
