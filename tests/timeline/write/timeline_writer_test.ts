import { assert, assertEquals } from "@std/assert";
import { MemoryEngine } from "../../io/memory_engine.ts";
import { WriterFixture } from "./writer_fixture.ts";

Deno.test("TimelineWriter keeps what was appended when it is closed and opened again", async () => {
  const memory = new MemoryEngine();
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
