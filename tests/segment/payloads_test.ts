/** Payloads of a log in a segment, and tails that are written again. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, Health } from "../../src/base/mod.ts";
import { checkRecord, fileSeed, padBytes, readRecordHeader, RecordKind } from "../../src/layer/mod.ts";
import { type ScannedSegment, scanSegment, SegmentTimes, SegmentWriter } from "../../src/segment/mod.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { bytesOf, isSame } from "../direct/fixture.ts";
import { block, header, id, objectsOn, path } from "./segment_fixture.ts";

const own = { ...header, kind: "log" } as const;

/** A log's segment on a disk in memory. */
class Payloads {
  readonly disk = new SimDisk([path.slice(0, path.lastIndexOf("/"))]);
  readonly engine = new SimEngine({ disk: this.disk });
  readonly objects = objectsOn(this.engine);
  readonly segment: SegmentWriter;
  readonly payloads: Uint8Array[] = [];

  constructor(tail: "pad" | "rewrite") {
    const writer = this.objects.create(id, { health: new Health("it"), reserveBytes: 0 });
    this.segment = new SegmentWriter(writer, own, undefined, new SegmentTimes(), tail);
  }

  append(length: number): number {
    this.payloads.push(bytesOf(length, this.payloads.length));
    return this.segment.appendPayload(this.payloads[this.payloads.length - 1], this.payloads.length);
  }

  sync(durable = 0): Promise<void> {
    return this.segment.sync(durable);
  }

  async close(): Promise<void> {
    await this.segment.writer.abort();
    await this.objects.close();
    assertEquals(this.engine.openFiles, 0);
  }
}

async function scan(disk: SimDisk): Promise<ScannedSegment> {
  const objects = objectsOn(new SimEngine({ disk }));
  const scanned = await scanSegment(objects, objects.object(id), { header: own, previousLsn: 0 });
  await objects.close();
  return scanned;
}

Deno.test("SegmentWriter.appendPayload() makes records without a key, which check", async () => {
  const t = new Payloads("pad"), places = [0, 1, 5000, 70_000].map((length) => t.append(length));
  await t.sync();
  const bytes = t.disk.contents(path), view = new DataView(bytes.buffer);
  for (const [i, at] of places.entries()) {
    const record = readRecordHeader(view, at), payload = t.payloads[i];
    const expected = {
      kind: RecordKind.MARK,
      flags: 1,
      keyLength: 0,
      valueLength: payload.length,
      lsn: i + 1,
    };
    assertEquals(record, expected);
    assert(checkRecord(bytes, view, at, 20 + payload.length, fileSeed(own.fileId)));
    assert(isSame(bytes.subarray(at + 20, at + 20 + payload.length), payload));
  }
  assertEquals((await scan(t.disk)).lastLsn, 4);
  assertThrows(() => t.segment.appendPayload(bytes, 4), AssertionError, "S1");
  await t.close();
});

Deno.test("SegmentWriter.sync() that rewrites leaves the file dense, with a pad of the least length in a block", async () => {
  const t = new Payloads("rewrite");
  let expected = block;
  for (let i = 0; i < 60; i++) {
    const isFirst = i === 0 || Math.floor((expected + 320) / block) > Math.floor((expected - 1) / block);
    t.append(300);
    expected += 320;
    const { end } = t.segment;
    await t.sync();
    if (t.segment.end > end) assertEquals(t.segment.end, end + padBytes);
    assert(t.segment.end === end || isFirst, `a second pad in a block, at ${end}`);
    expected = t.segment.end;
    assertEquals(t.segment.writer.durableOffset, t.segment.end);
    const scanned = await scan(t.disk.clone());
    assertEquals([scanned.lastLsn, scanned.end, scanned.proof], [i + 1, t.segment.end, undefined]);
  }
  const blocks = Math.ceil((60 * 320 + block) / block);
  assert(t.segment.end <= block + 60 * 320 + blocks * padBytes, `${t.segment.end} bytes`);
  t.segment.pad(60);
  assertEquals(t.segment.end % block, 0);
  await t.close();
});

for (const tail of ["pad", "rewrite"] as const) {
  Deno.test(`SegmentWriter.sync() with the tail "${tail}" survives every crash`, async () => {
    const t = new Payloads(tail);
    let states = 0;
    for (const [i, length] of [100, 3900, 10, 9000, 1, 4000].entries()) {
      t.append(length);
      await t.sync(i);
      t.append(9000);
      // What comes behind a sync may be lost, and nothing before it.
      const acknowledged = t.payloads.length - 1;
      await t.segment.writer.write(t.segment.end);
      for (const state of t.disk.crashStates({ limit: 100 })) {
        if (!state.paths().includes(path)) continue;
        const { lastLsn = 0, proof } = await scan(state);
        assert(lastLsn >= acknowledged, `${lastLsn} of ${acknowledged}`);
        assertEquals(proof, undefined);
        states++;
      }
    }
    assert(states > 100, `${states} states`);
    await t.close();
  });

  Deno.test(`a segment with the tail "${tail}" tells damage of what was durable from a torn tail`, async () => {
    const t = new Payloads(tail);
    for (let i = 0; i < 12; i++) {
      t.append(2000);
      await t.sync(i);
    }
    const { end } = t.segment, damaged = t.disk.clone();
    const bytes = damaged.contents(path);
    bytes[block + 100] ^= 1;
    damaged.put(path, bytes);
    const scanned = await scan(damaged);
    assertEquals([scanned.end, scanned.lastLsn], [block, undefined]);
    assert(scanned.proof !== undefined && scanned.proof.pad.durableOffset > block, `damage before ${end}`);
    await t.close();
  });
}
