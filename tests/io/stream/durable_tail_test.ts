/** An unfinished block, made durable in one write and written again when it has grown. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Health, IoError, PoisonedError } from "../../../src/base/mod.ts";
import type { IoFile } from "../../../src/io/engine.ts";
import { BufferedWriter } from "../../../src/io/stream/buffered_writer.ts";
import { drain } from "../../../src/sim/mod.ts";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";

async function opened(options: Parameters<typeof WriterFixture.make>[0] = {}): Promise<WriterFixture> {
  const t = await WriterFixture.make({ bufferBytes: 64 * block, ...options });
  await Promise.resolve();
  return t;
}

async function flushTail(t: WriterFixture): Promise<void> {
  const flushed = t.writer.flushTailDurably();
  assert(flushed !== undefined, "a durable write was issued");
  await flushed;
}

Deno.test("BufferedWriter.flushTailDurably() writes the unfinished block again, and whole ones once", async () => {
  const t = await opened();
  for (
    const [length, write] of [[100, "0+4096"], [100, "0+4096"], [4000, "0+8192"], [
      3992,
      "4096+4096",
    ]] as const
  ) {
    t.append(length);
    await flushTail(t);
    assertEquals(t.engine.takeLog(), [`write ${write} durable`]);
    t.checkReadable();
  }
  assertEquals(t.writer.written, 2 * block);
  assertEquals(t.writer.flushTailDurably(), undefined, "nothing is missing");
  t.append(9);
  await flushTail(t);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.flushTailDurably() copies: what is appended meanwhile is not in it", async () => {
  const t = await opened({ hold: true });
  t.append(block + 100);
  const flushed = t.writer.flushTailDurably();
  t.append(2 * block);
  assertEquals(t.writer.flushTailDurably(), undefined, "a flush of the tail is under way");
  await t.engine.finishAll();
  await flushed;
  assertEquals(t.writer.written, block);
  const tail = t.disk.contents("/file").subarray(block + 100);
  assertEquals(tail, new Uint8Array(block - 100));
  t.engine.hold = false;
  await t.writer.flushTo(3 * block);
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.flushTailDurably() poisons when it fails, and survives a full disk", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const t = await opened();
    t.append(block + 7);
    t.faults.failNext("write", code);
    await assertRejects(() => flushTail(t), code === "EIO" ? PoisonedError : IoError, code);
    assertEquals([t.health.state, t.writer.written], [code === "EIO" ? "poisoned" : "full", 0]);
    t.checkReadable();
    if (code === "ENOSPC") {
      t.health.retry();
      await t.writer.flushTail();
      await t.writer.close({ tail: "truncate" });
      t.checkFile();
    } else await t.writer.close({ tail: "abandon" });
    t.checkReleased();
  }
});

Deno.test("BufferedWriter.flushTail() waits for a file that is opening, and is refused when the disk is full or it is closed", async () => {
  for (const end of ["opens", "full", "closed"]) {
    const t = await WriterFixture.make(),
      opening = Promise.withResolvers<IoFile>(),
      health = new Health("it");
    const writer = new BufferedWriter(t.engine, t.pool, opening.promise, { health });
    writer.append(t.bytes(100));
    assertEquals(writer.flushTailDurably(), undefined);
    const flushing = writer.flushTail();
    flushing.catch(() => {});
    await drain();
    assertEquals(t.engine.log, []);
    if (end === "opens") opening.resolve(t.file);
    if (end === "full") health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/other" }));
    if (end === "closed") await writer.close({ tail: "abandon" });
    if (end === "opens") {
      await flushing;
      assertEquals(t.engine.log, ["write 0+4096"]);
    } else await assertRejects(() => flushing, end === "full" ? IoError : Deno.errors.BadResource);
    await writer.close({ tail: "abandon" });
    t.checkReleased();
  }
});
