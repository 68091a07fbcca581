/** Records that lie all over their files: what is read for them, and that each goes to its place. */

import { assert, assertEquals } from "@std/assert";
import { viewOf } from "../../src/base/mod.ts";
import { type RecordFile, VersionBlock } from "../../src/layer/mod.ts";
import { placed, ScatteredRecords } from "../../src/timeline/scattered_records.ts";
import { Random } from "../random.ts";
import { times } from "./upkeep/merge/merge_fixture.ts";

const KiB = 1024, base = 4096;

/** A record of a file. */
interface Lying {
  readonly file: number;
  readonly from: number;
  readonly length: number;
}

/** Plans for records that go one behind the other. */
function planned(records: readonly Lying[], files = 2) {
  const rows = new VersionBlock(records.length);
  const from = new Float64Array(records.length), source = new Int32Array(records.length);
  let end = 0;
  records.forEach((record, row) => {
    rows.length[row] = record.length;
    rows.offset[row] = base + end;
    from[row] = record.from;
    source[row] = record.file;
    end += record.length;
  });
  rows.count = records.length;
  const bytes = new Uint8Array(end);
  const all = times(files, (order) => ({ object: { order }, seed: 0 }) as unknown as RecordFile);
  const scattered = new ScatteredRecords({ rows, base, view: viewOf(bytes), from, source, files: all });
  const yields = [...scattered.plan()].length;
  const stretches = times(
    scattered.count,
    (i) => [scattered.objectOf(i).order, scattered.offsetOf(i), scattered.lengthOf(i)],
  );
  return { scattered, bytes, stretches, yields };
}

Deno.test("ScatteredRecords reads what lies near each other at once, whatever the order of its rows", () => {
  const { stretches } = planned([
    { file: 1, from: 60 * KiB, length: 10 },
    { file: 0, from: 20 * KiB, length: 10 },
    { file: 1, from: 5000, length: 100 },
    { file: 0, from: placed, length: 50 },
    { file: 0, from: 4096, length: 200 },
    { file: 0, from: 17 * KiB, length: 1 },
    { file: 1, from: 75 * KiB, length: 1 },
  ]);
  assertEquals(stretches, [
    [0, 4096, 20 * KiB + 10 - 4096],
    [1, 5000, 100],
    [1, 60 * KiB, 15 * KiB + 1],
  ]);
});

Deno.test("ScatteredRecords reads 1000 KiB at once at the most, but for what begins beside a long record", () => {
  const { stretches } = planned([
    ...times(270, (i) => ({ file: 0, from: 4 * KiB + i * 4 * KiB, length: 4 * KiB })),
    { file: 0, from: 1084 * KiB, length: 1000 * KiB },
    { file: 0, from: 2084 * KiB, length: 10 },
  ]);
  assertEquals(stretches, [
    [0, 4 * KiB, 988 * KiB],
    [0, 992 * KiB, 80 * KiB],
    [0, 1072 * KiB, 1012 * KiB],
    [0, 2084 * KiB, 10],
  ]);
});

Deno.test("ScatteredRecords without records to be read reads nothing", () => {
  assertEquals(planned([]).stretches, []);
  assertEquals(planned([{ file: 0, from: placed, length: 5 }], 0).stretches, []);
});

Deno.test("ScatteredRecords puts each record at its place, and yields while it plans", () => {
  const random = new Random(1), count = 100_000;
  const contents = times(3, (file) => random.bytes(file * 3_000_000 + 1000));
  const cuts = contents.map(({ length }) => {
    const at: number[] = [];
    for (let from = 0; from < length;) {
      at.push(from);
      from += 1 + (at.length * 7919) % 150;
    }
    return at;
  });
  const records = cuts.flatMap((at, file) =>
    at.slice(0, -1).map((from, i) => ({ file, from, length: at[i + 1] - from }))
  ).slice(0, count);
  // Every third row is elsewhere: an order that has nothing to do with places.
  const mixed = times(records.length, (i) => {
    const record = records[(i * 61_987) % records.length];
    return i % 10 === 9 ? { ...record, from: placed } : record;
  });
  assert(new Set(mixed).size === records.length, "each record comes once");
  const { scattered, bytes, stretches, yields } = planned(mixed, 3);
  assert(yields >= 2 * Math.floor(records.length / (1 << 14)), "planning gives up its turn");
  stretches.forEach(([file, offset, length], stretch) => {
    // It lies somewhere in a larger buffer.
    const buffer = new Uint8Array(length + 512);
    buffer.set(contents[file].subarray(offset, offset + length), 512);
    scattered.accept(stretch, buffer, new DataView(buffer.buffer), 512);
  });
  let at = 0;
  for (const { file, from, length } of mixed) {
    const expected = (i: number) => from === placed ? 0 : contents[file][from + i];
    const isThere = bytes.subarray(at, at + length).every((byte, i) => byte === expected(i));
    assert(isThere, `the record at ${from} of file ${file}`);
    at += length;
  }
});
