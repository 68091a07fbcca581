/** Bytes that stay in memory for readers once they are written. */

import { assert, assertEquals } from "@std/assert";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";

Deno.test("BufferedWriter keeps written bytes in memory for as long as it is told to, and waits no sooner for room", async () => {
  let kept = 6 * block;
  const t = await WriterFixture.make({ kept: () => kept, buffers: 2 });
  for (let i = 0; i < 20; i++) {
    t.append(2 * block);
    await t.writer.flushTo(t.writer.position);
    assertEquals([t.writer.isFull, t.writer.written], [false, t.writer.position]);
    const inMemory = t.writer.position - t.writer.memoryStart;
    assert(
      inMemory >= Math.min(kept, t.writer.position) && inMemory <= kept + 2 * block,
      `${inMemory} bytes`,
    );
    t.checkReadable();
  }
  kept = 0;
  t.append(2 * block);
  await t.writer.flushTo(t.writer.position);
  assertEquals(t.writer.memoryStart, t.writer.position);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter counts what is not written alone when it asks to wait", async () => {
  const t = await WriterFixture.make({ kept: () => 100 * block, buffers: 2, depth: 1, hold: true });
  t.append(4 * block);
  await t.engine.finishAll();
  t.append(6 * block);
  assertEquals(t.writer.isFull, true);
  const room = t.writer.room();
  assert(room !== undefined);
  await t.engine.finishAll();
  await room;
  assertEquals(t.writer.isFull, false);
  assertEquals(t.writer.memoryStart, 0);
  t.engine.hold = false;
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});
