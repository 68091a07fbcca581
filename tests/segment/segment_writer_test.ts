import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AssertionError, IoError, PoisonedError } from "../../src/base/mod.ts";
import { decodePad, padBytes, readRecordHeader, recordHeaderBytes } from "../../src/layer/mod.ts";
import { type Change, EncodedBatch } from "../../src/segment/mod.ts";
import { block, header, scan, SegmentFixture } from "./segment_fixture.ts";
import { drain } from "../../src/sim/mod.ts";

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
    await t.sync(17);
    assertEquals(t.writer.position % block, 0);
    assertEquals([t.writer.durableOffset, t.segment.end], [t.writer.position, t.writer.position]);
    const view = new DataView(t.contents.buffer);
    const record = readRecordHeader(view, at);
    assertEquals([record?.lsn, record?.valueLength], [t.lsn, t.writer.position - at - recordHeaderBytes]);
    assertEquals(decodePad(view, at), {
      fileId: header.fileId,
      offset: at,
      durableOffset: durable,
      durableLsn: 17,
    });
  }
  await t.abort();
});

Deno.test("SegmentWriter.pad() pads nothing twice, and no header", async () => {
  const t = new SegmentFixture();
  t.segment.pad(0);
  assertEquals([t.segment.end, t.segment.lastLsn], [block, undefined]);
  t.append({ key: "a", value: "1" });
  await t.sync();
  const { position } = t.writer;
  t.segment.pad(0);
  await t.sync();
  assertEquals([t.writer.position, t.segment.lastLsn], [position, 1]);
  assertEquals(t.engine.log.filter((words) => /^datasync| durable/.test(words)).length, 1);
  await t.abort();
});

Deno.test("SegmentWriter.sync() never writes a block again that holds durable bytes", async () => {
  const t = new SegmentFixture();
  const written = new Set<number>();
  for (let i = 0; i < 20; i++) {
    t.append({ key: "k", value: new Uint8Array(i * 700) });
    await t.sync();
    for (const words of t.engine.takeLog()) {
      const match = /^write (\d+)\+(\d+)/.exec(words);
      if (match === null) continue;
      for (let at = Number(match[1]); at < Number(match[1]) + Number(match[2]); at += block) {
        assertEquals([at, written.has(at)], [at, false]);
        written.add(at);
      }
    }
  }
  await t.abort();
});

Deno.test("SegmentWriter.sync() concerns batches alone when an index is appended behind them", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  t.pad();
  const { end } = t.segment;
  const syncing = t.segment.sync(0);
  t.writer.append(new Uint8Array(3 * block));
  await syncing;
  await t.segment.sync(0);
  assertEquals([t.writer.durableOffset, t.segment.end, t.writer.position], [end, end, end + 3 * block]);
  await t.abort();
});

Deno.test("SegmentWriter.sync() goes on when the disk has room again", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  t.faults.failNth("write", 1, "ENOSPC");
  await assertRejects(() => t.sync(), IoError, "ENOSPC");
  assertEquals(t.writer.durableOffset, 0);
  t.health.retry();
  t.append({ key: "b", value: "2" });
  await t.sync();
  await t.abort();
  const scanned = await scan(t.contents);
  assertEquals([scanned.batches, scanned.end], [2, t.contents.length]);
});

Deno.test("SegmentWriter trusts nothing after a sync that failed", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const t = new SegmentFixture();
    t.append({ key: "a", value: new Uint8Array(3 * block) });
    t.faults.failNext("datasync", code);
    await assertRejects(() => t.sync(), PoisonedError);
    assertEquals(t.writer.durableOffset, 0);
    await assertRejects(() => t.segment.sync(0), PoisonedError);
    assertThrows(() => t.append({ key: "b", value: "2" }), PoisonedError);
    assertEquals(t.engine.log.filter((words) => /sync/.test(words) && words !== "syncDirectory"), [
      "datasync",
    ]);
    await t.abort();
    assertEquals(t.engine.openFiles, 0);
  }
});

Deno.test("SegmentWriter goes on behind what is there, and writes no header", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  await t.abort();
  const before = t.contents;
  const again = new SegmentFixture(t.disk, header, { position: before.length, lastLsn: 1 });
  await drain();
  assertEquals([again.segment.lastLsn, again.segment.end], [1, before.length]);
  again.segment.pad(0);
  await again.segment.sync(0);
  assertEquals(again.engine.log, [], "nothing is done before there is something to write");
  again.append({ key: "b", value: "2" });
  await again.sync();
  await again.abort();
  assertEquals(again.contents.subarray(0, before.length), before);
  assertEquals((await scan(again.contents)).batches, 2);
});

Deno.test("SegmentWriter.append() takes LSNs in increasing order only", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  const batch = new EncodedBatch();
  batch.mark();
  assertThrows(() => t.segment.append(batch, 1), AssertionError, "S1");
  await t.abort();
});
