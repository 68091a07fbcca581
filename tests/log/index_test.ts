/** The index of a segment of a log: what it tells, and that it is never believed where it does not check. */

import { assert, assertEquals } from "@std/assert";
import { decodeIndex, encodeIndex, type IndexedSegment } from "../../src/log/index/index_format.ts";
import { SparseIndex, strideBytes } from "../../src/log/index/sparse_index.ts";
import { type EndedSegment, planRetention } from "../../src/log/write/plan_retention.ts";
import { checkRecords, fill, SimLog, smallSegments } from "./log_fixture.ts";

const segment: IndexedSegment = {
  fileId: 77,
  sequence: 3,
  firstLsn: 10,
  lastLsn: 5000,
  valuesEnd: 10_000_000,
};

function indexOf(records: number): SparseIndex {
  const index = new SparseIndex();
  for (let i = 0; i < records; i++) index.add(10 + i, 4096 + i * 1000);
  return index;
}

Deno.test("SparseIndex notes a record for each stride, and finds the one at or before another", () => {
  const index = indexOf(1000), { noted } = index;
  assertEquals(noted[0], { lsn: 10, place: 4096 });
  noted.slice(1).forEach(({ place }, i) => assert(place - noted[i].place >= strideBytes));
  assertEquals(index.placeOf(9), undefined);
  for (const { lsn, place } of noted) {
    assertEquals([index.placeOf(lsn), index.placeOf(lsn + 1)], [place, place]);
  }
  assertEquals(index.placeOf(1e9), noted.at(-1)?.place);
});

Deno.test("encodeIndex() and decodeIndex() agree, and any bit that is flipped is found", () => {
  const times = { lsns: Float64Array.of(11, 400, 5000), seconds: Float64Array.of(1, 7, 1e9) };
  const places = indexOf(1000), bytes = encodeIndex(segment, { places, times });
  assertEquals(bytes.length % 4096, 0);
  const found = decodeIndex(bytes, segment);
  assertEquals([found?.places.noted, found?.times], [places.noted, times]);
  for (let bit = 0; bit < bytes.length * 8; bit += 7) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(decodeIndex(bytes, segment), undefined, `bit ${bit}`);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  for (const name of ["fileId", "sequence", "firstLsn", "lastLsn", "valuesEnd"] as const) {
    assertEquals(decodeIndex(bytes, { ...segment, [name]: segment[name] + 1 }), undefined, name);
  }
  assertEquals(decodeIndex(new Uint8Array(4096), segment), undefined);
  assertEquals(decodeIndex(new Uint8Array(0), segment), undefined);
});

Deno.test("Log reads on without the index of a segment where that is damaged or missing", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 3000);
  await log.close();
  const segments = t.disk.paths().filter((path) => path.endsWith(".seg"));
  segments.slice(0, -1).forEach((path, i) => {
    const bytes = t.disk.contents(path);
    bytes[bytes.length - 4096 + 20] ^= 1;
    t.disk.put(path, i % 2 === 0 ? bytes : bytes.slice(0, -4096));
  });
  const again = await t.open();
  for (const { firstOffset, nextOffset } of again.segments()) {
    const middle = (firstOffset + nextOffset) >> 1;
    await checkRecords(again, middle, Math.min(3000, middle + 20));
  }
  assertEquals(await again.offsetAt(new Date(0)), 0);
  await again.close();
});

Deno.test("planRetention() gives up whole segments, the oldest first, while they are over a bound", () => {
  const at = (lastLsn: number, byteLength: number, endedBy?: number): EndedSegment => ({
    lastLsn,
    byteLength,
    endedBy,
  });
  const segments = [at(10, 100, 1000), at(20, 100, 2000), at(30, 100, 3000)];
  const all = { bytes: Infinity, since: -Infinity, horizon: 0 };
  const table: [Partial<typeof all>, number][] = [
    [{}, 0],
    [{ bytes: 300 }, 0],
    [{ bytes: 299 }, 1],
    [{ bytes: 100 }, 2],
    [{ bytes: 0 }, 3],
    [{ since: 1000 }, 0],
    [{ since: 1001 }, 1],
    [{ since: 9999 }, 3],
    [{ horizon: 9 }, 0],
    [{ horizon: 10 }, 1],
    [{ horizon: 29 }, 2],
    [{ horizon: 30 }, 3],
    [{ bytes: 250, since: 2001 }, 2],
  ];
  for (const [kept, count] of table) assertEquals(planRetention(segments, { ...all, ...kept }), count);
  assertEquals(planRetention([at(10, 100, undefined), segments[1]], { ...all, since: 9999 }), 0);
});
