import { assert, assertEquals } from "@std/assert";
import { crc32 } from "../../src/base/mod.ts";
import {
  encodeHeader,
  encodePad,
  hashKey,
  lastOfBatch,
  recordHeaderBytes,
  RecordKind,
  stampRecord,
  writeRecordHeader,
} from "../../src/layer/mod.ts";
import { BufferPool } from "../../src/io/mod.ts";
import type { ScannedSegment } from "../../src/segment/mod.ts";
import { Random } from "../random.ts";
import { block, header, path, scan, SegmentFixture } from "./segment_fixture.ts";

/** Batches of every shape, in synced groups of one and of several, and a last batch that was written and not synced. */
async function smallSegment(): Promise<SegmentFixture> {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "a", delete: true });
  t.append();
  await t.sync();
  t.append({ key: "c", value: new Uint8Array(block) });
  t.append({ key: "d", value: "4" });
  await t.sync();
  t.append({ key: "e", value: new Uint8Array(block - 44 - 21 - 20).fill(1) });
  await t.sync();
  t.append({ key: "f", value: "6" });
  await t.sync();
  t.append({ key: "g", value: new Uint8Array(block).fill(7) });
  await t.writer.writer.flushTail();
  return t;
}

function found(scanned: ScannedSegment): { end: number; batches: number; proof: boolean } {
  return { end: scanned.end, batches: scanned.batches, proof: scanned.proof !== undefined };
}

/** Checks what a scan found against the batches that it says it found. */
function assertPrefix(t: SegmentFixture, contents: Uint8Array, scanned: ScannedSegment): void {
  const batches = t.parts.filter(({ kind }) => kind === "batch").slice(0, scanned.batches);
  assertEquals(scanned.lastLsn, scanned.header === undefined ? 0 : batches.at(-1)?.lsn ?? 0);
  const { index } = scanned;
  for (let key = 0; key < index.keyCount; key++) {
    for (let entry = index.newest(key); entry >= 0; entry = index.previous(entry)) {
      const lsn = index.lsnOf(entry);
      const batch = batches.find((part) => part.lsn === lsn);
      assert(batch !== undefined, `LSN ${lsn} is not in a whole batch`);
      const offset = index.offsetOf(entry);
      assert(
        offset >= batch.start && offset + index.lengthOf(entry) <= batch.end,
        "a record lies in its batch",
      );
    }
  }
  if (scanned.header === undefined) return;
  assertEquals(scanned.valuesCrc, crc32(contents.subarray(block, scanned.end)));
}

Deno.test("scanSegment() finds all of a segment", async () => {
  const t = await smallSegment();
  const scanned = await t.scan();
  const last = t.parts[t.parts.length - 1];
  assertEquals(found(scanned), { end: last.end, batches: 7, proof: false });
  assertEquals([scanned.header, scanned.lastLsn], [header, 7]);
  assertPrefix(t, t.contents, scanned);
  assertEquals(scanned.index.keyCount, t.index.keyCount);
  assertEquals(scanned.index.versionCount, t.index.versionCount);
  assertEquals(scanned.index.tombstoneCount, t.index.tombstoneCount);
  await t.abandon();
});

Deno.test("scanSegment() finds whole batches and no proof of more when the file ends anywhere", async () => {
  const t = await smallSegment();
  const contents = t.contents;
  for (let length = 0; length <= contents.length; length++) {
    const scanned = await t.scan(contents.subarray(0, length));
    assertEquals(found(scanned), t.expected(length, length), `cut to ${length} bytes`);
    assertPrefix(t, contents, scanned);
  }
  await t.abandon();
});

Deno.test("scanSegment() ends in front of any byte that is wrong, and says so when it was durable", async () => {
  const t = await smallSegment();
  const contents = t.contents;
  const random = new Random(1);
  const proven = t.parts[t.parts.length - 2].durable;
  for (let at = 0; at < t.parts[t.parts.length - 1].end; at++) {
    const bit = 1 << random.below(8);
    contents[at] ^= bit;
    const scanned = await t.scan(contents);
    const expected = t.expected(at, contents.length);
    assertEquals(found(scanned), expected, `bit ${bit} of byte ${at}`);
    assertEquals(expected.proof, expected.end < proven, "what a pad says was durable is missed");
    assertPrefix(t, contents, scanned);
    contents[at] ^= bit;
  }
  await t.abandon();
});

Deno.test("scanSegment() finds the proof when damage spans the end of a group and the start of the last", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: new Uint8Array(2 * block) });
  await t.sync();
  const last = t.writer.position;
  t.append({ key: "b", value: new Uint8Array(2 * block) });
  await t.sync();
  const contents = t.contents;
  contents.fill(0xaa, last - block, last + block);
  const scanned = await t.scan(contents);
  assertEquals(found(scanned), { end: block, batches: 0, proof: true });
  assertEquals(scanned.proof?.pad.durableOffset, last);
  await t.abandon();
});

Deno.test("scanSegment() takes no damage for durable that only a later sync would have covered", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  const end = t.writer.position;
  t.append({ key: "b", value: "2" });
  await t.sync();
  t.append({ key: "c", value: "3" });
  await t.writer.writer.flushTail();
  const contents = t.contents;
  contents[end + 20] ^= 1;
  assertEquals(found(await t.scan(contents)), { end, batches: 1, proof: false });
  await t.abandon();
});

Deno.test("scanSegment() ends where zeros, garbage or the middle of an older file follow", async () => {
  const random = new Random(3);
  const t = await smallSegment();
  const { contents } = t;
  const { end } = t.parts[t.parts.length - 1];
  const tails = [
    new Uint8Array(20 * block),
    random.bytes(20 * block),
    new Uint8Array(20 * block).fill(0xff),
    contents.slice(block + 100, 3 * block),
    new Uint8Array(20 * block).fill(1),
  ];
  for (const tail of tails) {
    const longer = new Uint8Array(end + tail.length);
    longer.set(contents.subarray(0, end));
    longer.set(tail, end);
    assertEquals(found(await t.scan(longer)), { end, batches: 7, proof: false });
  }
  await t.abandon();
});

/** A record that says of itself what it is told to, with the right checksum. */
function record(kind: number, key: number, value: number, lsn: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + key + value);
  const view = new DataView(bytes.buffer);
  writeRecordHeader(view, 0, kind, key, value);
  stampRecord(bytes, view, 0, bytes.length, lsn, 0, flags);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

Deno.test("scanSegment() ends at a record that cannot stand there although its checksum is right", async () => {
  const first = record(RecordKind.PUT, 1, 1, 5, lastOfBatch);
  const start = joined(encodeHeader(header), first);
  const pad = { fileId: header.fileId, durableOffset: 0, durableLsn: 0 };
  const open = record(RecordKind.PUT, 1, 1, 6, 0);
  const wrong: [string, Uint8Array][] = [
    ["the same LSN again", record(RecordKind.PUT, 1, 1, 5, lastOfBatch)],
    ["an older LSN", record(RecordKind.PUT, 1, 1, 4, lastOfBatch)],
    ["another LSN within a batch", joined(open, record(RecordKind.PUT, 1, 1, 7, lastOfBatch))],
    [
      "a pad within a batch",
      joined(open, encodePad(100, 5, pad), record(RecordKind.PUT, 1, 1, 6, lastOfBatch)),
    ],
    ["the pad of another file", encodePad(100, 5, { ...pad, fileId: 1n })],
    ["an unknown kind", record(5, 1, 1, 6, lastOfBatch)],
    ["a put without a key", record(RecordKind.PUT, 0, 1, 6, lastOfBatch)],
    ["a mark with a key", record(RecordKind.MARK, 1, 0, 6, lastOfBatch)],
    ["an unknown flag", record(RecordKind.PUT, 1, 1, 6, 2)],
    ["a key that is too long", record(RecordKind.PUT, 513, 1, 6, lastOfBatch)],
    ["a pad that is too short", record(RecordKind.PAD, 0, 23, 6, 0)],
    ["a batch without an end", open],
  ];
  for (const [what, bytes] of wrong) {
    const scanned = await scan(joined(start, bytes, new Uint8Array(block)));
    assertEquals([scanned.end, scanned.batches, scanned.lastLsn], [start.length, 1, 5], what);
  }
  const older = await scan(start, { previousLsn: 5 });
  assertEquals([older.end, older.batches], [block, 0], "an LSN that the segment before has already");
});

Deno.test("scanSegment() takes a header for missing when it is damaged or of another file", async () => {
  const t = await smallSegment();
  for (
    const scanned of [
      await t.scan(t.contents, 1n),
      await t.scan(new Uint8Array(0)),
      await t.scan(new Uint8Array(9999)),
    ]
  ) {
    assertEquals([scanned.header, scanned.end, scanned.batches, scanned.proof], [undefined, 0, 0, undefined]);
  }
  const contents = t.contents;
  contents.fill(0, 0, block);
  assert((await t.scan(contents)).proof !== undefined, "its pads say that it had one");
  await t.abandon();
});

Deno.test("scanSegment() reads batches that span its reads, and values of several MiB", async () => {
  const random = new Random(4);
  const t = new SegmentFixture(undefined, undefined, undefined, 1 << 18);
  const MiB = 1 << 20;
  for (const length of [MiB - block - 41, MiB, 3 * MiB + 17, 0, 5 * MiB]) {
    t.append({ key: `k${length}`, value: random.bytes(64) }, {
      key: "big",
      value: new Uint8Array(length).fill(length),
    });
    if (length % 2 === 0) await t.sync();
  }
  t.append(...Array.from({ length: 30_000 }, (_, i) => ({ key: `key ${i}`, value: random.bytes(50) })));
  await t.sync();
  const contents = t.contents;
  for (const bufferBytes of [block, 1 << 20]) {
    const scanned = await scan(contents, {
      pool: new BufferPool(t.memory, { bufferBytes, budgetBytes: 1 << 22 }),
    });
    assertEquals(found(scanned), { end: contents.length, batches: 6, proof: false });
    assertPrefix(t, contents, scanned);
    assertEquals(scanned.index.versionCount, t.index.versionCount);
    for (let i = 0; i < 30_000; i += 997) {
      const key = new TextEncoder().encode(`key ${i}`);
      const hash = hashKey(key, 0, key.length);
      const at = (index: typeof t.index) => index.offsetOf(index.newest(index.keyId(key, hash)));
      assertEquals(at(scanned.index), at(t.index));
    }
  }
  await t.abandon();
});

Deno.test("scanSegment() keeps to its own file when values hold copies of other segments and of itself", async () => {
  const other = new SegmentFixture(undefined, { ...header, fileId: 77n });
  for (let i = 0; i < 4; i++) {
    other.append({ key: `other ${i}`, value: new Uint8Array(3000) });
    await other.sync();
  }
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  for (const copied of [other.contents, t.contents, other.contents.subarray(block)]) {
    // Copies stand at block boundaries too, where a scan might follow them.
    const filler = block - (t.writer.position + recordHeaderBytes + 1) % block;
    const end = t.writer.position;
    t.append({ key: "v", value: joined(new Uint8Array(filler), copied) });
    await t.writer.writer.flushTail();
    const whole = t.contents;
    assertEquals((await t.scan(whole)).proof, undefined);
    for (const at of [end + 21, end + 500, t.writer.position - 1]) {
      const torn = whole.slice();
      torn[at] ^= 4;
      const scanned = await t.scan(torn);
      assertEquals(
        [scanned.end, scanned.proof],
        [end, undefined],
        "an unsynced batch is dropped, whatever it holds",
      );
    }
    await t.sync();
  }
  await t.abandon();
  await other.abandon();
});

Deno.test("scanSegment() is not held up by a tail of headers that claim huge records", async () => {
  const t = await smallSegment();
  const { end } = t.parts[t.parts.length - 1];
  const start = Math.ceil(end / block) * block;
  const longer = new Uint8Array(start + 16 * 1024 * 1024);
  longer.set(t.contents);
  const view = new DataView(longer.buffer);
  longer[end] = 1;
  for (let at = start; at < longer.length; at += block) {
    writeRecordHeader(view, at, RecordKind.PUT, 1, longer.length - at - recordHeaderBytes - 1);
  }
  assertEquals(found(await scan(longer)), { end, batches: 7, proof: false });
  await t.abandon();
});

Deno.test("scanSegment() finds what was written after a segment went on, and only that", async () => {
  const t = await smallSegment();
  const { end } = t.parts[t.parts.length - 2];
  await t.abandon();
  const torn = t.contents;
  torn[end + 30] ^= 1;
  const scanned = await t.scan(torn);
  assertEquals(scanned.end, end);
  t.memory.put(path, torn.subarray(0, end));
  const resume = {
    position: end,
    head: new Uint8Array(0),
    valuesCrc: scanned.valuesCrc,
    lastLsn: scanned.lastLsn,
  };
  const again = new SegmentFixture(t.memory, header, resume);
  again.append({ key: "new", value: "1" });
  await again.sync();
  const found = await scan(again.contents);
  assertEquals([found.end, found.batches, found.lastLsn, found.proof], [
    again.contents.length,
    7,
    7,
    undefined,
  ]);
  assertEquals(found.valuesCrc, crc32(again.contents.subarray(block)));
  const last = again.contents;
  last[end - 1] ^= 1;
  assertEquals((await scan(last)).proof?.pad.durableOffset, end, "what it went on behind was durable");
  await again.abandon();
});

Deno.test("scanSegment() keeps the front of a block whose end was torn when the segment goes on", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  const middle = t.writer.position;
  t.append({ key: "b", value: "2" });
  await t.sync();
  await t.abandon();
  const contents = t.contents;
  contents[middle + 5] ^= 1;
  const scanned = await t.scan(contents);
  assertEquals([scanned.end, scanned.batches], [middle, 1]);
  const position = middle - middle % block;
  const { valuesCrc, lastLsn } = scanned;
  t.memory.put(path, contents.subarray(0, position));
  const again = new SegmentFixture(t.memory, header, {
    position,
    head: contents.slice(position, middle),
    valuesCrc,
    lastLsn,
  });
  again.append({ key: "c", value: "3" });
  await again.sync();
  const found = await scan(again.contents);
  assertEquals([found.end, found.batches, found.lastLsn], [again.contents.length, 2, 2]);
  assertEquals(found.valuesCrc, crc32(again.contents.subarray(block)));
  await again.abandon();
});
