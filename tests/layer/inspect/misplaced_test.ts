/** Inspecting layers that check and lie: what a merge refuses, an inspection finds. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, pageBytes } from "../../../src/base/mod.ts";
import { type LayerDescription, pageCursor, StoredLayer } from "../../../src/layer/mod.ts";
import { PageSet } from "../../../src/objects/mod.ts";
import { MergeFixture, put, times } from "../../timeline/upkeep/merge/merge_fixture.ts";
import { timelineId } from "../../timeline/write/writer_fixture.ts";
import { copySlot, exchangeRecords, exchangeSlots, forgePage, restate } from "../forged.ts";
import { walk } from "../layer_fixture.ts";

/** A segment of 200 versions at LSN 2, and what comes of merging it. */
async function made(): Promise<{ t: MergeFixture; segment: StoredLayer; delta: StoredLayer }> {
  const given = times(2, (layer) => [times(200, (i) => put(`k${100 + i}`, `${layer}/${i}`.padEnd(90)))]);
  const t = await MergeFixture.make(given), [, segment] = t.layers;
  const [delta] = await t.merge([segment]);
  assertEquals([await t.findings(segment), await t.findings(delta)], [[], []]);
  return { t, segment, delta };
}

/** What is found in the places of bytes, by what was expected there; a merge refuses them. */
async function found(t: MergeFixture, layer: StoredLayer, bytes: Uint8Array): Promise<unknown[]> {
  await t.replace(layer, bytes);
  await assertRejects(() => t.merge([layer]), CorruptionError);
  return (await t.findings(layer)).map((
    { error, offset, length },
  ) => [(error as CorruptionError).expected, offset, length]);
}

Deno.test("checkLayer() finds slots of a segment that are out of order, each of which leads to its record", async () => {
  const { t, segment } = await made(), { valuesEnd } = segment.description, sound = t.bytesOf(segment);
  const lies = [
    (page: Uint8Array) => exchangeSlots(page, 10, 11),
    (page: Uint8Array) => copySlot(page, 10, 11),
  ];
  for (const lie of lies) {
    const bytes = sound.slice();
    forgePage(bytes, segment, 0, lie);
    const [first] = await found(t, segment, bytes);
    assertEquals(first, ["slots in the order of their keys", valuesEnd, pageBytes]);
  }
  await t.close();
});

Deno.test("checkLayer() finds records of a run that are out of order, though all of the run checks", async () => {
  const { t, delta } = await made(), bytes = t.bytesOf(delta);
  const rows = await walk(pageCursor(delta), new PageSet(t.t.objects, { keep: false }));
  const [, , a, b] = rows;
  exchangeRecords(bytes, delta, a, b);
  const expected = ["records in the order of their keys", b.offset, b.length];
  assertEquals(await found(t, delta, bytes), [expected]);
  await t.close();
});

Deno.test("checkLayer() finds versions outside of the keys and the LSNs that a layer states", async () => {
  const { t, segment, delta } = await made(), key = (i: number) => new TextEncoder().encode(`k${100 + i}`);
  const changes: Partial<LayerDescription>[] = [
    { firstKey: key(1) },
    { lastKey: key(198) },
    { firstLsn: 1, lastLsn: 1 },
    { firstLsn: 3, lastLsn: 3 },
  ];
  for (const layer of [segment, delta]) {
    const sound = t.bytesOf(layer);
    for (const change of changes) {
      const bytes = sound.slice();
      const lying = StoredLayer.of(t.t.objects, timelineId, restate(bytes, layer, change));
      const findings = await found(t, lying, bytes);
      assert(findings.length > 0, `${layer.description.kind} ${Object.keys(change)}`);
    }
  }
  await t.close();
});
