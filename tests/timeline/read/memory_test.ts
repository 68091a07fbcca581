/** Reads for which there is no memory: they are refused, and nothing waits for them. */

import { assertEquals, assertRejects } from "@std/assert";
import { MemoryError } from "../../../src/base/mod.ts";
import { CrampedEngine } from "../write/held.ts";
import { WriterFixture } from "../write/writer_fixture.ts";

Deno.test("Timeline.getMany() rejects with MemoryError when there is none to read with, and reads later", async () => {
  const engine = new CrampedEngine(), t = await WriterFixture.open(engine);
  for (let i = 0; i < 6; i++) {
    for (let batch = 0; batch < 5; batch++) await t.appendNext();
    await t.writer.freeze();
  }
  engine.buffersLeft = 0;
  for (let i = 0; i < 2; i++) await assertRejects(() => t.assertMade(), MemoryError);
  // Several batches of reads go on with one buffer.
  engine.buffersLeft = 1;
  await t.assertMade();
  engine.buffersLeft = Infinity;
  await t.assertMade();
  await t.close();
  assertEquals(engine.openFiles, 0);
});
