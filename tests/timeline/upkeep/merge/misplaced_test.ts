/** Inputs of a merge that check and lie: versions out of order, or outside of what their layer states. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, pageBytes } from "../../../../src/base/mod.ts";
import { pageCount, suffixStart } from "../../../../src/layer/formats/page_format.ts";
import { type LayerDescription, pageCursor, StoredLayer } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import { copySlot, exchangeRecords, exchangeSlots, forgePage, restate } from "../../../layer/forged.ts";
import { type Row, walk } from "../../../layer/layer_fixture.ts";
import { timelineId } from "../../write/writer_fixture.ts";
import { type GivenWork, MergeFixture, put, times } from "./merge_fixture.ts";

const KiB = 1024;
const keys = 900;

/** Three layers over each other, of keys that are equally long: `k1000` to `k1899`, in leaves of some hundred slots. */
async function made(): Promise<MergeFixture> {
  return await MergeFixture.make(
    times(3, (layer) => [times(keys, (i) => put(`k${1000 + i}`, `${layer}/${i}`.padEnd(90)))]),
  );
}

/** By all ways in which layers are merged: with others, alone where it stands, below a horizon, into images. */
const works: Readonly<Record<string, GivenWork>> = {
  "into one level": { targetBytes: 40 * KiB },
  "row by row": { window: { bytes: 100 * KiB, rows: 1 } },
  "where it stands": { level: 0 },
  "below a horizon": { retention: { horizon: 2, isOldest: true } },
  "into images": { retention: { horizon: 3, isOldest: true }, imageLsn: 2 },
};

/** Checks that what cannot be true of a layer is found by each way of merging it, and leaves nothing. */
async function assertRefused(t: MergeFixture, layer: StoredLayer, offset: number): Promise<void> {
  const before = t.deltas(), { path } = layer.object;
  const others = t.layers.filter(({ object }) => object !== layer.object);
  for (const [how, work] of Object.entries(works)) {
    for (const inputs of [[layer], [layer, ...others], [...others, layer]]) {
      const error = await assertRejects(() => t.merge(inputs, work), CorruptionError, "order", how);
      assertEquals([error.path, error.offset], [path, offset], how);
      assertEquals(t.deltas(), before, how);
    }
  }
}

/** A slot of a page behind which another one stands whose suffix is as long. */
function twinOf(page: Uint8Array): number {
  const lengthOf = (slot: number) => suffixStart(page, slot + 1) - suffixStart(page, slot);
  return times(pageCount(page) - 1, (slot) => slot)
    .findLast((slot) => lengthOf(slot) === lengthOf(slot + 1)) as number;
}

const lies: Readonly<Record<string, (page: Uint8Array) => void>> = {
  "slots that changed places": (page) => exchangeSlots(page, twinOf(page), twinOf(page) + 1),
  "a slot twice": (page) => copySlot(page, twinOf(page), twinOf(page) + 1),
};

for (const [words, lie] of Object.entries(lies)) {
  for (const number of [0, 1]) {
    Deno.test(`mergeLayers() rejects when leaf ${number} of a segment has ${words}, and names it`, async () => {
      const t = await made(), [, layer] = t.layers, { valuesEnd, leafPages } = layer.description;
      assert(leafPages > 1);
      const sound = t.bytesOf(layer), bytes = sound.slice();
      forgePage(bytes, layer, number, lie);
      await t.replace(layer, bytes);
      await assertRefused(t, layer, valuesEnd + number * pageBytes);
      await t.replace(layer, sound);
      await t.assertMerged(t.layers, await t.merge(t.layers));
      await t.close();
    });
  }
}

Deno.test("mergeLayers() rejects when leaves of a segment changed places, and names the second", async () => {
  const t = await made(), [, layer] = t.layers, { valuesEnd } = layer.description;
  const bytes = t.bytesOf(layer), at = (number: number) => valuesEnd + number * pageBytes;
  const [one, other] = [0, 1].map((number) => bytes.slice(at(number), at(number + 1)));
  forgePage(bytes, layer, 0, (page) => page.set(other));
  forgePage(bytes, layer, 1, (page) => page.set(one));
  await t.replace(layer, bytes);
  await assertRefused(t, layer, at(1));
  await t.close();
});

/** What comes of merging, its rows and its bytes. */
async function sorted(
  t: MergeFixture,
  inputs: readonly StoredLayer[],
): Promise<{ layer: StoredLayer; rows: Row[]; bytes: Uint8Array<ArrayBuffer> }> {
  const [layer] = await t.merge(inputs);
  return { layer, rows: await rowsOf(t, layer), bytes: t.bytesOf(layer) };
}

function rowsOf(t: MergeFixture, layer: StoredLayer): Promise<Row[]> {
  return walk(pageCursor(layer), new PageSet(t.t.objects, { keep: false }));
}

Deno.test("mergeLayers() rejects when records of a run changed places, though all of it checks, and names one", async () => {
  const t = await made(), { layer, rows, bytes } = await sorted(t, t.layers.slice(0, 2));
  for (const i of [0, 6, 600]) {
    // Of one key two versions; of two keys one each.
    for (const [a, b] of [[rows[i], rows[i + 1]], [rows[i + 1], rows[i + 2]]]) {
      const forged = bytes.slice();
      exchangeRecords(forged, layer, a, b);
      await t.replace(layer, forged);
      await assertRefused(t, layer, b.offset);
    }
  }
  await t.replace(layer, bytes);
  await t.assertMerged([layer], await t.merge([layer]));
  await t.close();
});

Deno.test("mergeLayers() rejects when a layer has versions outside of what it states", async () => {
  const t = await made(), [, segment] = t.layers, { layer: delta, rows } = await sorted(t, [segment]);
  const key = (i: number) => new TextEncoder().encode(`k${1000 + i}`);
  const refused = async (lying: StoredLayer, change: Partial<LayerDescription>) => {
    const bytes = t.bytesOf(lying);
    const layer = StoredLayer.of(t.t.objects, timelineId, restate(bytes, lying, change));
    await t.replace(layer, bytes);
    const error = await assertRejects(() => t.merge([t.layers[0], layer]), CorruptionError, "within");
    assertEquals(error.path, layer.object.path);
    return error.offset;
  };
  assertEquals(await refused(delta, { firstKey: key(1) }), rows[0].offset);
  assertEquals(await refused(delta, { lastKey: key(keys - 2) }), rows[keys - 1].offset);
  assertEquals(await refused(delta, { firstLsn: 1, lastLsn: 1 }), rows[0].offset);
  assertEquals(await refused(delta, { firstLsn: 3, lastLsn: 3 }), rows[0].offset);
  const { valuesEnd, leafPages } = segment.description;
  assertEquals(await refused(segment, { firstKey: key(1) }), valuesEnd);
  assertEquals(await refused(segment, { lastKey: key(keys - 2) }), valuesEnd + (leafPages - 1) * pageBytes);
  await t.close();
});
