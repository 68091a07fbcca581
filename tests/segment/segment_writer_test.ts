import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { crc32, IoError, PoisonedError } from "../../src/base/mod.ts";
import {
  decodeFooter,
  decodePad,
  padBytes,
  readRecordHeader,
  recordHeaderBytes,
  sealedLength,
} from "../../src/layer/mod.ts";
import type { Change } from "../../src/segment/mod.ts";
import { turn } from "../io/gated_engine.ts";
import { Random } from "../random.ts";
import { block, header, scan, SegmentFixture } from "./segment_fixture.ts";

const named = Promise.resolve();

function impatient(error: IoError): Promise<void> {
  return Promise.reject(error);
}

function valueThatEndsAt(t: SegmentFixture, place: number): Change {
  const from = (t.writer.position + recordHeaderBytes + 1) % block;
  return { key: "k", value: new Uint8Array((place - from + 2 * block) % block + block) };
}

Deno.test("SegmentWriter.pad() ends at a block boundary and says what was durable", async () => {
  const t = new SegmentFixture();
  for (const place of [1, 100, block - padBytes - 1, block - padBytes, block - padBytes + 1, block - 1, 0]) {
    t.append(valueThatEndsAt(t, place));
    assertEquals(t.writer.position % block, place);
    const durable = t.writer.durableOffset;
    const at = t.writer.position;
    await t.sync();
    assertEquals(t.writer.position % block, 0);
    assertEquals(t.writer.durableOffset, t.writer.position);
    const view = new DataView(t.contents.buffer);
    const record = readRecordHeader(view, at);
    assertEquals([record?.lsn, record?.valueLength], [t.lsn, t.writer.position - at - recordHeaderBytes]);
    assertEquals(decodePad(view, at), { fileId: header.fileId, durableOffset: durable, durableLsn: 0 });
  }
  await t.abandon();
});

Deno.test("SegmentWriter.pad() pads nothing twice", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  const { position } = t.writer;
  t.writer.pad(0);
  await t.sync();
  assertEquals(t.writer.position, position);
  assertEquals(t.engine.log.filter((words) => words === "datasync").length, 1);
  await t.abandon();
});

Deno.test("SegmentWriter.sync() never writes a block again that holds durable bytes", async () => {
  const t = new SegmentFixture();
  const written = new Set<number>();
  for (let i = 0; i < 20; i++) {
    t.append({ key: "k", value: new Uint8Array(i * 700) });
    await t.sync();
    for (const words of t.engine.takeLog()) {
      const match = /^write (\d+)\+(\d+)$/.exec(words);
      if (match === null) continue;
      for (let at = Number(match[1]); at < Number(match[1]) + Number(match[2]); at += block) {
        assertEquals([at, written.has(at)], [at, false]);
        written.add(at);
      }
    }
  }
  await t.abandon();
});

Deno.test("SegmentWriter.sync() resolves after its writes, its sync and its name are durable, in this order", async () => {
  const t = new SegmentFixture();
  t.engine.hold = true;
  t.append({ key: "a", value: "1" });
  const name = Promise.withResolvers<void>();
  let synced = false;
  const syncing = t.writer.sync(0, name.promise).then(() => synced = true);
  await turn();
  const steps = () => t.engine.log.filter((words) => !words.startsWith("open"));
  assertEquals(steps(), ["write 0+8192"]);
  await t.engine.finishAll();
  assertEquals(steps(), ["write 0+8192", "datasync"]);
  await turn();
  assertEquals([synced, t.writer.durableOffset], [false, 0]);
  name.resolve();
  await syncing;
  assertEquals(t.writer.durableOffset, t.writer.position);
  await t.abandon();
});

Deno.test("SegmentWriter.seal() appends index and footer, reads nothing and copies nothing", async () => {
  const t = new SegmentFixture();
  const random = new Random(5);
  for (let i = 0; i < 50; i++) t.append({ key: random.bytes(20), value: random.bytes(200) });
  await t.writer.writer.flushTo(t.writer.position - t.writer.position % block);
  t.writer.pad(0);
  const valuesEnd = t.writer.position;
  await t.writer.writer.flushTo(valuesEnd);
  const values = t.contents.slice(0, valuesEnd);
  t.engine.takeLog();
  t.engine.failNext("read", "EIO");
  const footer = await t.writer.seal(t.index, impatient);
  const contents = t.contents;
  assertEquals(contents.subarray(0, valuesEnd).toHex(), values.toHex());
  assertEquals(decodeFooter(contents.subarray(contents.length - block)), footer);
  assertEquals([sealedLength(footer), footer.valuesEnd], [contents.length, valuesEnd]);
  assertEquals([footer.versions, footer.firstLsn, footer.lastLsn], [50, 1, 50]);
  assertEquals(footer.valuesCrc, crc32(values.subarray(block)));
  assertEquals(footer.indexCrc, crc32(contents.subarray(valuesEnd, footer.bloomStart)));
  assertEquals(footer.bloomCrc, crc32(contents.subarray(footer.bloomStart, contents.length - block)));
  assertEquals(t.engine.log.slice(-3), [
    `truncate ${contents.length}`,
    "sync segment.seg",
    "close segment.seg",
  ]);
  assertEquals([t.memory.openFiles, t.pool.takenBytes], [0, 0]);
});

Deno.test("SegmentWriter.seal() leaves a segment that can be scanned as before", async () => {
  const t = new SegmentFixture();
  for (let i = 0; i < 30; i++) t.append({ key: `key ${i % 7}`, value: `${i}` });
  t.writer.pad(0);
  const end = t.writer.position;
  await t.writer.seal(t.index, impatient);
  const scanned = await scan(t.contents);
  assertEquals([scanned.end, scanned.batches, scanned.proof], [end, 30, undefined]);
});

Deno.test("SegmentWriter.seal() waits for the disk as often as it is full, and loses nothing", async () => {
  const t = new SegmentFixture(undefined, undefined, undefined, block);
  const random = new Random(6);
  t.append(...Array.from({ length: 5000 }, () => ({ key: random.bytes(20), value: "" })));
  t.writer.pad(0);
  for (let nth = 2; nth < 120; nth += 5) t.engine.failNth("write", nth, nth % 2 === 0 ? "ENOSPC" : "EDQUOT");
  let waited = 0;
  const footer = await t.writer.seal(t.index, async (error) => {
    assertEquals(error.operation, "write");
    waited++;
    await turn();
  });
  assertEquals(waited > 5, true);
  const contents = t.contents;
  assertEquals(contents.length, sealedLength(footer));
  assertEquals(footer.valuesCrc, crc32(contents.subarray(block, footer.valuesEnd)));
  assertEquals(footer.indexCrc, crc32(contents.subarray(footer.valuesEnd, footer.bloomStart)));
});

Deno.test("SegmentWriter.seal() goes on when somebody else tries again before it does", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  t.writer.pad(0);
  t.engine.hold = true;
  let waited = 0;
  const sealing = t.writer.seal(t.index, () => {
    waited++;
    return Promise.resolve();
  });
  await turn();
  const flushed = t.writer.writer.flushTo(block).catch(() => t.writer.writer.retry());
  await t.engine.inFlight[0].fail("ENOSPC");
  await flushed;
  for (let i = 0; i < 10 && t.engine.inFlight.length > 0; i++) await t.engine.finishAll();
  await sealing;
  assertEquals(waited, 1);
  assertEquals((await scan(t.contents)).batches, 1);
});

Deno.test("SegmentWriter.seal() rejects when waiting for the disk is given up, and nothing is left behind", async () => {
  const t = new SegmentFixture(undefined, undefined, undefined, block);
  const random = new Random(7);
  t.append(...Array.from({ length: 5000 }, () => ({ key: random.bytes(20), value: "" })));
  t.writer.pad(0);
  t.engine.failNth("write", 3, "ENOSPC");
  const error = await assertRejects(() => t.writer.seal(t.index, impatient), IoError);
  assertEquals(error.code, "ENOSPC");
  await t.abandon();
  assertEquals([t.memory.openFiles, t.pool.takenBytes], [0, 0]);
});

Deno.test("SegmentWriter.seal() rejects when a write fails while it waits for room", async () => {
  const t = new SegmentFixture(undefined, undefined, undefined, block);
  const random = new Random(8);
  t.append(...Array.from({ length: 20_000 }, () => ({ key: random.bytes(20), value: "" })));
  t.writer.pad(0);
  const valuesEnd = t.writer.position;
  t.engine.hold = true;
  const sealing = t.writer.seal(t.index, impatient);
  const rejected = assertRejects(() => sealing, PoisonedError);
  while (t.writer.position === valuesEnd) await new Promise<void>((resolve) => setTimeout(resolve));
  await t.engine.inFlight[0].fail("EIO");
  await t.engine.finishAll();
  await rejected;
  await t.abandon();
  assertEquals([t.memory.openFiles, t.pool.takenBytes], [0, 0]);
});

Deno.test("SegmentWriter.suspend() leaves a file of exact length that can be resumed", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  t.engine.takeLog();
  assertEquals(await t.writer.suspend(), 2 * block);
  assertEquals(t.engine.log.slice(0, 3), [`truncate ${2 * block}`, "sync segment.seg", "close segment.seg"]);
  const scanned = await scan(t.contents);
  assertEquals([scanned.end, t.memory.openFiles], [2 * block, 0]);
});

Deno.test("SegmentWriter trusts no sync after one that failed", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const t = new SegmentFixture();
    t.append({ key: "a", value: "1" });
    t.engine.failNext("datasync", code);
    const error = await assertRejects(() => t.sync(), PoisonedError);
    assertInstanceOf(error.cause, IoError);
    assertEquals(error.cause.code, code);
    assertEquals(t.writer.durableOffset, 0);
    await assertRejects(() => t.writer.sync(0, named), PoisonedError);
    assertThrows(() => t.append({ key: "b", value: "2" }), PoisonedError);
    await assertRejects(() => t.writer.suspend(), PoisonedError);
    await assertRejects(() => t.writer.seal(t.index, impatient), PoisonedError);
    assertEquals(t.engine.log.filter((words) => /sync/.test(words)), ["datasync"], "no sync is tried again");
    const target = new Uint8Array(1);
    if (t.writer.writer.memoryStart < t.writer.position) {
      t.writer.writer.copyOut(t.writer.writer.memoryStart, target);
    }
    await t.abandon();
    assertEquals(t.memory.openFiles, 0);
  }
});

Deno.test("SegmentWriter.abandon() waits for what is in flight, then closes the file", async () => {
  const t = new SegmentFixture();
  t.engine.hold = true;
  t.append({ key: "a", value: new Uint8Array(5 * block) });
  await turn();
  const syncing = t.sync();
  let closed = false;
  const closing = t.abandon().then(() => closed = true);
  await turn();
  assertEquals([closed, t.memory.openFiles > 0], [false, true]);
  await t.engine.finishAll();
  await syncing;
  await closing;
  assertEquals([t.memory.openFiles, t.pool.takenBytes], [0, 0]);
});

Deno.test("SegmentWriter() rejects everything when its file cannot be created", async () => {
  const memory = new SegmentFixture();
  const t = new SegmentFixture(memory.memory);
  await assertRejects(() => t.sync(), PoisonedError);
  assertThrows(() => t.append({ key: "a", value: "1" }), PoisonedError);
  await t.abandon();
  await memory.abandon();
  assertEquals(t.pool.takenBytes, 0);
});
