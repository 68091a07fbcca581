import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { AssertionError, Health, IoError, PoisonedError } from "../../../src/base/mod.ts";
import { BufferedWriter, BufferPool } from "../../../src/io/mod.ts";
import { assertSame, block, WriterFixture } from "./buffered_writer_fixture.ts";
import { drain, SimEngine } from "../../../src/sim/mod.ts";

// Ending a file.

Deno.test("BufferedWriter.close() drops the tail that no flush was asked for", async () => {
  const t = await WriterFixture.make();
  t.append(2 * block + 100);
  await t.writer.close({ tail: "abandon" });
  assertEquals(t.engine.log, ["write 0+8192"]);
  t.model = t.model.subarray(0, 2 * block).slice();
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.close() writes nothing when it drops a lone tail", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  await t.writer.close({ tail: "abandon" });
  assertEquals(t.engine.log, []);
  t.checkReleased();
});

Deno.test("BufferedWriter.close() pads, then truncates to the exact length", async () => {
  const t = await WriterFixture.make();
  t.append(2 * block + 100);
  await t.writer.close({ tail: "truncate" });
  assertEquals(t.engine.log, ["write 0+8192", "write 8192+4096", "truncate 8292"]);
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.close() truncates to an aligned length when the file was longer", async () => {
  const t = await WriterFixture.make();
  await t.engine.allocate(t.file, 100 * block);
  t.append(block);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.close() leaves an empty file as it is", async () => {
  for (const mode of [{ tail: "abandon" }, { tail: "truncate" }] as const) {
    const t = await WriterFixture.make();
    await t.writer.close(mode);
    assertEquals(t.engine.log, mode.tail === "abandon" ? [] : ["truncate 0"]);
    t.checkFile();
  }
});

Deno.test("BufferedWriter.close() waits for writes in flight and keeps their memory", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(4 * block + 5);
  let closed = false;
  const closing = t.writer.close({ tail: "abandon" }).then(() => closed = true);
  await t.at(2 * block).finish();
  await t.at(0).start();
  assertEquals([closed, t.pool.takenBytes > 0], [false, true]);
  await t.at(0).finish();
  await closing;
  t.model = t.model.subarray(0, 4 * block).slice();
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.close() waits for writes in flight when another one failed", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(6 * block);
  let closed = false;
  const closing = t.writer.close({ tail: "abandon" }).then(() => closed = true);
  await t.at(2 * block).fail("EIO");
  await t.at(0).start();
  await t.at(4 * block).start();
  assertEquals(closed, false);
  await t.engine.finishAll();
  await closing;
  assertSame(t.disk.contents("/file").subarray(0, 2 * block), t.model.subarray(0, 2 * block), "the first");
  assertSame(t.disk.contents("/file").subarray(4 * block), t.model.subarray(4 * block), "the third");
  t.checkReleased();
});

Deno.test("BufferedWriter.close() lets flushes of the tail end that were asked for before", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(100);
  const flushes = [t.writer.flushTail(), t.writer.flushTail()];
  const closing = t.writer.close({ tail: "truncate" });
  await t.engine.finishAll();
  await Promise.all(flushes);
  await closing;
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.close() rejects and gives up its memory when the last write fails", async () => {
  const t = await WriterFixture.make();
  t.faults.failNth("write", 1, "EIO");
  t.append(100);
  await assertRejects(() => t.writer.close({ tail: "truncate" }), PoisonedError);
  t.checkReleased();
});

// Where a file starts, and what is copied.

Deno.test("BufferedWriter() starts at any aligned offset", async () => {
  for (const start of [0, block, 3 * block, 2 ** 33]) {
    const log: string[] = [];
    const engine = new SimEngine();
    engine.hold = true;
    const file = await engine.open("/file", { access: "write", direct: true, create: true });
    engine.takeLog();
    const pool = new BufferPool(engine, { bufferBytes: 2 * block, budgetBytes: 1 << 20 });
    const writer = new BufferedWriter(engine, pool, file, { start, health: new Health("it") });
    assertEquals([writer.position, writer.written, writer.memoryStart], [start, start, start]);
    assertEquals(writer.append(new Uint8Array(3 * block)), start);
    const flushed = writer.flushTo(start + 3 * block);
    await drain();
    log.push(...engine.log);
    for (const write of engine.held) await write.fail("EIO");
    await assertRejects(() => flushed, PoisonedError);
    await writer.close({ tail: "abandon" });
    assertEquals(log, [`write ${start}+8192`, `write ${start + 2 * block}+4096`]);
  }
  assertThrows(
    () => new BufferedWriter(new SimEngine(), anyPool(), never(), { start: 1, health: new Health("it") }),
    AssertionError,
  );
});

Deno.test("BufferedWriter.append() may be given memory that changes afterwards", async () => {
  const t = await WriterFixture.make({ hold: true });
  const bytes = t.bytes(2 * block);
  t.remember(bytes.slice());
  t.writer.append(bytes);
  bytes.fill(0);
  await t.engine.finishAll();
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
});

// Reading while it is written.

Deno.test("BufferedWriter.copyOut() has every byte that the file has not, whatever is in flight", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 2 });
  t.append(5 * block + 77);
  t.checkReadable();
  assertEquals(t.offsets, [0, 2 * block]);
  await t.at(0).start();
  t.checkReadable();
  await t.at(2 * block).finish();
  assertEquals([t.writer.written, t.writer.memoryStart], [0, 0]);
  t.checkReadable();
  await t.at(0).finish();
  assertEquals([t.writer.written, t.writer.memoryStart], [4 * block, 4 * block]);
  t.checkReadable();
  await t.engine.finishAll();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.copyOut() reads any range across buffers", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(3 * block);
  t.append(2 * block + 9);
  for (let from = 0; from < t.model.length; from += 1777) {
    for (const length of [0, 1, block, t.model.length - from]) {
      const target = new Uint8Array(Math.min(length, t.model.length - from));
      t.writer.copyOut(from, target);
      assertSame(target, t.model.subarray(from, from + target.length), `from ${from}`);
    }
  }
  assertThrows(() => t.writer.copyOut(t.model.length, new Uint8Array(1)), AssertionError);
  await t.at(0).finish();
  assertThrows(() => t.writer.copyOut(0, new Uint8Array(1)), AssertionError);
  await t.engine.finishAll();
  await t.writer.close({ tail: "abandon" });
});

// Back-pressure and depth.

Deno.test("BufferedWriter.room() waits while more buffers are in use than allowed", async () => {
  const t = await WriterFixture.make({ hold: true, buffers: 2 });
  t.append(4 * block);
  assertEquals(t.writer.room(), undefined);
  t.append(1);
  let roomy = false;
  const room = t.writer.room()?.then(() => roomy = true);
  await t.at(2 * block).finish();
  assertEquals(roomy, false);
  await t.at(0).finish();
  await room;
  assertEquals(t.writer.room(), undefined);
  await t.writer.close({ tail: "abandon" });
});

Deno.test("BufferedWriter.append() keeps at most its depth in flight, in the order of offsets", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 3, buffers: 8 });
  t.append(12 * block);
  assertEquals(t.offsets, [0, 2 * block, 4 * block]);
  await t.at(4 * block).finish();
  assertEquals(t.offsets, [0, 2 * block], "what landed out of order keeps its place in the depth");
  await t.at(0).finish();
  assertEquals(t.writer.written, 2 * block);
  assertEquals(t.offsets, [2 * block, 6 * block]);
  await t.at(2 * block).finish();
  assertEquals(t.writer.written, 6 * block);
  await t.engine.finishAll();
  assertEquals(t.writer.written, 12 * block);
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkFile();
});

Deno.test("BufferedWriter.flushTo() resolves in the order of offsets", async () => {
  const t = await WriterFixture.make({ hold: true });
  const done: number[] = [];
  t.append(block);
  const first = t.writer.flushTo(block).then(() => done.push(1));
  t.append(block);
  const second = t.writer.flushTo(2 * block).then(() => done.push(2));
  assertEquals(t.offsets, [0, block]);
  await t.at(block).finish();
  assertEquals(done, []);
  await t.at(0).finish();
  await Promise.all([first, second]);
  assertEquals(done, [1, 2]);
  assertThrows(() => t.writer.flushTo(block + 1), AssertionError);
  assertThrows(() => t.writer.flushTo(3 * block), AssertionError);
  await t.writer.close({ tail: "abandon" });
});

// The tail, written in place.

Deno.test("BufferedWriter.flushTail() writes the tail block padded, again as it grows", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  await t.writer.flushTail();
  t.checkFile(block - 100);
  t.append(50);
  await t.writer.flushTail();
  t.checkFile(block - 150);
  t.append(block);
  await t.writer.flushTail();
  assertEquals(t.engine.log, ["write 0+4096", "write 0+4096", "write 0+4096", "write 4096+4096"]);
  t.checkFile(block - 150);
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.flushTail() lets appends go on while it writes", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(100);
  const flushed = t.writer.flushTail();
  await drain();
  await t.at(0).start();
  t.append(4 * block);
  assertEquals(t.offsets, [0], "nothing overtakes a tail that is in flight");
  t.checkReadable();
  await t.at(0).finish();
  await flushed;
  assertEquals(t.offsets, [0, 2 * block]);
  await t.engine.finishAll();
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.flushTail() called at once by several is written in turn", async () => {
  const t = await WriterFixture.make({ hold: true });
  t.append(10);
  const first = t.writer.flushTail();
  t.append(10);
  const second = t.writer.flushTail();
  await drain();
  assertEquals(t.offsets, [0]);
  await t.at(0).finish();
  await first;
  assertEquals(t.offsets, [0]);
  await t.at(0).finish();
  await second;
  t.checkFile(block - 20);
  await t.writer.close({ tail: "abandon" });
});

Deno.test("BufferedWriter.flushTail() survives a full disk", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  t.faults.failNext("write", "ENOSPC");
  const error = await assertRejects(() => t.writer.flushTail(), IoError);
  assertEquals(error.code, "ENOSPC");
  await assertRejects(() => t.writer.flushTail(), IoError, "ENOSPC");
  t.health.retry();
  await t.writer.flushTail();
  t.checkFile(block - 100);
  await t.writer.close({ tail: "abandon" });
});

// Failures.

Deno.test("BufferedWriter rejects every write after one that failed, and reads go on", async () => {
  const t = await WriterFixture.make({ hold: true, buffers: 2 });
  t.append(6 * block);
  const flushed = t.writer.flushTo(6 * block);
  const room = t.writer.room();
  await t.at(2 * block).fail("EIO");
  for (const waiting of [flushed, room]) {
    const error = await assertRejects(() => waiting ?? Promise.resolve(), PoisonedError);
    assertInstanceOf(error.cause, IoError);
    assertEquals([error.cause.code, error.cause.offset], ["EIO", 2 * block]);
  }
  await assertRejects(() => t.writer.room() ?? Promise.resolve(), PoisonedError);
  t.checkReadable();
  await t.at(0).finish();
  t.checkReadable();
  assertThrows(() => t.writer.append(new Uint8Array(1)), PoisonedError);
  assertThrows(() => t.writer.pad(), PoisonedError);
  await assertRejects(() => t.writer.flushTo(6 * block), PoisonedError);
  await assertRejects(() => t.writer.flushTail(), PoisonedError);
  t.health.retry();
  await t.at(4 * block).fail("ENOSPC");
  assertEquals((t.health.cause as IoError).code, "EIO", "the first failure is the one that counts");
  assertEquals(t.engine.log.length, 3, "nothing is written any more");
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.flushTail() rejects with PoisonedError when its own write fails", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  t.faults.failNext("write", "EIO");
  const error = await assertRejects(() => t.writer.flushTail(), PoisonedError);
  assertEquals((error.cause as IoError).code, "EIO");
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter writes the same bytes again after a full disk", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 3 });
  t.append(6 * block);
  const flushed = t.writer.flushTo(6 * block);
  await t.at(2 * block).fail("ENOSPC");
  assertEquals((await assertRejects(() => flushed, IoError)).code, "ENOSPC");
  assertEquals(t.health.state, "full");
  for (const work of [() => t.writer.flushTo(6 * block), () => t.writer.flushTail()]) {
    await assertRejects(work, IoError, "ENOSPC");
  }
  t.append(block);
  t.checkReadable();
  t.health.retry();
  t.checkReadable();
  const again = t.writer.flushTo(7 * block);
  assertEquals(t.offsets, [0, 4 * block], "what is in flight is waited for first");
  await t.at(4 * block).finish();
  assertEquals(t.writer.written, 0);
  assertEquals(t.offsets, [0, 2 * block, 4 * block]);
  await t.at(0).finish();
  t.checkReadable();
  await t.engine.finishAll();
  await again;
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter keeps memory that the engine still reads when a write fails", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 3 });
  t.append(6 * block);
  await t.at(0).fail("ENOSPC");
  t.health.retry();
  await t.at(4 * block).start();
  assertEquals(t.offsets, [2 * block, 4 * block]);
  await t.at(2 * block).finish();
  assertEquals(t.offsets, [4 * block]);
  await t.at(4 * block).finish();
  assertEquals(t.offsets, [0, 2 * block, 4 * block]);
  await t.engine.finishAll();
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkFile();
});

Deno.test("BufferedWriter rejects everything when its file cannot be opened, even for want of room", async () => {
  for (const code of ["EACCES", "ENOSPC"]) {
    const engine = new SimEngine();
    const pool = new BufferPool(engine, { bufferBytes: block, budgetBytes: 1 << 20 });
    const opening = Promise.withResolvers<never>();
    const writer = new BufferedWriter(engine, pool, opening.promise, { health: new Health("it") });
    writer.append(new Uint8Array(block).fill(7));
    const flushed = writer.flushTo(block);
    opening.reject(new IoError({ code, operation: "open", path: "/file" }));
    const error = await assertRejects(() => flushed, PoisonedError);
    assertEquals((error.cause as IoError).code, code);
    await assertRejects(() => writer.flushTo(block), PoisonedError);
    assertThrows(() => writer.append(new Uint8Array(1)), PoisonedError);
    const target = new Uint8Array(block);
    writer.copyOut(0, target);
    assertEquals(target[5], 7);
    await writer.close({ tail: "abandon" });
    assertEquals(pool.takenBytes, 0);
  }
});

Deno.test("BufferedWriter fills buffers while its file is opening", async () => {
  const engine = new SimEngine();
  const pool = new BufferPool(engine, { bufferBytes: block, budgetBytes: 1 << 20 });
  const opening = Promise.withResolvers<void>();
  const file = opening.promise.then(() =>
    engine.open("/file", { access: "write", direct: true, create: true })
  );
  const writer = new BufferedWriter(engine, pool, file, { health: new Health("it") });
  writer.append(new Uint8Array(3 * block).fill(9));
  const flushed = writer.flushTo(3 * block);
  await drain();
  assertEquals(engine.log, []);
  opening.resolve();
  await flushed;
  await writer.close({ tail: "abandon" });
  assertEquals(engine.log, ["open file create", "write 0+4096", "write 4096+4096", "write 8192+4096"]);
  assertEquals(engine.disk.contents("/file").length, 3 * block);
});

Deno.test("BufferedWriter.append() refuses when the writer is closed", async () => {
  const t = await WriterFixture.make();
  await t.writer.close({ tail: "abandon" });
  assertThrows(() => t.writer.append(new Uint8Array(1)), AssertionError);
});

Deno.test("BufferedWriter.close() abandons what is not in flight, and refuses whoever waits", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 1, buffers: 2 });
  t.append(6 * block + 10);
  const waiting = [
    t.writer.flushTo(2 * block),
    t.writer.flushTo(4 * block),
    t.writer.flushTail(),
    t.writer.room(),
  ];
  const outcomes = Promise.allSettled(waiting);
  const closing = t.writer.close({ tail: "abandon" });
  await t.at(0).finish();
  await closing;
  assertEquals((await outcomes).map(({ status }) => status), ["fulfilled", ...Array(3).fill("rejected")]);
  for (const refused of waiting.slice(1)) {
    await assertRejects(() => refused ?? Promise.resolve(), Deno.errors.BadResource);
  }
  await assertRejects(() => t.writer.flushTo(6 * block), Deno.errors.BadResource);
  assertEquals([t.offsets, t.engine.log], [[], ["write 0+8192"]]);
  assertEquals([t.writer.memoryStart, t.writer.position], [6 * block + 10, 6 * block + 10]);
  t.checkReleased();
});

Deno.test("BufferedWriter.close() abandons a file that never comes", async () => {
  const t = await WriterFixture.make();
  const writer = new BufferedWriter(t.engine, t.pool, never(), { health: t.health });
  writer.append(t.bytes(3 * block));
  const waiting = [writer.flushTo(2 * block), writer.flushTail()].map((one) =>
    assertRejects(() => one, Deno.errors.BadResource)
  );
  await writer.close({ tail: "abandon" });
  await Promise.all(waiting);
  t.checkReleased();
});

// One health for many.

Deno.test("BufferedWriter stops and goes on with others that share its health", async () => {
  const health = new Health("it");
  const engine = new SimEngine();
  engine.hold = true;
  const pool = new BufferPool(engine, { bufferBytes: block, budgetBytes: 1 << 20 });
  const [first, second] = await Promise.all(["/a", "/b"].map(async (path) => {
    const file = await engine.open(path, { access: "write", direct: true, create: true });
    return new BufferedWriter(engine, pool, file, { health, depth: 1, buffers: 2 });
  }));
  await drain();
  for (const writer of [first, second]) writer.append(new Uint8Array(3 * block).fill(1));
  const waiting = [second.flushTo(3 * block), second.room()].map((one) =>
    assertRejects(() => one ?? Promise.resolve(), IoError, "ENOSPC")
  );
  await engine.inFlight[0].fail("ENOSPC");
  await Promise.all(waiting);
  assertEquals(engine.inFlight.map(({ transfer }) => transfer.file.path), ["/b"]);
  await engine.inFlight[0].finish();
  assertEquals([first.written, second.written, engine.inFlight.length], [0, block, 0]);
  health.retry();
  await engine.finishAll();
  assertEquals([first.written, second.written], [3 * block, 3 * block]);
  for (const writer of [first, second]) await writer.close({ tail: "abandon" });
});

Deno.test("BufferedWriter refuses those that wait when a full disk is met while others close", async () => {
  const t = await WriterFixture.make({ hold: true, depth: 1 });
  t.append(4 * block);
  const flushed = t.writer.flushTo(4 * block);
  t.health.close();
  t.health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/other" }));
  const refused = assertRejects(() => flushed, IoError, "/other");
  await t.at(0).finish();
  await refused;
  assertEquals(t.offsets, []);
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.close() can be called again after a full disk, and keeps the exact position", async () => {
  const t = await WriterFixture.make();
  t.append(2 * block + 100);
  t.faults.failNth("write", 2, "ENOSPC");
  await assertRejects(() => t.writer.close({ tail: "truncate" }), IoError, "ENOSPC");
  assertEquals(t.writer.position, 2 * block + 100);
  t.checkReadable();
  await assertRejects(() => t.writer.close({ tail: "truncate" }), IoError, "ENOSPC");
  t.health.retry();
  await t.writer.close({ tail: "truncate" });
  assertEquals(t.writer.position, 2 * block + 100);
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter.close() gives up its memory when a full disk is given up on", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  t.faults.failNth("write", 1, "ENOSPC");
  await assertRejects(() => t.writer.close({ tail: "truncate" }), IoError, "ENOSPC");
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

Deno.test("BufferedWriter.close() poisons the health when the file cannot be truncated", async () => {
  const t = await WriterFixture.make();
  t.append(100);
  t.faults.failNext("truncate", "EIO");
  await assertRejects(() => t.writer.close({ tail: "truncate" }), PoisonedError, "EIO");
  assertEquals(t.health.state, "poisoned");
  t.checkReleased();
});

function anyPool(): BufferPool {
  return new BufferPool(new SimEngine(), { bufferBytes: block, budgetBytes: block });
}

function never(): Promise<never> {
  return new Promise(() => {});
}
