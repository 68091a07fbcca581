/** Windows of a merge: what they take, what they read, and that their memory serves again. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../../../src/base/mod.ts";
import { checkRecord, pageCursor, type StoredLayer, type VersionBlock } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import { MergeWindow, type WindowLimits } from "../../../../src/timeline/upkeep/merge/merge_window.ts";
import { type Given, MergeFixture, put, times } from "./merge_fixture.ts";

const KiB = 1024;
const base = 4096;
/** The seed of an output's checksums. */
const seed = 0xdecade;
const limits: WindowLimits = { bytes: 64 * KiB, rows: 100 };

/** A layer, and a window that takes its rows. */
class Fixture {
  readonly t: MergeFixture;
  readonly layer: StoredLayer;
  readonly block: VersionBlock;
  readonly window: MergeWindow = new MergeWindow(limits);

  private constructor(t: MergeFixture, layer: StoredLayer, block: VersionBlock) {
    this.t = t;
    this.layer = layer;
    this.block = block;
  }

  static async make(given: Given): Promise<Fixture> {
    const t = await MergeFixture.make(given);
    const [layer] = t.layers, cursor = pageCursor(layer);
    const pages = new PageSet(t.t.objects, { keep: false });
    while (!cursor.settle(pages)) await pages.fetch();
    assertEquals(cursor.end, layer.description.versions, "all versions are in one leaf");
    return new Fixture(t, layer, cursor.block);
  }

  add(...rows: number[]): void {
    for (const row of rows) this.window.add(this.block, row, this.layer);
  }

  read(check: () => void = () => {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.window.read(this.t.t.objects, check);
  }
}

Deno.test("MergeWindow reads records into the order of its rows, each with the seed of the output", async () => {
  const t = await Fixture.make([times(9, (i) => [put(`k${9 - i}`, "x".repeat(i * 100))])]);
  t.window.restart(base, seed);
  t.add(...times(9, (i) => i));
  const records = await t.read(),
    view = new DataView(records.buffer, records.byteOffset),
    { rows } = t.window;
  assertEquals([t.window.count, t.window.byteLength], [9, records.length]);
  let at = 0;
  for (let row = 0; row < 9; row++) {
    assertEquals([rows.offset[row], rows.length[row]], [base + at, 22 + (8 - row) * 100]);
    assert(checkRecord(records, view, at, rows.length[row], seed));
    at += rows.length[row];
  }
  assertEquals(at, records.length);
  await t.t.close();
});

Deno.test("MergeWindow fits one record of any length, else so many rows and bytes", async () => {
  const t = await Fixture.make([
    times(101, (i) => [put(`k${100 + i}`, new Uint8Array(i === 0 ? 70 * KiB : 1))]),
  ]);
  t.window.restart(base, seed);
  assert(t.window.fits(100 * KiB));
  t.add(0);
  assert(!t.window.fits(1));
  t.window.restart(base, seed);
  t.add(1);
  assert(t.window.fits(64 * KiB - t.window.byteLength));
  assert(!t.window.fits(64 * KiB - t.window.byteLength + 1));
  t.add(...times(98, (i) => i + 2));
  assert(t.window.fits(1));
  t.add(100);
  assert(!t.window.fits(1));
  await t.t.close();
});

Deno.test("MergeWindow uses its memory again, and takes more only for a larger record", async () => {
  const large = new Uint8Array(200 * KiB).fill(7);
  const t = await Fixture.make([[[put("a", "1"), put("b", large), put("c", "2")], [
    put("d", "x".repeat(999)),
  ]]]);
  const memory: ArrayBuffer[] = [];
  for (const row of [0, 3, 2, 1, 0, 1, 3]) {
    t.window.restart(base, seed);
    t.add(row);
    const records = await t.read();
    assertEquals(records.length, t.block.length[row]);
    memory.push(records.buffer);
  }
  const [small] = memory, [, , , larger] = memory;
  assertEquals(small.byteLength, limits.bytes);
  assert(memory.slice(0, 3).every((each) => each === small));
  assert(small !== larger && memory.slice(3).every((each) => each === larger));
  await t.t.close();
});

Deno.test("MergeWindow.hasLastKey() and isLast() tell rows of the last one, whatever the window before it was", async () => {
  const t = await Fixture.make([[[put("a", "1")], [put("a", "2")], [put("ab", "3")], [put("bb", "4")]]]);
  const { window, block } = t;
  const says = () =>
    times(4, (row) => [window.hasLastKey(block, row), window.isLast(block, row)].map(Number).join(""));
  window.restart(base, seed);
  assertEquals(says(), ["00", "00", "00", "00"]);
  t.add(0);
  assertEquals(says(), ["11", "10", "00", "00"]);
  t.add(1);
  assertEquals(says(), ["10", "11", "00", "00"]);
  window.restart(base, seed);
  assertEquals(says(), ["10", "11", "00", "00"]);
  // Nothing came into this one.
  window.restart(base, seed);
  assertEquals(says(), ["10", "11", "00", "00"]);
  t.add(2);
  assertEquals(says(), ["00", "00", "11", "00"]);
  window.restart(base, seed);
  assertEquals(says(), ["00", "00", "11", "00"]);
  await t.t.close();
});

Deno.test("MergeWindow.read() rejects for a record of another LSN of the same key, and can be used again", async () => {
  const t = await Fixture.make([times(5, (i) => [put("k", `${i}`)])]);
  const bytes = t.t.bytesOf(t.layer), { offset, length } = t.block, sound = bytes.slice();
  bytes.copyWithin(offset[3], offset[1], offset[1] + length[1]);
  await t.t.replace(t.layer, bytes);
  t.window.restart(base, seed);
  t.add(0, 1, 2, 3, 4);
  const error = await assertRejects(() => t.read(), CorruptionError, "LSN 4");
  assertEquals([error.path, error.offset], [t.layer.object.path, offset[3]]);
  await t.t.replace(t.layer, sound);
  t.window.restart(base, seed);
  t.add(3);
  assertEquals((await t.read()).length, length[3]);
  await t.t.close();
});

Deno.test("MergeWindow.read() stops when it must, and holds no buffer then", async () => {
  const t = await Fixture.make([times(60, (i) => [put(`k${10 + i}`, new Uint8Array(1000))])]);
  t.window.restart(base, seed);
  t.add(...times(60, (i) => i));
  const reason = new Error("enough");
  await assertRejects(
    () =>
      t.read(() => {
        throw reason;
      }),
    Error,
    "enough",
  );
  const { bufferBytes } = t.t.t.objects.metrics();
  for (let i = 0; i < 40; i++) {
    await assertRejects(() =>
      t.read(() => {
        throw reason;
      })
    );
  }
  assertEquals(t.t.t.objects.metrics().bufferBytes, bufferBytes);
  assertEquals((await t.read()).length, t.window.byteLength);
  await t.t.close();
});
