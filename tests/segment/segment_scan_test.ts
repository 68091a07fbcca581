/** Scans that go on where they ended, of segments that grow. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../src/base/mod.ts";
import { MemoryIndex } from "../../src/layer/mod.ts";
import { type ScannedSegment, SegmentScan } from "../../src/segment/mod.ts";
import type { SegmentSource } from "../../src/segment/segment_scan.ts";
import { SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { Random } from "../random.ts";
import { block, header, id, objectsOn, path, scan, SegmentFixture } from "./segment_fixture.ts";

/** A file that grows, and its scan. */
class Growing {
  /** Where reads began since they were asked for last. */
  starts: number[] = [];
  readonly #disk = new SimDisk();
  readonly #objects = objectsOn(new SimEngine({ disk: this.#disk }));
  readonly #scan = new SegmentScan(
    this.#objects.object(id),
    { header: identity(), previousLsn: 0 },
    new MemoryIndex(),
  );

  /** What a scan finds when the file holds `bytes`. */
  async next(bytes: Uint8Array): Promise<ScannedSegment> {
    this.#disk.put(path, bytes);
    this.starts = [];
    const source: SegmentSource = {
      host: this.#objects.host,
      extent: (object) => this.#objects.extent(object),
      stream: (object, range) => {
        this.starts.push(range.start);
        return this.#objects.stream(object, range);
      },
    };
    return await this.#scan.next(source);
  }
}

function identity() {
  const { kind, storeId, timelineId, fileId, sequence, generation, firstLsn } = header;
  return { kind, storeId, timelineId, fileId, sequence, generation, firstLsn };
}

/** A segment of some hundred batches, with pads between them. */
async function segment(random: Random): Promise<SegmentFixture> {
  const t = new SegmentFixture();
  for (let i = 0; i < 150; i++) {
    const changes = Array.from({ length: random.below(5) }, () => ({
      key: `k${random.below(40)}`,
      value: new Uint8Array(random.pick([0, 10, 300, block, 3 * block])).fill(i),
    }));
    t.append(...changes);
    if (random.once(3)) await t.sync();
  }
  return t;
}

/** What must be the same, however it was found. */
function found(
  { header, index, times, end, lastLsn, batches, durableLsn, restDurableLsn, hasRest, proof }: ScannedSegment,
) {
  const { keyCount, versionCount, tombstoneCount } = index;
  const counts = [keyCount, versionCount, tombstoneCount, end, batches, durableLsn, restDurableLsn];
  return { header, counts, times: times.upTo(lastLsn ?? 0), lastLsn, hasRest, proof };
}

Deno.test("SegmentScan goes on where it ended, and finds what a scan of all finds", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(seed),
      t = await segment(random),
      contents = t.appended,
      growing = new Growing();
    let end = 0;
    for (let length = 0; length < contents.length;) {
      length = Math.min(contents.length, length + random.pick([1, 100, block, 5 * block, 40 * block]));
      const bytes = contents.slice(0, length);
      // A block that is only written in part, as one may be that is read while it is written.
      if (random.once(3)) bytes.fill(0xaa, Math.max(end, length - random.below(block)));
      const scanned = await growing.next(bytes);
      assertEquals(
        found(scanned),
        found(await scan(bytes)),
        `${length} bytes, of which ${end} were read before`,
      );
      // Before it goes on it looks whether the last batch is still there.
      const [mark, start] = end > block ? growing.starts : [0, ...growing.starts];
      assert(mark <= end);
      if (start !== undefined) assertEquals(start, end - end % block);
      end = scanned.end;
    }
    assertEquals(found(await growing.next(contents)), found(await scan(contents)));
    await t.abort();
  }
});

Deno.test("SegmentScan goes on in the file that it began in alone", async () => {
  const t = await segment(new Random(5)), other = await segment(new Random(6)), contents = t.appended;
  const half = contents.subarray(0, contents.length >> 1);
  for (
    const [bytes, found] of [[other.appended, "another"], [
      half.subarray(0, 3 * block),
      "a file of 12288 bytes",
    ]] as const
  ) {
    const growing = new Growing();
    await growing.next(half);
    await assertRejects(() => growing.next(bytes), CorruptionError, `found ${found}`);
  }
  await t.abort();
  await other.abort();
});

Deno.test("SegmentScan begins anew as long as there is no header", async () => {
  const t = await segment(new Random(4)), contents = t.appended, growing = new Growing();
  assertEquals((await growing.next(contents.subarray(0, 17))).header, undefined);
  assertEquals((await growing.next(new Uint8Array(block))).header, undefined);
  assertEquals(found(await growing.next(contents)), found(await scan(contents)));
  assertEquals(growing.starts, [0]);
  await t.abort();
});
