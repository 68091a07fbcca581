/** Stores whose layers are merged, beside who reads, verifies and salvages them. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReadOnlyError, salvage, type Store, type Timeline, verifyStore } from "../../mod.ts";
import { collect, patterned } from "./bytes.ts";
import { type Place, test, testEach } from "./matrix.ts";

const block = 4096;

/** Appends batches to three layers and freezes each; returns every version, as `key lsn length`. */
async function fill(timeline: Timeline, layers = 3): Promise<string[]> {
  for (let layer = 0; layer < layers; layer++) {
    for (let i = 1; i <= 20; i++) {
      const n = timeline.lastLsn + 1;
      await timeline.append([
        { key: `k${n % 17}`, value: patterned(n * 7 % 900, n) },
        n % 6 === 0 ? { key: `d${n % 5}`, delete: true } : { key: `d${n % 5}`, value: patterned(n, n) },
      ]);
    }
    await timeline.append([]);
    await timeline.freeze();
  }
  return await versionsOf(timeline);
}

async function versionsOf(timeline: Timeline): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of timeline.scan({ keysOnly: true, deleted: true })) {
    for (const { lsn, value } of await collect(timeline.history(key))) {
      found.push(`${new TextDecoder().decode(key)} ${lsn} ${value?.length ?? "deleted"}`);
    }
  }
  return found;
}

function layerFiles(place: Place): string[] {
  return place.files(/\.(seg|delta)$/).map((path) => path.slice(path.lastIndexOf("/") + 1));
}

async function closeAll(...stores: Store[]): Promise<void> {
  for (const store of stores) await store.close();
}

testEach(
  "Timeline.compact() leaves every version, the last LSN and a whole store",
  async (place) => {
    const store = await place.open(), timeline = store.timeline();
    const versions = await fill(timeline), { lastLsn } = timeline;
    const report = await timeline.compact();
    assertEquals([report.merges, report.inputLayers, report.outputLayers], [1, 3, 1]);
    assertEquals(timeline.layers().map(({ kind }) => kind), ["delta"]);
    assertEquals(await versionsOf(timeline), versions);
    assertEquals(layerFiles(place).length, 1);
    assertEquals(await Array.fromAsync(store.verify()), []);
    await place.close(store);
    assertEquals(await Array.fromAsync(verifyStore(place.path)), []);
    const again = await place.open();
    assertEquals([again.timeline().lastLsn, await versionsOf(again.timeline())], [lastLsn, versions]);
    await again.timeline().append([{ key: "k1", value: "new" }]);
    const more = await again.timeline().compact();
    assertEquals([more.merges, more.inputLayers, more.outputLayers], [1, 2, 1]);
    assertEquals((await versionsOf(again.timeline())).length, versions.length + 1);
    await place.close(again);
  },
);

test("Timeline.compact() keeps what a reader in another process may need, until that is closed", async (place) => {
  const store = await place.open(), versions = await fill(store.timeline());
  const reader = await place.open({ readOnly: true });
  await store.timeline().compact();
  assertEquals(layerFiles(place).length, 4);
  assertEquals(await versionsOf(reader.timeline()), versions);
  const later = await place.open({ readOnly: true });
  assertEquals(later.timeline().layers().map(({ kind }) => kind), ["delta"]);
  await closeAll(reader, later);
  // Another merge takes the leftovers of the one before along.
  await store.timeline().append([{ key: "k1", value: "1" }]);
  await store.timeline().compact();
  assertEquals(layerFiles(place).length, 1);
  await place.close(store);
});

test("Store.open() removes what was merged while somebody read it, once nobody does", async (place) => {
  const store = await place.open(), versions = await fill(store.timeline());
  const reader = await place.open({ readOnly: true });
  await store.timeline().compact();
  await place.close(store);
  const again = await place.open();
  assertEquals(layerFiles(place).length, 4);
  assertEquals(await versionsOf(reader.timeline()), versions);
  await place.close(again);
  await reader.close();
  await place.close(await place.open());
  assertEquals(layerFiles(place).length, 1);
});

test("Timeline.compact() is refused by a store that is read only", async (place) => {
  await place.close(await place.open());
  const reader = await place.open({ readOnly: true });
  await assertRejects(() => reader.timeline().compact(), ReadOnlyError);
  await reader.close();
});

test("Store.verify() and verifyStore() name what is damaged of a merged layer, and what it costs", async (place) => {
  const store = await place.open();
  await fill(store.timeline());
  await store.timeline().compact();
  await place.close(store);
  const [layer] = place.files(/\.delta$/), bytes = Deno.readFileSync(layer);
  bytes[block + 22] ^= 1;
  Deno.writeFileSync(layer, bytes);
  const found = await Array.fromAsync(verifyStore(place.path));
  assertEquals(found.map(({ path, offset, severity }) => [path, offset, severity]), [[
    layer,
    block,
    "damage",
  ]]);
  assertEquals(found[0].keys?.versions, 1);
  const again = await place.open();
  assertEquals((await Array.fromAsync(again.verify())).length, 1);
  await place.close(again);
});

test("salvage() copies merged layers, each version at its LSN, and names what a damaged one costs", async (place) => {
  const old = place.within("old"), store = await old.open(), timeline = store.timeline();
  await fill(timeline);
  await timeline.compact();
  const versions = await fill(timeline, 1);
  await timeline.append([{ key: "last", value: "1" }], { sync: true });
  versions.push(`last ${timeline.lastLsn} 1`);
  await old.close(store);
  const [layer] = old.files(/\.delta$/), bytes = Deno.readFileSync(layer), { length } = bytes;
  const cases: [words: string, change: (bytes: Uint8Array) => void, lost: number][] = [
    ["whole", () => {}, 0],
    ["a record", (bytes) => bytes[block + 22] ^= 1, 1],
    ["a page of the index", (bytes) => bytes[length - 20_380] ^= 1, 0],
    ["the footer", (bytes) => bytes[length - 10] ^= 1, 0],
    ["the header", (bytes) => bytes[10] ^= 1, 0],
  ];
  for (const isNamed of [true, false]) {
    if (!isNamed) { for (const path of old.files(/manifest-/)) Deno.removeSync(path); }
    for (const [words, change, lost] of cases) {
      const changed = bytes.slice(), to = place.within("new");
      change(changed);
      Deno.writeFileSync(layer, changed);
      const { timelines: [found] } = await salvage(old.path, to.path);
      assertEquals([found.lostCount, found.incompleteCount], [lost, lost], words);
      const copy = await to.open();
      const left = await versionsOf(copy.timeline(found.name));
      assertEquals([left.length, left.every((each) => versions.includes(each))], [
        versions.length - lost,
        true,
      ], words);
      await to.close(copy);
      Deno.removeSync(to.path, { recursive: true });
      assert(
        found.lost.every(({ path, offset, lsns }) =>
          path === layer && offset === block && lsns !== undefined
        ),
      );
    }
  }
});
