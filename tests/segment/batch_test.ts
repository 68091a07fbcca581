import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LimitError, maxBatchBytes, maxBatchChanges, maxValueBytes } from "../../src/base/mod.ts";
import { checkRecord, readRecordHeader, recordHeaderBytes, RecordKind } from "../../src/layer/mod.ts";
import { Batch, type Change, EncodedBatch, recordsOf } from "../../src/segment/mod.ts";
import { seeds } from "../random.ts";

fc.configureGlobal({ seed: [...seeds("batches", 1)][0] });

interface Decoded {
  kind: number;
  flags: number;
  lsn: number;
  key: string;
  value: string;
}

/** The seed of a file. */
const seed = 0xfedc_ba98;

/** Reads stamped records back. */
function decode(records: EncodedBatch): Decoded[] {
  const decoded: Decoded[] = [];
  for (let at = 0; at < records.end;) {
    const header = readRecordHeader(records.view, at);
    if (header === undefined) throw new Error(`no record at ${at}`);
    const { kind, flags, lsn, keyLength, valueLength } = header;
    const keyAt = at + recordHeaderBytes;
    const end = keyAt + keyLength + valueLength;
    if (!checkRecord(records.bytes, records.view, at, end - at, seed)) {
      throw new Error(`a wrong checksum at ${at}`);
    }
    const key = records.bytes.subarray(keyAt, keyAt + keyLength).toHex();
    decoded.push({ kind, flags, lsn, key, value: records.bytes.subarray(keyAt + keyLength, end).toHex() });
    at = end;
  }
  assertEquals(decoded.length, records.count);
  return decoded;
}

function stamped(batch: Batch, lsn = 1): Decoded[] {
  recordsOf(batch).stamp(lsn, seed);
  return decode(recordsOf(batch));
}

/** Checks that `work` throws and leaves the batch as it was. */
function assertRefused(batch: Batch, work: () => unknown, error: typeof LimitError | typeof TypeError): void {
  const before = [batch.size, batch.byteLength, stamped(batch)];
  assertThrows(work, error);
  assertEquals([batch.size, batch.byteLength, stamped(batch)], before);
}

const hex = (text: string) => new TextEncoder().encode(text).toHex();

Deno.test("Batch encodes changes in order, with one LSN and the flag on the last", () => {
  const batch = new Batch().put("a", "1").delete("b").put("a", new Uint8Array([2]));
  assertEquals(stamped(batch, 2 ** 53 - 1), [
    { kind: RecordKind.PUT, flags: 0, lsn: 2 ** 53 - 1, key: hex("a"), value: hex("1") },
    { kind: RecordKind.DELETE, flags: 0, lsn: 2 ** 53 - 1, key: hex("b"), value: "" },
    { kind: RecordKind.PUT, flags: 1, lsn: 2 ** 53 - 1, key: hex("a"), value: "02" },
  ]);
  assertEquals([batch.size, batch.byteLength], [3, 3 * 20 + 3 + 2]);
});

Deno.test("Batch gives back what it was given, for any keys and values", () => {
  const key = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 512 }),
    fc.string({ minLength: 1, unit: "binary" }),
  );
  const value = fc.oneof(fc.uint8Array({ maxLength: 6000 }), fc.string({ maxLength: 3000, unit: "binary" }));
  const bytesOf = (given: Uint8Array | string) => typeof given === "string" ? hex(given) : given.toHex();
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 20 }), (changes) => {
      const batch = new Batch();
      for (const [key, value] of changes) batch.put(key, value);
      const found = stamped(batch, 7).map(({ key, value }) => [key, value]);
      assertEquals(found, changes.map(([key, value]) => [bytesOf(key), bytesOf(value)]));
    }),
    { numRuns: 100 },
  );
});

Deno.test("Batch copies: what it was given may change afterwards", () => {
  const key = new Uint8Array([1]), value = new Uint8Array(100).fill(2);
  const batch = new Batch().put(key, value);
  key.fill(9);
  value.fill(9);
  assertEquals(stamped(batch)[0].key, "01");
  assertEquals(stamped(batch)[0].value, "02".repeat(100));
});

Deno.test("Batch takes keys of 1 to 512 bytes, counted as UTF-8", () => {
  const batch = new Batch();
  for (
    const key of [
      "x",
      "x".repeat(512),
      "ä".repeat(256),
      "€".repeat(170),
      "🦕".repeat(128),
      new Uint8Array(512),
    ]
  ) {
    batch.put(key, "");
  }
  assertEquals(stamped(batch).map(({ key }) => key.length / 2), [1, 512, 512, 510, 512, 512]);
  const tooLong = [
    "x".repeat(513),
    "ä".repeat(257),
    "€".repeat(171),
    "🦕".repeat(128) + "x",
    new Uint8Array(513),
  ];
  for (const key of ["", new Uint8Array(0), ...tooLong]) {
    assertRefused(batch, () => batch.put(key, "value"), LimitError);
    assertRefused(batch, () => batch.delete(key), LimitError);
  }
});

Deno.test("Batch takes values up to 64 MiB", () => {
  const batch = new Batch().put("before", "1");
  const longest = new Uint8Array(maxValueBytes);
  assertRefused(batch, () => batch.put("k", new Uint8Array(maxValueBytes + 1)), LimitError);
  assertRefused(batch, () => batch.put("k", "x".repeat(maxValueBytes + 1)), LimitError);
  assertRefused(batch, () => batch.put("k", "€".repeat(maxValueBytes / 3 + 1)), LimitError);
  batch.put("k", longest);
  recordsOf(batch).stamp(1, seed);
  assertEquals(readRecordHeader(recordsOf(batch).view, 27)?.valueLength, maxValueBytes);
  batch.clear();
  assertEquals(recordsOf(batch).bytes.length, 4096, "memory for one large batch is given up");
});

Deno.test("Batch holds at most 512 MiB", () => {
  const batch = new Batch();
  const value = new Uint8Array(maxValueBytes);
  for (let i = 0; i < 7; i++) batch.put("k", value);
  const before = batch.byteLength;
  assertThrows(() => batch.put("k", value), LimitError);
  assertEquals([batch.size, batch.byteLength], [7, before]);
  const room = maxBatchBytes - before - 21;
  assertThrows(() => batch.put("k", value.subarray(0, room + 1)), LimitError);
  batch.put("k", value.subarray(0, room));
  assertEquals(batch.byteLength, maxBatchBytes);
  assertThrows(() => batch.delete("k"), LimitError);
});

Deno.test("Batch holds at most 4,194,304 changes", () => {
  const batch = new Batch();
  const key = new Uint8Array(1);
  for (let i = 0; i < maxBatchChanges; i++) batch.delete(key);
  assertThrows(() => batch.delete(key), LimitError);
  assertThrows(() => batch.put(key, key), LimitError);
  assertEquals(batch.size, maxBatchChanges);
});

Deno.test("Batch refuses other types and is as it was", () => {
  const batch = new Batch().put("before", "1");
  const wrong: unknown[] = [
    undefined,
    null,
    1,
    1n,
    true,
    {},
    [null],
    new ArrayBuffer(3),
    new Uint16Array(3),
    Symbol("k"),
  ];
  for (const value of wrong) {
    assertRefused(batch, () => batch.put(value as string, "v"), TypeError);
    assertRefused(batch, () => batch.put("a key of some length", value as string), TypeError);
    assertRefused(batch, () => batch.delete(value as string), TypeError);
  }
});

Deno.test("EncodedBatch.add() refuses what is not one change", () => {
  const records = new EncodedBatch();
  const wrong: unknown[] = [
    undefined,
    null,
    1,
    "key",
    {},
    { key: "k" },
    { key: "k", delete: false },
    { key: "k", value: "v", delete: true },
    { key: "k", value: undefined },
    { value: "v" },
  ];
  for (const change of wrong) assertThrows(() => records.add(change as Change), TypeError);
  assertEquals([records.count, records.end], [0, 0]);
  records.add({ key: "k", value: "v" });
  records.add({ key: "k", delete: true });
  records.stamp(3, seed);
  assertEquals(decode(records).map(({ kind }) => kind), [RecordKind.PUT, RecordKind.DELETE]);
});

Deno.test("Batch.clear() makes it as new, with nothing left of what it held", () => {
  const batch = new Batch().put("old", "x".repeat(5000)).delete("old");
  recordsOf(batch).stamp(5, seed);
  batch.clear();
  assertEquals([batch.size, batch.byteLength], [0, 0]);
  batch.put("new", "1");
  assertEquals(stamped(batch, 6), [{
    kind: RecordKind.PUT,
    flags: 1,
    lsn: 6,
    key: hex("new"),
    value: hex("1"),
  }]);
});

Deno.test("EncodedBatch.stamp() may be called again with another LSN", () => {
  const batch = new Batch().put("a", "1").put("b", "2");
  stamped(batch, 5);
  batch.put("c", "3");
  assertEquals(stamped(batch, 2 ** 40 + 3).map(({ lsn, flags }) => [lsn, flags]), [
    [2 ** 40 + 3, 0],
    [2 ** 40 + 3, 0],
    [2 ** 40 + 3, 1],
  ]);
});

Deno.test("EncodedBatch.mark() is a batch without changes", () => {
  const records = new EncodedBatch();
  records.mark();
  records.stamp(9, seed);
  assertEquals(decode(records), [{ kind: RecordKind.MARK, flags: 1, lsn: 9, key: "", value: "" }]);
});

Deno.test("Batch takes memory that it gave out, also while it grows", () => {
  const batch = new Batch().put("a", "x".repeat(3000));
  const own = recordsOf(batch).bytes.subarray(21, 3021);
  assertStrictEquals(own.buffer, recordsOf(batch).bytes.buffer);
  batch.put("b", own);
  assertEquals(stamped(batch)[1].value, hex("x".repeat(3000)));
});
