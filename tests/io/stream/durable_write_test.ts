import { assert, assertEquals, assertRejects } from "@std/assert";
import { Health, IoError, PoisonedError } from "../../../src/base/mod.ts";
import type { IoFile } from "../../../src/io/engine.ts";
import { BufferedWriter } from "../../../src/io/stream/buffered_writer.ts";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";
import { drain } from "../../../src/sim/mod.ts";

/** A writer whose file is open. */
async function opened(options: Parameters<typeof WriterFixture.make>[0] = {}): Promise<WriterFixture> {
  const t = await WriterFixture.make({ bufferBytes: 64 * block, ...options });
  await Promise.resolve();
  return t;
}

async function flushDurably(t: WriterFixture, offset: number): Promise<void> {
  const flushed = t.writer.flushDurably(offset);
  assert(flushed !== undefined, "a durable write was issued");
  await flushed;
  assertEquals(t.writer.written, offset);
}

Deno.test("BufferedWriter.flushDurably() writes what is missing in one durable write", async () => {
  const t = await opened();
  t.append(block);
  await flushDurably(t, block);
  t.append(2 * block + 9);
  await flushDurably(t, 3 * block);
  assertEquals(t.engine.log, ["write 0+4096 durable", "write 4096+8192 durable"]);
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  assertEquals(t.engine.takeLog().slice(2), ["write 12288+4096", "truncate 12297"]);
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.flushDurably() refuses what is not one small write on an idle file", async () => {
  const t = await opened({ hold: true });
  assertEquals(t.writer.flushDurably(0), undefined, "there is nothing to write");
  t.append(block);
  const flushed = t.writer.flushTo(block);
  t.append(block);
  assertEquals(t.writer.flushDurably(2 * block), undefined, "a write is in flight");
  await t.at(0).finish();
  await flushed;
  t.append(33 * block);
  assertEquals(t.writer.flushDurably(35 * block), undefined, "it is larger than is worth it");
  const durable = t.writer.flushDurably(33 * block);
  assertEquals(t.writer.flushDurably(33 * block), undefined, "a durable write is in flight");
  await t.engine.finishAll();
  await durable;
  t.append(27 * block);
  await t.writer.flushTo(62 * block);
  t.append(4 * block);
  assertEquals(t.writer.flushDurably(66 * block), undefined, "it is in two buffers");
  await t.writer.flushTo(65 * block);
  t.append(10);
  t.engine.hold = true;
  const tail = t.writer.flushTail();
  await drain();
  await t.at(65 * block).finish();
  assertEquals(t.offsets, [66 * block]);
  t.append(block);
  assertEquals(t.writer.flushDurably(67 * block), undefined, "a flush of the tail is under way");
  await t.engine.finishAll();
  await tail;
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.flushDurably() refuses while the file is opening, and when the health has a cause", async () => {
  const t = await WriterFixture.make();
  const opening = Promise.withResolvers<IoFile>();
  const health = new Health("it");
  const writer = new BufferedWriter(t.engine, t.pool, opening.promise, { health });
  writer.append(t.bytes(block));
  assertEquals(writer.flushDurably(block), undefined);
  opening.resolve(t.file);
  await opening.promise;
  health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/other" }));
  assertEquals(writer.flushDurably(block), undefined);
  health.retry();
  await writer.flushDurably(block);
  assertEquals(writer.written, block);
  await writer.close({ tail: "abandon" });
});

Deno.test("BufferedWriter.flushDurably() rejects and poisons the health when its write fails", async () => {
  const t = await opened();
  t.faults.failNext("write", "EIO");
  t.append(block);
  await assertRejects(() => flushDurably(t, block), PoisonedError, "EIO");
  assertEquals([t.health.state, t.writer.written], ["poisoned", 0]);
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.flushDurably() survives a full disk: what it wanted is written when there is room", async () => {
  const t = await opened();
  t.faults.failNext("write", "ENOSPC");
  t.append(block);
  await assertRejects(() => flushDurably(t, block), IoError, "ENOSPC");
  t.health.retry();
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkFile();
});
