import { assert } from "@std/assert";
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
