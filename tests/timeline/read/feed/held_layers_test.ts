/** P3: between two windows a feed holds nothing, also no memory of layers that are gone since. */

import { assert, assertEquals } from "@std/assert";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { isFreed } from "../../garbage.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

Deno.test("changes() holds no index of a layer that was sealed since somebody asked last", async () => {
  const t = await WriterFixture.open(new SimEngine(), { settings: { flushMilliseconds: 4 } });
  for (let i = 1; i <= 10; i++) t.append({ key: `k${i}`, value: "v" });
  const indexOf = () => new WeakRef(t.writer.layers.open!.layer.index);
  const index = indexOf(), feed = t.timeline.changes({ follow: true }).getReader();
  for (let i = 1; i <= 10; i++) assertEquals((await feed.read()).value?.lsn, i);
  // One that waits, and one that nobody asks.
  const waiting = t.timeline.changes({ from: 11, follow: true }).getReader(), next = waiting.read();
  await new Promise<void>((resolve) => setTimeout(resolve));
  await t.writer.freeze();
  assertEquals(t.timeline.layers().length, 1);
  assert(await isFreed(index));
  t.append({ key: "more", value: "v" });
  assertEquals([(await next).value?.lsn, (await feed.read()).value?.lsn], [11, 11]);
  for (const reader of [feed, waiting]) await reader.cancel();
  await t.close();
});
