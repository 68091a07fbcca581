import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Turns } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { WriterFixture } from "../write/writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

/** Every kind of read, as short as it can be. */
const reads: Readonly<Record<string, (t: WriterFixture["timeline"]) => Promise<unknown>>> = {
  get: (t) => t.get("a"),
  getMany: (t) => t.getMany(["a"]),
  getVectored: (t) => Array.fromAsync(t.getVectored(["a"])),
  scan: (t) => Array.fromAsync(t.scan()),
  history: (t) => Array.fromAsync(t.history("a")),
};

for (const [name, read] of Object.entries(reads)) {
  Deno.test(`Timeline.${name}() lets the event loop turn when memory answers every read`, async () => {
    const t = await WriterFixture.open(new SimEngine());
    t.append({ key: "a", value: "1" });
    const timer = { fired: false };
    const handle = setTimeout(() => timer.fired = true, 0);
    let count = 0;
    while (!timer.fired && count++ < 1_000_000) await read(t.timeline);
    clearTimeout(handle);
    await t.close();
    assert(timer.fired, `no timer fired during ${count} reads`);
  });
}

Deno.test("Timeline.get() that memory does not answer at once counts as waited for, from its call to its end", async () => {
  const engine = new SimEngine(), host = systemHost(engine);
  let waiting = 0;
  const turns: Turns = {
    due: () => false,
    turn: () => host.turns.turn(),
    awaiting: () => void waiting++,
    answered: () => void waiting--,
  };
  const t = await WriterFixture.open(engine, { host: { ...host, turns } });
  t.append({ key: "a", value: "1" });
  const aborting = new AbortController(), { signal } = aborting;
  const readings = [t.timeline.get("a", { signal }), t.timeline.getEntry("b", { signal })];
  assertEquals(waiting, 2);
  await Promise.all(readings);
  assertEquals(waiting, 0);
  await t.writer.freeze();
  const given = t.timeline.get("a", { signal });
  assertEquals(waiting > 0, true);
  aborting.abort(new Error("stopped"));
  await assertRejects(() => given, Error, "stopped");
  assertEquals(waiting, 0);
  await t.close();
});
