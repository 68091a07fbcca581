import { assert, assertEquals } from "@std/assert";
import { maxKeyBytes, maxLsn, maxValueBytes } from "../../../src/base/mod.ts";
import {
  checkRecord,
  decodePad,
  encodePad,
  fileSeed,
  joinLsn,
  lastKind,
  lsnHigh,
  lsnLow,
  padBytes,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
  stampRecord,
  valueStartOf,
  writeRecordHeader,
} from "../../../src/layer/mod.ts";
import { Random } from "../../random.ts";

/** The seed of a file. */
const seed = fileSeed(77);

function encode(key: Uint8Array, value: Uint8Array, lsn: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(recordHeaderBytes + key.length + value.length);
  const view = new DataView(bytes.buffer);
  const at = writeRecordHeader(view, 0, RecordKind.PUT, key.length, value.length);
  bytes.set(key, at);
  bytes.set(value, at + key.length);
  stampRecord(bytes, view, 0, bytes.length, lsnLow(lsn), lsnHigh(lsn), 1, seed);
  return bytes;
}

Deno.test("joinLsn() gives back every LSN that was split", () => {
  const random = new Random(1);
  const lsns = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, maxLsn - 1, maxLsn];
  for (let i = 0; i < 1000; i++) lsns.push(random.long());
  for (const lsn of lsns) assertEquals(joinLsn(lsnLow(lsn), lsnHigh(lsn)), lsn);
});

Deno.test("readRecordHeader() reads what was written", () => {
  for (const lsn of [1, 2 ** 32, maxLsn]) {
    for (const [keyLength, valueLength] of [[1, 0], [512, 3], [18, 1000]]) {
      const bytes = encode(new Uint8Array(keyLength), new Uint8Array(valueLength), lsn);
      const view = new DataView(bytes.buffer);
      assertEquals(readRecordHeader(view, 0), {
        kind: RecordKind.PUT,
        flags: 1,
        keyLength,
        valueLength,
        lsn,
      });
      assertEquals(recordLengthAt(view, 0), bytes.length);
    }
  }
});

Deno.test("checkRecord() notices any bit of a record that is flipped", () => {
  const bytes = encode(new Random(2).bytes(18), new Random(3).bytes(100), maxLsn);
  const view = new DataView(bytes.buffer);
  assert(checkRecord(bytes, view, 0, bytes.length, seed), "it checks");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(checkRecord(bytes, view, 0, bytes.length, seed), false, `bit ${bit}`);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  assertEquals(checkRecord(bytes, view, 0, bytes.length - 1, seed), false);
  assertEquals(
    checkRecord(bytes, view, 0, bytes.length + 1, seed),
    true,
    "bytes that are not there are not summed",
  );
});

Deno.test("checkRecord() takes no record of another file, and a copy differs by the two seeds alone", () => {
  const bytes = encode(new Random(2).bytes(18), new Random(3).bytes(100), 5), other = fileSeed(78);
  const view = new DataView(bytes.buffer);
  assertEquals(checkRecord(bytes, view, 0, bytes.length, other), false);
  view.setUint32(0, view.getUint32(0, true) ^ seed ^ other, true);
  assertEquals([seed, other].map((seed) => checkRecord(bytes, view, 0, bytes.length, seed)), [false, true]);
});

Deno.test("readRecordHeader() refuses what no record can have", () => {
  const bytes = new Uint8Array(recordHeaderBytes);
  const view = new DataView(bytes.buffer);
  const read = (kind: number, flags: number, key: number, value: number, high = 0) => {
    writeRecordHeader(view, 0, kind, key, value);
    bytes[5] = flags;
    view.setUint32(16, high, true);
    return readRecordHeader(view, 0);
  };
  assert(
    read(RecordKind.PUT, 1, maxKeyBytes, maxValueBytes, 2 ** 21 - 1) !== undefined,
    "the limits themselves",
  );
  assert(read(RecordKind.PUT, 3, 1, 1)?.flags === 3, "a compressed value, last of its batch");
  assert(read(RecordKind.PAD, 0, 0, padBytes - recordHeaderBytes) !== undefined, "the shortest pad");
  const refused = [
    read(0, 0, 1, 1),
    read(5, 0, 1, 1),
    read(255, 0, 1, 1),
    read(RecordKind.PUT, 4, 1, 1),
    read(RecordKind.DELETE, 2, 1, 0),
    read(RecordKind.MARK, 2, 0, 0),
    read(RecordKind.TIME, 2, 0, 8),
    read(RecordKind.PUT, 0x81, 1, 1),
    read(RecordKind.PUT, 0, maxKeyBytes + 1, 1),
    read(RecordKind.PUT, 0, 1, maxValueBytes + 1),
    read(RecordKind.PUT, 0, 1, 2 ** 32 - 1),
    read(RecordKind.PUT, 0, 1, 1, 2 ** 21),
    read(RecordKind.PUT, 0, 0, 1),
    read(RecordKind.DELETE, 0, 0, 0),
    read(RecordKind.MARK, 0, 1, 0),
    read(RecordKind.PAD, 0, 1, 100),
    read(RecordKind.PAD, 0, 0, padBytes - recordHeaderBytes - 1),
    read(RecordKind.TIME, 0, 0, 7),
    read(RecordKind.TIME, 0, 1, 8),
    read(RecordKind.TIME, 1, 0, 8),
    read(lastKind + 1, 0, 1, 1),
    read(RecordKind.PATCH, 2, 1, 4),
    read(RecordKind.PATCHED, 0, 0, 8),
  ];
  assertEquals(refused.filter((header) => header !== undefined), []);
});

Deno.test("decodePad() reads what encodePad() wrote, at any length", () => {
  const pad = { fileId: maxLsn - 4, offset: 2 ** 41 + 1, durableOffset: 2 ** 40 + 1, durableLsn: maxLsn };
  for (const length of [padBytes, padBytes + 1, 4096, 4139]) {
    const bytes = encodePad(length, 2 ** 52, pad);
    const view = new DataView(bytes.buffer);
    assertEquals(bytes.length, length);
    assert(checkRecord(bytes, view, 0, length, fileSeed(pad.fileId)), "it checks");
    assertEquals(readRecordHeader(view, 0)?.lsn, 2 ** 52);
    assertEquals(decodePad(view, 0), pad);
  }
});

Deno.test("decodePad() makes no number of what is over 2^53 − 1", () => {
  const bytes = encodePad(padBytes, 1, { fileId: 1, offset: 4, durableOffset: 2, durableLsn: 3 });
  const view = new DataView(bytes.buffer);
  for (let field = 0; field < 4; field++) view.setUint32(recordHeaderBytes + field * 8 + 4, 1 << 21, true);
  assertEquals(decodePad(view, 0), { fileId: NaN, offset: NaN, durableOffset: NaN, durableLsn: NaN });
});

Deno.test("valueStartOf() finds the value of the record that was meant, and of no other", () => {
  const key = new TextEncoder().encode("some key"), lsn = 2 ** 40 + 7;
  for (const valueLength of [0, 1, 300]) {
    const record = encode(key, new Uint8Array(valueLength).fill(9), lsn), length = record.length;
    const bytes = new Uint8Array(length + 50);
    bytes.set(record, 33);
    const start = 33 + recordHeaderBytes + key.length;
    assertEquals(valueStartOf(bytes, 33, length, key, lsn), start);
    assertEquals(valueStartOf(bytes, 33, length, key, lsn + 1), -1, "another LSN");
    assertEquals(valueStartOf(bytes, 33, length, key, lsn + 2 ** 32), -1, "another LSN, by its high half");
    assertEquals(valueStartOf(bytes, 33, length + 1, key, lsn), -1, "another length");
    assertEquals(valueStartOf(bytes, 33, length, key.subarray(1), lsn), -1, "a shorter key");
    assertEquals(
      valueStartOf(bytes, 33, length, key.map((byte, i) => i === 7 ? 0 : byte), lsn),
      -1,
      "another key",
    );
    assertEquals(valueStartOf(bytes, 33, recordHeaderBytes - 1, key, lsn), -1, "no record");
    bytes[33 + 4] = RecordKind.DELETE;
    assertEquals(valueStartOf(bytes, 33, length, key, lsn), -1, "another kind");
  }
});
