/** Memory of merges that is used again: here it is overwritten as soon as it is given back, so that whoever still looks sees nonsense. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { StoredLayer } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import type { MergeWindow } from "../../../../src/timeline/upkeep/merge/merge_window.ts";
import { MergeWindows } from "../../../../src/timeline/upkeep/merge/merge_windows.ts";
import { Random, seeds } from "../../../random.ts";
import { type Given, type GivenWork, gone, MergeFixture, put, times } from "./merge_fixture.ts";

const nonsense = 0xdb;

/** Runs a merge while ranges are overwritten that are given back; returns what came of it, and how many there were. */
async function overwriting<T>(merge: () => Promise<T>): Promise<[result: T, ranges: number]> {
  const { giveBack } = PageSet.prototype;
  let ranges = 0;
  PageSet.prototype.giveBack = function (range) {
    ranges++;
    range.fill(nonsense);
    giveBack.call(this, range);
  };
  try {
    return [await merge(), ranges];
  } finally {
    PageSet.prototype.giveBack = giveBack;
  }
}

/** Windows of which all that merges left is overwritten. */
class OverwrittenWindows extends MergeWindows {
  readonly #records = new Map<MergeWindow, Uint8Array>();
  /** How many were used before. */
  reused = 0;

  constructor() {
    super(true);
  }

  override take(...limits: Parameters<MergeWindows["take"]>): MergeWindow {
    const window = super.take(...limits), records = this.#records.get(window);
    if (records === undefined) this.#watch(window);
    else {
      this.reused++;
      const { bytes, keyStart, keyLength, lsn, offset, length, flags } = window.rows;
      for (const each of [records, bytes, keyStart, keyLength, lsn, offset, length, flags]) {
        each.fill(nonsense);
      }
    }
    return window;
  }

  #watch(window: MergeWindow): void {
    const read = window.read.bind(window);
    window.read = async (objects, check) => {
      const records = await read(objects, check);
      this.#records.set(window, new Uint8Array(records.buffer));
      return records;
    };
  }
}

/** Batches of random keys, of which some come again and some go. */
function given(random: Random): Given {
  return times(3, () =>
    times(60, () =>
      times(30, () => {
        const key = `k${String(random.below(3000)).padStart(5, "0")}`;
        return random.below(9) === 0 ? gone(key) : put(key, random.bytes(random.below(600)));
      })));
}

Deno.test("mergeLayers() looks at no memory any more that it gave back, nor at what another merge left", async () => {
  for (const seed of seeds("reused memory", 3)) {
    const t = await MergeFixture.make(given(new Random(seed)));
    const windows = t.windows = new OverwrittenWindows();
    const sorted: StoredLayer[] = [];
    for (const layer of t.layers) sorted.push(...await t.merge([layer]));
    const [merged, ranges] = await overwriting(() => t.merge(sorted));
    await t.assertMerged(t.layers, merged);
    assert(ranges >= 9, `${ranges} ranges were given back`);
    assert(windows.reused > 2, "windows are used again");
    await t.close();
  }
});

Deno.test("mergeLayers() gives up the same history from memory that is used again", async () => {
  for (const seed of seeds("reused memory below a horizon", 3)) {
    const t = await MergeFixture.make(given(new Random(seed)));
    const sorted: StoredLayer[] = [];
    for (const layer of t.layers) sorted.push(...await t.merge([layer]));
    const work: GivenWork = { retention: { horizon: 100, isOldest: true } };
    const versionsOf = async ([layer]: readonly StoredLayer[]) => await t.versionsOf(layer);
    const expected = await versionsOf(await t.merge(sorted, work));
    t.windows = new OverwrittenWindows();
    await t.merge(sorted);
    const [merged] = await overwriting(() => t.merge(sorted, work));
    assertEquals(await versionsOf(merged), expected);
    await t.close();
  }
});

Deno.test("mergeLayers() uses no window again of a merge that failed, which may have grown in part", async () => {
  const t = await MergeFixture.make(given(new Random(7))), windows = t.windows = new OverwrittenWindows();
  for (let after = 1; after < 5; after++) {
    await t.merge(t.layers);
    const { reused } = windows;
    let left = after;
    const check = () => {
      if (left-- === 0) throw new Error("stopped");
    };
    await assertRejects(() => t.merge(t.layers, { check }), Error, "stopped");
    assertEquals(windows.reused, reused + 1);
    const [merged] = await overwriting(() => t.merge(t.layers));
    assertEquals(windows.reused, reused + 1, "that one was given up");
    await t.assertMerged(t.layers, merged);
  }
  await t.close();
});
