/** A full disk that is met by what was begun before it was tried again: nobody else is told of it (H3). */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import { drain } from "../../../src/sim/mod.ts";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";

/** Has another writer meet a full disk, which is then tried again. */
function tryAgain({ health }: WriterFixture): void {
  health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/other" }));
  health.retry();
}

Deno.test("BufferedWriter.flushTail() that meets a full disk late says so to its caller alone", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(100);
  const flushed = assertRejects(() => t.writer.flushTail(), IoError, "/file");
  await drain();
  tryAgain(t);
  await t.at(0).fail("ENOSPC");
  await flushed;
  assertEquals(t.health.state, "open");
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.close() that meets a full disk late says so to its caller alone", async () => {
  const t = await WriterFixture.make(), truncate = t.engine.truncate.bind(t.engine);
  t.append(100);
  t.engine.truncate = async (file, length) => {
    tryAgain(t);
    t.faults.failNext("truncate", "ENOSPC");
    await truncate(file, length);
  };
  await assertRejects(() => t.writer.close({ tail: "truncate" }), IoError, "/file");
  assertEquals(t.health.state, "open");
  t.engine.truncate = truncate;
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.flushDurably() rejects when its write meets a full disk late, and is written again at once", async () => {
  const t = await WriterFixture.make({ hold: true, bufferBytes: 4 * block });
  await Promise.resolve();
  t.append(block);
  const flushed = t.writer.flushDurably(block);
  assert(flushed !== undefined, "a durable write was issued");
  t.health.begin();
  const refused = assertRejects(() => flushed, IoError, "/file");
  await t.at(0).fail("ENOSPC");
  await t.at(0).finish();
  await refused;
  assertEquals(t.engine.log, ["write 0+4096 durable", "write 0+4096"]);
  assertEquals([t.health.state, t.writer.written], ["open", block]);
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.flushTo() is not told that a durable write beside it meets a full disk late", async () => {
  const t = await WriterFixture.make({ hold: true, bufferBytes: 4 * block });
  await Promise.resolve();
  t.append(block);
  const durably = t.writer.flushDurably(block);
  assert(durably !== undefined, "a durable write was issued");
  const refused = assertRejects(() => durably, IoError, "/file");
  t.health.begin();
  t.append(block);
  // As a seal does, which begins after it.
  const flushed = t.health.patiently(() => t.writer.flushTo(2 * block));
  await t.at(0).fail("ENOSPC");
  await refused;
  assertEquals(t.health.state, "open");
  await t.at(block).finish();
  await t.at(0).finish();
  await flushed;
  assertEquals(t.engine.log, ["write 0+4096 durable", "write 4096+4096", "write 0+8192"]);
  t.checkFile();
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});
