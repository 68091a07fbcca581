/** Walking records across damage: what is handed on is what was written, and gaps are as short as they can be. */

import { assert, assertEquals } from "@std/assert";
import {
  encodePad,
  fileSeed,
  padBytes,
  type RecordArea,
  RecordKind,
  RecordWalk,
} from "../../../src/layer/mod.ts";
import { EncodedBatch } from "../../../src/segment/mod.ts";
import { Random, seeds } from "../../random.ts";
import { patterned } from "../../store/bytes.ts";

const start = 4096;
const fileId = 77;

/** Where a record stands. */
interface Placed {
  readonly offset: number;
  readonly length: number;
  readonly lsn: number;
}

/** A values area of batches and pads, and where their records stand. */
function areaOf(
  batches: readonly (readonly number[])[],
): { bytes: Uint8Array<ArrayBuffer>; records: Placed[] } {
  const records: Placed[] = [], parts: Uint8Array[] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    parts.push(part.slice());
    at += part.length;
  };
  batches.forEach((values, i) => {
    const batch = new EncodedBatch(), lsn = i + 1;
    for (const length of values) batch.put(`key${length}`, patterned(length, length));
    if (values.length === 0) batch.mark();
    batch.stamp(lsn, fileSeed(fileId));
    for (let from = 0; from < batch.end;) {
      const length = 20 + batch.view.getUint16(from + 6, true) + batch.view.getUint32(from + 8, true);
      records.push({ offset: start + at + from, length, lsn });
      from += length;
    }
    add(batch.bytes.subarray(0, batch.end));
    if (lsn % 3 !== 0 && lsn !== batches.length) return;
    const left = 4096 - at % 4096, padLength = left < padBytes ? left + 4096 : left;
    add(encodePad(padLength, lsn, { fileId, offset: start + at, durableOffset: 0, durableLsn: 0 }));
  });
  const bytes = new Uint8Array(at);
  let to = 0;
  for (const part of parts) {
    bytes.set(part, to);
    to += part.length;
  }
  return { bytes, records };
}

/** Walks an area in pieces; returns the offsets of records and the gaps, and adds those that were pads. */
function walked(
  bytes: Uint8Array<ArrayBuffer>,
  options: Partial<RecordArea> = {},
  piece = 700,
  pads: number[] = [],
): { offsets: number[]; gaps: number[][] } {
  const offsets: number[] = [], gaps: number[][] = [];
  const area = {
    start,
    end: start + bytes.length,
    fileId,
    firstLsn: 1,
    lastLsn: 1000,
    isOrdered: true,
    ...options,
  };
  const walk = new RecordWalk(area, {
    record: (header, memory, at, offset) => {
      assert(header.kind !== RecordKind.PAD && memory[at + 4] === header.kind);
      offsets.push(offset);
    },
    gap: (from, to, wasPad) => {
      gaps.push([from, to]);
      if (wasPad) pads.push(from);
    },
  });
  for (let at = 0; at < bytes.length; at += piece) walk.feed(bytes.subarray(at, at + piece));
  walk.finish();
  return { offsets, gaps };
}

const batches = [[10, 300], [], [2000], [1, 2, 3, 4, 5], [5000, 7], [90], [60, 61, 62]];

Deno.test("RecordWalk hands on every record of an area that is whole, however it is cut into pieces", () => {
  const { bytes, records } = areaOf(batches);
  for (const piece of [1, 19, 4096, bytes.length]) {
    assertEquals(walked(bytes, {}, piece), { offsets: records.map(({ offset }) => offset), gaps: [] });
  }
});

Deno.test("RecordWalk loses the one record in which a bit is flipped, wherever that is", () => {
  const { bytes, records } = areaOf([[10, 30], [], [50], [1, 2, 3]]);
  for (const { offset, length } of records) {
    for (let at = 0; at < length; at++) {
      const flipped = bytes.slice();
      flipped[offset - start + at] ^= 1 << at % 8;
      const others = records.filter((record) => record.offset !== offset).map((record) => record.offset);
      const pads: number[] = [], gaps = [[offset, offset + length]];
      assertEquals(walked(flipped, {}, 700, pads), { offsets: others, gaps }, `byte ${at}`);
      assertEquals(pads, []);
    }
  }
});

Deno.test("RecordWalk knows a pad in which a bit is flipped, wherever that is, however it is cut into pieces", () => {
  // The first pad fills a block; of the second less than a pad is left in the block, so that it has one more.
  for (const batches of [[[10], [20], [30], [40]], [[10], [20], [3900], [40]]]) {
    const { bytes, records } = areaOf(batches), offsets = records.map(({ offset }) => offset);
    const { offset, length } = records[2], from = offset + length, to = records[3].offset;
    assertEquals(to % 4096, 0);
    for (let at = from; at < to; at += at < from + 2 * padBytes ? 1 : 97) {
      const flipped = bytes.slice();
      flipped[at - start] ^= 1 << at % 8;
      for (const piece of [61, 700, bytes.length]) {
        const pads: number[] = [];
        assertEquals(walked(flipped, {}, piece, pads), { offsets, gaps: [[from, to]] }, `byte ${at}`);
        assertEquals(pads, [from], `byte ${at} in pieces of ${piece}`);
      }
    }
    // What is gone altogether may have been a record, and so may what stands before a record that is lost as well.
    const gone = bytes.slice().fill(0, from - start, to - start), both = bytes.slice(), pads: number[] = [];
    both[from - start] ^= 1;
    both[to - start + 30] ^= 1;
    assertEquals(walked(gone, {}, 700, pads).gaps, [[from, to]]);
    assertEquals(walked(both, {}, 700, pads).gaps, [[from, to + records[3].length]]);
    assertEquals(pads, []);
  }
});

Deno.test("RecordWalk goes on where the index knows a record, and passes over what only looks like one", () => {
  const inner = new EncodedBatch();
  inner.put("inner", patterned(80, 3));
  inner.stamp(2, fileSeed(fileId));
  const outer = new EncodedBatch();
  const value = new Uint8Array(500);
  value.set(inner.bytes.subarray(0, inner.end), 100);
  outer.put("outer", value);
  outer.stamp(1, fileSeed(fileId));
  const after = new EncodedBatch();
  after.put("after", patterned(100, 4));
  after.stamp(3, fileSeed(fileId));
  const bytes = new Uint8Array(outer.end + after.end);
  bytes.set(outer.bytes.subarray(0, outer.end));
  bytes.set(after.bytes.subarray(0, after.end), outer.end);
  const next = start + outer.end;
  // Its length is kept, and leads to the next record.
  bytes[30] ^= 1;
  assertEquals(walked(bytes), { offsets: [next], gaps: [[start, next]] });
  // Its length is lost.
  bytes[10] ^= 1;
  assertEquals(walked(bytes).offsets.length, 2);
  const known = (offset: number) => offset <= next ? next : undefined;
  assertEquals(walked(bytes, { known }), { offsets: [next], gaps: [[start, next]] });
});

Deno.test("RecordWalk takes no record of an LSN that may not be there, out of order, or behind the end", () => {
  const { bytes, records } = areaOf([[10], [20], [30], [40]]);
  const [, second, third, fourth] = records;
  const from = walked(bytes, { firstLsn: 2 });
  assertEquals(from, {
    offsets: [second, third, fourth].map(({ offset }) => offset),
    gaps: [[start, second.offset]],
  });
  assertEquals(walked(bytes, { lastLsn: 2 }).offsets.length, 2);
  const ended = walked(bytes.subarray(0, third.offset - start + 10) as Uint8Array<ArrayBuffer>);
  assertEquals(ended.gaps, [[third.offset, third.offset + 10]]);
  const twice = new Uint8Array(2 * third.length);
  const third_ = bytes.subarray(third.offset - start, third.offset - start + third.length);
  twice.set(third_);
  twice.set(third_, third.length);
  assertEquals(walked(twice), {
    offsets: [start, start + third.length].slice(0, 1),
    gaps: [[start + third.length, start + 2 * third.length]],
  });
});

Deno.test("RecordWalk passes over bytes that cannot be read", () => {
  const { bytes, records } = areaOf(batches), offsets: number[] = [], gaps: number[][] = [];
  const end = start + bytes.length;
  const walk = new RecordWalk({ start, end, fileId, firstLsn: 1, lastLsn: 1000, isOrdered: true }, {
    record: (_header, _bytes, _at, offset) => void offsets.push(offset),
    gap: (from, to) => void gaps.push([from, to]),
  });
  walk.feed(bytes.subarray(0, 500));
  walk.skip(start + 4096);
  walk.feed(bytes.subarray(4096));
  walk.finish();
  const lost = records.filter(({ offset, length }) => offset + length > start + 500 && offset < start + 4096);
  assertEquals(offsets, records.filter((record) => !lost.includes(record)).map(({ offset }) => offset));
  assertEquals(gaps.length, 1);
  assertEquals(gaps[0][0], lost[0].offset);
});

/** Every 24 bytes claim to be a record of 2 MiB, each of which costs the sum of so much; then comes one that is true. */
function liesBefore(lies: number): { bytes: Uint8Array<ArrayBuffer>; last: number } {
  const claimed = 2 * 1024 * 1024, last = lies * 24 + claimed + 40;
  const record = new EncodedBatch();
  record.put("true", patterned(90, 1));
  record.stamp(6, fileSeed(fileId));
  const bytes = new Uint8Array(last + record.end), view = new DataView(bytes.buffer);
  for (let at = 0; at < lies * 24; at += 24) {
    view.setUint32(at + 4, RecordKind.PUT | 1 << 16, true);
    view.setUint32(at + 8, claimed, true);
    view.setUint32(at + 12, 5, true);
  }
  bytes.set(record.bytes.subarray(0, record.end), last);
  return { bytes, last: start + last };
}

Deno.test("RecordWalk gives up to search when a GiB was summed in vain, and not before", () => {
  const few = liesBefore(500), many = liesBefore(530);
  assertEquals(walked(few.bytes, {}, few.bytes.length), { offsets: [few.last], gaps: [[start, few.last]] });
  const end = start + many.bytes.length;
  assertEquals(walked(many.bytes, {}, many.bytes.length), { offsets: [], gaps: [[start, end]] });
});

Deno.test("RecordWalk covers an area without overlap, whatever is damaged in it, and hands on only what was written", () => {
  for (const seed of seeds("record walk", 40)) {
    const random = new Random(seed);
    const { bytes, records } = areaOf(
      Array.from(
        { length: 30 },
        () => Array.from({ length: random.below(5) }, () => random.below(random.below(4) === 0 ? 6000 : 200)),
      ),
    );
    const at = random.below(bytes.length), length = random.below(3000);
    for (let i = at; i < Math.min(bytes.length, at + length); i++) bytes[i] = random.below(256);
    const { offsets, gaps } = walked(bytes, {}, 1 + random.below(9000));
    const whole = records.filter((record) =>
      record.offset + record.length <= start + at || record.offset >= start + at + length
    );
    assertEquals(offsets, whole.map(({ offset }) => offset));
    for (const [from, to] of gaps) {
      assert(from < to && whole.every(({ offset }) => offset < from || offset >= to));
    }
  }
});
