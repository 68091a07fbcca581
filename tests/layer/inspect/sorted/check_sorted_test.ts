/** Inspecting layers that were merged: what is wrong with them, and what that costs. */

import { assert, assertEquals } from "@std/assert";
import { pageBytes } from "../../../../src/base/mod.ts";
import {
  columnsStart,
  pageCount,
  pageSeed,
  runFlag,
  slotTaggedLength,
  stampPage,
} from "../../../../src/layer/formats/page_format.ts";
import { pageCursor, type StoredLayer } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import { MergeFixture } from "../../../timeline/upkeep/merge/merge_fixture.ts";
import { type Row, walk } from "../../layer_fixture.ts";

const keyBytes = 6;

/** A merged layer of 60 keys of two versions each, some of them alone and one deleted, and its rows. */
async function made(): Promise<{ t: MergeFixture; layer: StoredLayer; rows: Row[]; bytes: Uint8Array }> {
  const batches = [1, 2].map((version) =>
    Array.from({ length: 60 }, (_, i) => {
      const key = `key${100 + i}`;
      if (i === 30 && version === 2) return { key, delete: true as const };
      return { key, value: new Uint8Array(i === 40 ? 5000 : 150).fill(version * 100 + i) };
    })
  );
  const t = await MergeFixture.make([[batches[0]], [batches[1]]]);
  const [layer] = await t.merge(t.layers);
  const rows = await walk(pageCursor(layer), new PageSet(t.t.objects, { keep: false }));
  assertEquals(rows.length, 120);
  return { t, layer, rows, bytes: t.bytesOf(layer) };
}

Deno.test("checkLayer() finds every flipped byte of a merged layer, and names the version whose value it is in", async () => {
  const { t, layer, rows, bytes } = await made(), { valuesEnd } = layer.description;
  for (let at = 0; at < bytes.length; at += at < valuesEnd ? 53 : 211) {
    const damaged = bytes.slice();
    damaged[at] ^= 16;
    await t.replace(layer, damaged);
    const found = await t.findings(layer), row = rows.findLast(({ offset }) => offset <= at);
    assert(found.length > 0, `byte ${at}`);
    if (row === undefined || at < row.offset + 20 + keyBytes || at >= row.offset + row.length) continue;
    assertEquals(found.length, 1, `byte ${at}`);
    const [{ keys, lsns, offset, length }] = found;
    assertEquals([offset, length], [row.offset, row.length]);
    assertEquals([keys?.first.toHex(), keys?.last.toHex(), keys?.versions], [row.key, row.key, 1]);
    assertEquals(lsns, { first: row.lsn, last: row.lsn });
  }
  await t.close();
});

Deno.test("checkLayer() tells how many versions a damaged length costs, and between which keys", async () => {
  const { t, layer, rows, bytes } = await made(), row = rows[25];
  const damaged = bytes.slice();
  damaged[row.offset + 8] ^= 4;
  await t.replace(layer, damaged);
  const [{ keys, offset, length }, ...others] = await t.findings(layer);
  const lost = rows.filter((each) =>
    each.offset >= (offset ?? 0) && each.offset < (offset ?? 0) + (length ?? 0)
  );
  assertEquals(others, []);
  assert(offset === row.offset && lost.length > 1);
  assertEquals(keys?.versions, lost.length);
  assert(
    (keys?.first.toHex() ?? "") <= lost[0].key && (keys?.last.toHex() ?? "") >= lost[lost.length - 1].key,
  );
  await t.close();
});

Deno.test("checkLayer() finds records that stand in each other's places", async () => {
  const { t, layer, rows, bytes } = await made(), [a, b] = [rows[3], rows[9]];
  const damaged = bytes.slice();
  damaged.set(bytes.subarray(a.offset, a.offset + a.length), b.offset);
  damaged.set(bytes.subarray(b.offset, b.offset + b.length), a.offset);
  await t.replace(layer, damaged);
  const expected = (await t.findings(layer)).map(({ error }) => (error as { expected?: string }).expected);
  assert(expected.includes("records in the order of their keys"), expected.join());
  assert(expected.includes("the run that the index leads to"), expected.join());
  await t.close();
});

Deno.test("checkLayer() finds slots that say of their run what is not so, though their page checks", async () => {
  const { t, layer, bytes } = await made(), { valuesEnd, indexPages } = layer.description;
  assertEquals(indexPages, 1);
  const page = bytes.subarray(valuesEnd, valuesEnd + pageBytes), count = pageCount(page);
  const run = Array.from({ length: count }, (_, slot) => slot).find((slot) =>
    slot > 0 && (slotTaggedLength(page, slot) & 3) === runFlag
  ) as number;
  const sums = columnsStart(page) + count * (page[10] + page[11] + page[12]);
  const places = {
    sum: sums + run * page[13],
    "head sum": sums + count * page[13] + run * page[14],
    // The last byte of the key of its slot.
    key: (page[24 + (page[8] | page[9] << 8) + (run + 1) * 2] |
      page[24 + (page[8] | page[9] << 8) + (run + 1) * 2 + 1] << 8) - 1,
  };
  for (const [what, at] of Object.entries(places)) {
    const damaged = bytes.slice(), other = damaged.subarray(valuesEnd, valuesEnd + pageBytes);
    other[at] ^= 1;
    stampPage(other, pageSeed(layer.seed, 0));
    await t.replace(layer, damaged);
    const found = (await t.findings(layer)).map(({ error }) => (error as { expected?: string }).expected);
    assertEquals(found, ["the run that the index leads to"], what);
  }
  await t.close();
});
