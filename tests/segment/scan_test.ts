import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../src/base/mod.ts";
import {
  compressedFlag,
  encodeHeader,
  encodePad,
  type FileHeader,
  fileSeed,
  hashKey,
  lastOfBatch,
  padBytes,
  recordHeaderBytes,
  RecordKind,
  stampRecord,
  writeRecordHeader,
} from "../../src/layer/mod.ts";
import type { ScannedSegment } from "../../src/segment/mod.ts";
import { Random } from "../random.ts";
import { block, type Found, header, path, scan, SegmentFixture } from "./segment_fixture.ts";

/** Batches of every shape, in synced groups of one and of several, and a last batch that was written and not synced. */
async function smallSegment(): Promise<SegmentFixture> {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "a", delete: true });
  t.append();
  await t.sync();
  t.append({ key: "c", value: new Uint8Array(block) });
  t.append({ key: "d", value: "4" });
  await t.sync();
  t.append({ key: "e", value: new Uint8Array(block - padBytes - 21 - 20).fill(1) });
  await t.sync();
  t.append({ key: "f", value: "6" });
  await t.sync();
  t.append({ key: "g", value: new Uint8Array(block).fill(7) });
  return t;
}

function found(scanned: ScannedSegment): Found {
  return { end: scanned.end, batches: scanned.batches, proof: scanned.proof !== undefined };
}

/** Checks what a scan found against the batches that it says it found. */
function assertPrefix(t: SegmentFixture, scanned: ScannedSegment): void {
  const batches = t.parts.filter(({ kind }) => kind === "batch").slice(0, scanned.batches);
  assertEquals(scanned.lastLsn, batches.at(-1)?.lsn);
  const { index } = scanned;
  for (let key = 0; key < index.keyCount; key++) {
    for (let entry = index.keys.newest(key); entry >= 0; entry = index.previous(entry)) {
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
}

Deno.test("scanSegment() finds all of a segment", async () => {
  const t = await smallSegment();
  const scanned = await scan(t.appended);
  const last = t.parts[t.parts.length - 1];
  assertEquals(found(scanned), { end: last.end, batches: 7, proof: false });
  assertEquals([scanned.header, scanned.lastLsn], [header, 7]);
  assertPrefix(t, scanned);
  assertEquals(scanned.index.keyCount, t.index.keyCount);
  assertEquals(scanned.index.versionCount, t.index.versionCount);
  assertEquals(scanned.index.tombstoneCount, t.index.tombstoneCount);
  await t.abort();
});

Deno.test("scanSegment() finds whole batches and no proof of more when the file ends anywhere", async () => {
  const t = await smallSegment();
  const contents = t.appended;
  for (let length = 0; length <= contents.length; length++) {
    const scanned = await scan(contents.subarray(0, length));
    assertEquals(found(scanned), t.expected(length, length), `cut to ${length} bytes`);
    assertPrefix(t, scanned);
  }
  await t.abort();
});

Deno.test("scanSegment() ends in front of any byte that is wrong, and says so when it was durable", async () => {
  const t = await smallSegment();
  const contents = t.appended;
  const random = new Random(1);
  const proven = t.parts[t.parts.length - 2].durable;
  for (let at = 0; at < t.parts[t.parts.length - 1].end; at++) {
    const bit = 1 << random.below(8);
    contents[at] ^= bit;
    const scanned = await scan(contents);
    const expected = t.expected(at, contents.length);
    assertEquals(found(scanned), expected, `bit ${bit} of byte ${at}`);
    assertEquals(expected.proof, expected.end < proven, "what a pad says was durable is missed");
    assertPrefix(t, scanned);
    contents[at] ^= bit;
  }
  await t.abort();
});

Deno.test("scanSegment() finds the proof when damage spans the end of a group and the start of the last", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: new Uint8Array(2 * block) });
  await t.sync();
  const last = t.writer.position;
  t.append({ key: "b", value: new Uint8Array(2 * block) });
  await t.sync();
  const contents = t.appended;
  contents.fill(0xaa, last - block, last + block);
  const scanned = await scan(contents);
  assertEquals(found(scanned), { end: block, batches: 0, proof: true });
  assertEquals(scanned.proof?.pad.durableOffset, last);
  await t.abort();
});

Deno.test("scanSegment() finds the proof when a whole group stands in the place of an earlier one", async () => {
  const t = new SegmentFixture();
  for (const key of ["a", "b", "c"]) {
    t.append({ key, value: "1" });
    await t.sync();
  }
  const contents = t.appended, last = contents.subarray(3 * block);
  const over = contents.slice(), exchanged = contents.slice();
  for (const misplaced of [over, exchanged]) misplaced.set(last, block);
  exchanged.set(contents.subarray(block, 2 * block), 3 * block);
  // The pad stands before what it says was durable.
  for (const misplaced of [over, exchanged]) {
    const { proof, end } = await scan(misplaced);
    assertEquals([proof?.pad.durableOffset, proof?.offset], [3 * block, end]);
  }
  await t.abort();
});

/** A segment whose groups, each of whole blocks, in order of their LSNs, under pads that claim nothing to have been durable. */
function groupsOf(
  batches: readonly (readonly [lsn: number, size: number])[][],
  fileId: number = header.fileId,
): Uint8Array<ArrayBuffer> {
  let bytes = encodeHeader({ ...header, fileId });
  for (const group of batches) {
    for (const [lsn, size] of group) {
      bytes = joined(bytes, record(RecordKind.PUT, 1, size, lsn, lastOfBatch, fileSeed(fileId)));
    }
    const rest = block - bytes.length % block, length = rest < padBytes ? rest + block : rest;
    const pad = { fileId, offset: bytes.length, durableOffset: 0, durableLsn: 0 };
    bytes = joined(bytes, encodePad(length, group[group.length - 1][0], pad));
  }
  return bytes;
}

function exchanged(bytes: Uint8Array, a: number, b: number): Uint8Array {
  const copy = bytes.slice();
  copy.set(bytes.subarray(b * block, (b + 1) * block), a * block);
  copy.set(bytes.subarray(a * block, (a + 1) * block), b * block);
  return copy;
}

Deno.test("scanSegment() finds out blocks in the places of others, also where nothing was known durable", async () => {
  const whole = groupsOf([[[5, 10]], [[6, 10]], [[7, 10]]]);
  const { proof } = await scan(exchanged(whole, 2, 3));
  assertEquals([proof?.isOutOfPlace, proof?.pad.offset], [true, 3 * block + 31]);
  assertEquals((await scan(whole)).proof, undefined);
});

Deno.test("scanSegment() takes no blocks of another file for its own, whatever LSNs they have", async () => {
  const own = groupsOf([[[5, 10]], [[6, 10]], [[7, 10]]]);
  const other = groupsOf([[[6, 10]], [[7, 10]], [[8, 10]]], header.fileId + 1);
  for (let to = 1; to <= 3; to++) {
    for (let from = 1; from <= 3; from++) {
      const mixed = own.slice();
      mixed.set(other.subarray(from * block, (from + 1) * block), to * block);
      const { batches, lastLsn } = await scan(mixed);
      assertEquals([batches, lastLsn], [to - 1, to === 1 ? undefined : to + 3], `${from} over ${to}`);
    }
  }
});

Deno.test("scanSegment() finds out a newer batch in front of a pad that stands behind older ones", async () => {
  const whole = groupsOf([[[5, 10]], [[6, 5000]], [[7, 10], [8, 5000]]]);
  const { proof, lastLsn, end } = await scan(exchanged(whole, 2, 4));
  assertEquals([lastLsn, end], [7, 2 * block + 31]);
  assertEquals([proof?.isOutOfPlace, proof?.found], [true, "one of LSN 7"]);
  assertEquals((await scan(whole)).proof, undefined);
});

/** Blocks that stand in each other's place, so that the only pad behind the end does not stand where it was written. */
const exchanges: Readonly<
  Record<string, readonly [from: readonly (readonly [number, number])[][], found: string]>
> = {
  "behind newer batches": [[[[5, 400]], [[6, 10], [7, 5000]]], "one of LSN 6"],
  "where newer batches stand": [[[[5, 10]], [[6, 400], [7, 5000]]], "no pad there"],
};

for (const [words, [groups, expected]] of Object.entries(exchanges)) {
  Deno.test(`scanSegment() finds out blocks in the places of others by a pad that was written ${words}`, async () => {
    const whole = groupsOf(groups), { proof, lastLsn } = await scan(exchanged(whole, 1, 2));
    assertEquals([lastLsn, proof?.isOutOfPlace, proof?.found], [6, true, expected]);
    assertEquals((await scan(whole)).proof, undefined);
  });
}

Deno.test("scanSegment() takes a copy of a pad within a value for no pad out of place", async () => {
  const whole = groupsOf([[[5, 10]], [[6, 10]]]);
  const pad = whole.slice(block + 31, 2 * block), torn = new Uint8Array(2 * block);
  torn.set(pad, block - pad.length);
  assertEquals((await scan(joined(whole, torn))).proof, undefined);
});

Deno.test("scanSegment() takes no damage for durable that only a later sync would have covered", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  const end = t.writer.position;
  t.append({ key: "b", value: "2" });
  await t.sync();
  t.append({ key: "c", value: "3" });
  const contents = t.appended;
  contents[end + 20] ^= 1;
  assertEquals(found(await scan(contents)), { end, batches: 1, proof: false });
  await t.abort();
});

Deno.test("scanSegment() finds the same however much is read at once", async () => {
  const t = await smallSegment();
  const damaged = t.appended;
  damaged[2 * block + 30] ^= 1;
  for (const bytes of [t.appended, damaged, damaged.subarray(0, 5 * block + 700)]) {
    const whole = found(await scan(bytes));
    for (const chunkBytes of [1, 7, 100, block - 1, block, block + 1, 3 * block]) {
      const scanned = await scan(bytes, { chunkBytes });
      assertEquals(found(scanned), whole, `${chunkBytes} bytes at once`);
      assertPrefix(t, scanned);
    }
  }
  await t.abort();
});

Deno.test("scanSegment() ends where zeros, garbage or the middle of an older file follow", async () => {
  const random = new Random(3);
  const t = await smallSegment();
  const contents = t.appended;
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
    assertEquals(found(await scan(longer)), { end, batches: 7, proof: false });
  }
  await t.abort();
});

/** A record that says of itself what it is told to, with the right checksum. */
function record(
  kind: number,
  key: number,
  value: number,
  lsn: number,
  flags: number,
  seed: number = fileSeed(header.fileId),
): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + key + value);
  const view = new DataView(bytes.buffer);
  writeRecordHeader(view, 0, kind, key, value);
  stampRecord(bytes, view, 0, bytes.length, lsn, 0, flags, seed);
  return bytes;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
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
  const pad = { fileId: header.fileId, offset: start.length, durableOffset: 0, durableLsn: 0 };
  const open = record(RecordKind.PUT, 1, 1, 6, 0);
  const wrong: [string, Uint8Array][] = [
    ["the same LSN again", record(RecordKind.PUT, 1, 1, 5, lastOfBatch)],
    ["an older LSN", record(RecordKind.PUT, 1, 1, 4, lastOfBatch)],
    ["another LSN within a batch", joined(open, record(RecordKind.PUT, 1, 1, 7, lastOfBatch))],
    [
      "a pad within a batch",
      joined(open, encodePad(100, 5, pad), record(RecordKind.PUT, 1, 1, 6, lastOfBatch)),
    ],
    ["a record of another file", record(RecordKind.PUT, 1, 1, 6, lastOfBatch, fileSeed(1))],
    ["the pad of another file", encodePad(100, 5, { ...pad, fileId: 1 })],
    ["an unknown kind", record(5, 1, 1, 6, lastOfBatch)],
    ["a put without a key", record(RecordKind.PUT, 0, 1, 6, lastOfBatch)],
    ["a mark with a key", record(RecordKind.MARK, 1, 0, 6, lastOfBatch)],
    ["an unknown flag", record(RecordKind.PUT, 1, 1, 6, 4)],
    [
      "a compressed value",
      joined(record(RecordKind.PUT, 1, 1, 6, compressedFlag), record(RecordKind.PUT, 1, 1, 6, lastOfBatch)),
    ],
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

Deno.test("scanSegment() takes a header for missing when it is damaged", async () => {
  const t = await smallSegment();
  for (const bytes of [new Uint8Array(0), new Uint8Array(9999), t.appended.subarray(0, block - 1)]) {
    const scanned = await scan(bytes);
    assertEquals(
      [scanned.header, scanned.end, scanned.lastLsn, scanned.proof],
      [undefined, 0, undefined, undefined],
    );
  }
  const contents = t.appended;
  contents.fill(0, 0, block);
  assert((await scan(contents)).proof !== undefined, "its pads say that it had one");
  await t.abort();
});

Deno.test("scanSegment() refuses a header that checks and is of another file", async () => {
  const t = await smallSegment();
  const others: FileHeader[] = [
    { ...header, storeId: "ff".repeat(16) },
    { ...header, timelineId: 1 },
    { ...header, fileId: 1 },
    { ...header, sequence: 2 },
    { ...header, generation: 2 },
    { ...header, firstLsn: 2 },
    { ...header, kind: "delta" },
  ];
  for (const other of others) {
    const error = await assertRejects(() => scan(t.appended, { header: other }), CorruptionError);
    assertEquals([error.path, error.offset], [path, 0]);
  }
  assertEquals((await scan(t.appended, { header: { ...header, previousLsn: 7 } })).batches, 7);
  await t.abort();
});

Deno.test("scanSegment() reads nothing behind an end that is settled", async () => {
  const t = await smallSegment();
  const contents = t.appended;
  for (const part of t.parts) {
    const damaged = contents.slice();
    damaged.fill(0xaa, part.end);
    const longer = part.end === contents.length ? contents : contents.slice();
    for (const bytes of [damaged, longer]) {
      const scanned = await scan(bytes, { end: part.end });
      assertEquals(found(scanned), { ...t.expected(part.end, part.end), proof: false });
      assertEquals([scanned.end, scanned.hasRest], [part.end, false]);
    }
  }
  const short = await scan(contents.subarray(0, 2 * block + 5), { end: 3 * block });
  assert(short.end <= 2 * block + 5, "what is not there is not found");
  await t.abort();
});

Deno.test("scanSegment() says how far pads say that the timeline was durable, also behind the end", async () => {
  const t = new SegmentFixture(undefined, { ...header, previousLsn: 40 });
  t.append({ key: "a", value: "1" });
  await t.sync(30);
  t.append({ key: "b", value: "2" });
  await t.sync(41);
  const contents = t.appended;
  assertEquals((await scan(contents, { previousLsn: 40 })).durableLsn, 41);
  assertEquals((await scan(contents, { previousLsn: 40 })).restDurableLsn, 0);
  assertEquals((await scan(contents.subarray(0, 2 * block))).durableLsn, 30);
  contents[block + 4] ^= 0xff;
  const scanned = await scan(contents);
  assertEquals([scanned.end, scanned.durableLsn, scanned.restDurableLsn], [block, 0, 41]);
  await t.abort();
});

Deno.test("scanSegment() says whether anything was written behind the end", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  const whole = t.appended;
  assertEquals((await scan(whole)).hasRest, false);
  for (const rest of [1, block, 5 * block]) {
    const longer = new Uint8Array(whole.length + rest);
    longer.set(whole);
    assertEquals((await scan(longer)).hasRest, true, "an engine that cannot tell says so");
  }
  await t.abort();
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
  const contents = t.appended;
  const scanned = await scan(contents);
  assertEquals(found(scanned), { end: contents.length, batches: 6, proof: false });
  assertPrefix(t, scanned);
  assertEquals(scanned.index.versionCount, t.index.versionCount);
  for (let i = 0; i < 30_000; i += 997) {
    const key = new TextEncoder().encode(`key ${i}`);
    const hash = hashKey(key, 0, key.length);
    const at = (index: typeof t.index) => index.offsetOf(index.keys.newest(index.keyId(key, hash)));
    assertEquals(at(scanned.index), at(t.index));
  }
  await t.abort();
});

Deno.test("scanSegment() keeps to its own file when values hold copies of other segments and of itself", async () => {
  const other = new SegmentFixture(undefined, { ...header, fileId: 77 });
  for (let i = 0; i < 4; i++) {
    other.append({ key: `other ${i}`, value: new Uint8Array(3000) });
    await other.sync();
  }
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  for (const copied of [other.appended, t.appended, other.appended.subarray(block)]) {
    // Copies stand at block boundaries too, where a scan might follow them.
    const filler = block - (t.writer.position + recordHeaderBytes + 1) % block;
    const end = t.writer.position;
    t.append({ key: "v", value: joined(new Uint8Array(filler), copied) });
    const whole = t.appended;
    assertEquals((await scan(whole)).proof, undefined);
    for (const at of [end + 21, end + 500, t.writer.position - 1]) {
      const torn = whole.slice();
      torn[at] ^= 4;
      const scanned = await scan(torn);
      assertEquals(
        [scanned.end, scanned.proof],
        [end, undefined],
        "an unsynced batch is dropped, whatever it holds",
      );
    }
    await t.sync();
  }
  await t.abort();
  await other.abort();
});

Deno.test("scanSegment() is not held up by a tail of headers that claim huge records", async () => {
  const t = await smallSegment();
  const { end } = t.parts[t.parts.length - 1];
  const start = Math.ceil(end / block) * block;
  const longer = new Uint8Array(start + 16 * 1024 * 1024);
  longer.set(t.appended);
  const view = new DataView(longer.buffer);
  longer[end] = 1;
  for (let at = start; at < longer.length; at += block) {
    writeRecordHeader(view, at, RecordKind.PUT, 1, longer.length - at - recordHeaderBytes - 1);
  }
  assertEquals(found(await scan(longer)), { end, batches: 7, proof: false });
  await t.abort();
});

Deno.test("scanSegment() finds what was written after a segment went on, and what it went on behind was durable", async () => {
  const t = new SegmentFixture();
  t.append({ key: "a", value: "1" });
  await t.sync();
  await t.abort();
  const end = t.contents.length;
  const again = new SegmentFixture(t.disk, header, { position: end, lastLsn: 1 });
  again.append({ key: "b", value: "2" });
  await again.sync();
  const contents = again.appended;
  const scanned = await scan(contents);
  assertEquals([scanned.end, scanned.batches, scanned.lastLsn, scanned.proof], [
    contents.length,
    2,
    2,
    undefined,
  ]);
  contents[end - 1] ^= 1;
  assertEquals((await scan(contents)).proof?.pad.durableOffset, end);
  await again.abort();
});
