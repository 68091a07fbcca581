/** Images: what a merge makes of the floor of a horizon, and how reads end there. */

import { assert, assertEquals } from "@std/assert";
import { LayerMap, pageCursor, readRecordHeader, type StoredLayer } from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import { Lookup } from "../../../../src/timeline/read/lookup.ts";
import { apart } from "../../../../src/timeline/read/records/copies.ts";
import { WarmGet } from "../../../../src/timeline/read/warm_get.ts";
import { ValueTrials } from "../../../../src/timeline/upkeep/merge/image_values.ts";
import { columnLevel } from "../../../../src/timeline/upkeep/plan/levels.ts";
import { walk } from "../../../layer/layer_fixture.ts";
import { Random } from "../../../random.ts";
import { patterned } from "../../../store/bytes.ts";
import { noTurns } from "../../read/layers.ts";
import { MergeFixture, put, times } from "./merge_fixture.ts";

const KiB = 1024;
const lengths = [0, 1, 2047, 2048, 2049, 8 * KiB, 64 * KiB, 256 * KiB + 1, 2048 * KiB];

/** The records of a layer: length of the value as it stands there, and flags. */
async function recordsOf(t: MergeFixture, layer: StoredLayer): Promise<{ length: number; flags: number }[]> {
  const bytes = t.bytesOf(layer), view = new DataView(bytes.buffer);
  const rows = await walk(pageCursor(layer), new PageSet(t.t.objects, { keep: false }));
  return rows.map(({ offset }) => {
    const header = readRecordHeader(view, offset);
    return { length: header?.valueLength ?? -1, flags: header?.flags ?? -1 };
  });
}

Deno.test("an image has its values compressed where that makes them smaller, and merging it again copies them", async () => {
  const random = new Random(1), noise = random.bytes(8 * KiB);
  const values = [...lengths.map((length, i) => patterned(length, i)), noise];
  const t = await MergeFixture.make([values.map((value, i) => [put(`k${i}`, value)]), [[put("k0", "new")]]]);
  const retention = { horizon: values.length, isOldest: true };
  const [image] = await t.merge(t.layers, { retention, imageLsn: 9 });
  assertEquals([image.description.kind, image.description.imageLsn], ["image", 9]);
  assertEquals(await t.findings(image), []);
  const found = await recordsOf(t, image);
  // The newest of the first key is newer than the horizon.
  assertEquals(found.length, values.length + 1);
  const old = [found[0], ...found.slice(2)];
  old.forEach(({ length, flags }, i) => {
    const isCompressed = values[i].length >= 2048 && values[i] !== noise;
    assertEquals((flags & 2) !== 0, isCompressed, `${values[i].length} bytes`);
    if (isCompressed) assert(length <= values[i].length * 7 / 8);
    else assertEquals(length, values[i].length);
  });
  const [again] = await t.merge([image]);
  assertEquals([again.description.kind, again.description.imageLsn], ["delta", 0]);
  const [ofImage, ofDelta] = [await t.versionsOf(image), await t.versionsOf(again)];
  assertEquals(ofDelta, ofImage, "byte for byte but for the checksum");
  assertEquals(await t.findings(again), []);
  await t.close();
});

Deno.test("ValueTrials tries all, behind 16 in vain one of 16, and all again behind one that is worth it", () => {
  const trials = new ValueTrials();
  const triedOf = (count: number, isWorth: boolean) =>
    Array.from({ length: count }, (_, i) => i).filter(() => {
      const isTried = trials.next();
      if (isTried) trials.tried(isWorth);
      return isTried;
    });
  assertEquals(triedOf(15, false).length, 15);
  assertEquals(triedOf(1, true).length, 1);
  assertEquals(triedOf(16, false).length, 16);
  assertEquals(triedOf(64, false), [15, 31, 47, 63]);
  assertEquals(triedOf(20, true), [15, 16, 17, 18, 19]);
  assertEquals(triedOf(17, false).length, 16);
});

Deno.test("an image of noise has few values tried, and those behind it that shrink are found again", async () => {
  const random = new Random(2),
    noise = times(200, () => random.bytes(4 * KiB)),
    text = times(40, (i) => patterned(4 * KiB, i));
  const keyOf = (i: number) => `k${String(i).padStart(3, "0")}`;
  const t = await MergeFixture.make(
    [[...noise, ...text].map((value, i) => put(keyOf(i), value))].map((batch) => [batch]),
  );
  const retention = { horizon: 1, isOldest: true };
  const [image] = await t.merge(t.layers, { retention, imageLsn: 1 });
  const flags = (await recordsOf(t, image)).map(({ flags }) => (flags & 2) !== 0);
  assertEquals(flags.slice(0, 200).includes(true), false);
  const first = flags.indexOf(true);
  assert(first >= 200 && first < 216, `${first}`);
  assert(flags.slice(first).every((isCompressed) => isCompressed));
  // Merging it again goes on with those that were passed over.
  const [again] = await t.merge([image], { retention, imageLsn: 1 });
  assertEquals(await t.findings(again), []);
  await t.close();
});

Deno.test("mergeLayers() makes no images of columns, nor of what has no versions", async () => {
  const t = await MergeFixture.make([times(40, (i) => [put("hot", patterned(4 * KiB, i))])]);
  const retention = { horizon: 20, isOldest: true };
  const outputs = await t.merge(t.layers, { retention, imageLsn: 20, columnBytes: 20 * KiB });
  const kinds = outputs.map((
    { description: { kind, sequence } },
  ) => [kind, t.levels.get(sequence) === columnLevel]);
  assertEquals(kinds[0], ["image", false]);
  assert(kinds.length > 2 && kinds.slice(1).every(([kind, isColumn]) => kind === "delta" && isColumn));
  await t.add([[{ key: "gone", delete: true }]]);
  const [blank] = await t.merge(t.layers.slice(1), {
    retention: { horizon: 99, isOldest: true },
    imageLsn: 99,
  });
  assertEquals([blank.description.kind, blank.description.versions], ["delta", 0]);
  await t.close();
});

Deno.test("reads end at an image, also of keys that it does not have", async () => {
  // The first layer stands for what must not come back: no merge leaves such a layer beside an image.
  const t = await MergeFixture.make([
    [[put("a", "a1"), put("b", "b1"), put("c", "c1")]],
    [[put("a", "a2")], [put("c", "c3")], [put("a", "a4")]],
  ]);
  const [stale, rest] = t.layers;
  const [image] = await t.merge([rest], { retention: { horizon: 3, isOldest: true }, imageLsn: 3 });
  const [delta] = await t.merge([rest], { retention: { horizon: 3, isOldest: true } });
  const keys = ["a", "b", "c"].map((key) => new TextEncoder().encode(key));
  const read = async (layers: readonly StoredLayer[], lsn: number) => {
    const map = LayerMap.empty.edit({ add: layers }), lookup = new Lookup([{ map, lsn }], keys, apart);
    const pages = new PageSet(t.t.objects);
    while (lookup.advance(pages, noTurns) !== "done") await pages.fetch();
    const warm = new WarmGet(t.t.objects);
    return keys.map((key, i) => {
      const lsnOf = lookup.places.newestOf(i) < 0 ? 0 : lookup.places.lsnOf(i),
        value = warm.find({ map, older: undefined }, lsn, key);
      if (layers.includes(image)) {
        assert(typeof value !== "symbol", "pages are in the cache");
        assertEquals(warm.lsn ?? 0, lsnOf);
      }
      return lsnOf;
    });
  };
  for (const layers of [[stale, image], [image, stale]]) {
    assertEquals(await read(layers, 4), [4, 0, 3]);
    assertEquals(await read(layers, 3), [2, 0, 3]);
  }
  assertEquals(
    await read([stale, delta], 4),
    [4, 1, 3],
    "a delta says nothing of keys that it does not have",
  );
  await t.close();
});
