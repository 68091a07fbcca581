/** Windows of one merge after another: what stays of the one before, and what must not. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { VersionBlock } from "../../../../src/layer/mod.ts";
import { windowLimits } from "../../../../src/timeline/upkeep/merge/merge_window.ts";
import { MergeWindows } from "../../../../src/timeline/upkeep/merge/merge_windows.ts";
import { MergeFixture, put, times } from "./merge_fixture.ts";

/** A row of a key at an LSN. */
function rowOf(key: string, lsn: number): VersionBlock {
  const block = new VersionBlock(1, key.length);
  new TextEncoder().encodeInto(key, block.bytes);
  block.keyLength[0] = key.length;
  block.lsn[0] = lsn;
  block.length[0] = 30;
  block.count = 1;
  return block;
}

Deno.test("MergeWindows lends a window again, which has forgotten the last row of the merge before", async () => {
  const t = await MergeFixture.make([times(2, (i) => [put(`k${i}`, "x")])]), [layer] = t.layers;
  const windows = new MergeWindows(true), window = windows.take(), row = rowOf("k1", 1);
  window.restart(4096, 0);
  window.add(row, 0, layer);
  assert(window.isLast(row, 0));
  windows.giveBack(window);
  const again = windows.take();
  assertStrictEquals(again, window);
  assert(windows.take() !== window, "it is in use");
  for (let i = 0; i < 2; i++) {
    assert(!again.isLast(row, 0) && !again.hasLastKey(row, 0), "it would be taken for one that came already");
    again.restart(4096, 0);
  }
  assertEquals([again.count, again.byteLength], [0, 0]);
  await t.close();
});

Deno.test("MergeWindows keeps one usual window, and the memory of no other", async () => {
  const t = await MergeFixture.make([times(2, (i) => [put(`k${i}`, "x")])]), [layer] = t.layers;
  const windows = new MergeWindows(true), limits = { ...windowLimits };
  const own = windows.take(limits), first = windows.take(), second = windows.take();
  for (const window of [own, first, second]) {
    window.restart(4096, 0);
    window.add(rowOf("k1", 1), 0, layer);
    windows.giveBack(window);
  }
  assertEquals([own.heldBytes, second.heldBytes], [0, 0]);
  assert(first.heldBytes > 0);
  assert(windows.take(limits) !== first, "it was told otherwise");
  assertStrictEquals(windows.take(), first);
  await t.close();
});

Deno.test("MergeWindows keeps none where nobody merges again", async () => {
  const t = await MergeFixture.make([times(2, (i) => [put(`k${i}`, "x")])]), [layer] = t.layers;
  const windows = new MergeWindows(false), window = windows.take();
  window.restart(4096, 0);
  window.add(rowOf("k1", 1), 0, layer);
  windows.giveBack(window);
  assertEquals(window.heldBytes, 0);
  assert(windows.take() !== window);
  await t.close();
});

Deno.test("MergeWindows keeps none that took more rows than others, for a chain of patches that went on", async () => {
  const t = await MergeFixture.make([times(2, (i) => [put(`k${i}`, "x")])]), [layer] = t.layers;
  const windows = new MergeWindows(true), window = windows.take(), row = rowOf("k", 1);
  window.restart(4096, 0);
  for (; window.fits(0, true); row.lsn[0]++) window.add(row, 0, layer);
  assertEquals(window.count, 2 * windowLimits.rows);
  windows.giveBack(window);
  assertEquals(window.heldBytes, 0);
  await t.close();
});
