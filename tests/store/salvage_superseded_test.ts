/** A salvage without a manifest, where files that images have taken the place of are still there. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { salvage, type Store, type Timeline } from "../../mod.ts";
import { type FoundImage, Superseded } from "../../src/store/salvage/superseded.ts";
import { Random } from "../random.ts";
import { collect, patterned } from "./bytes.ts";
import { HookedEngine } from "./hooked_engine.ts";
import { type Place, test } from "./matrix.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

function image(range: string, imageLsn: number, sequence: number): FoundImage {
  const [firstKey, lastKey] = range.split("–").map((key) => encoder.encode(key));
  return { firstKey, lastKey, imageLsn, sequence };
}

Deno.test("Superseded knows what images have taken the place of, and what stands in the newest of them", () => {
  const images = [image("d–h", 10, 5), image("a–e", 20, 6), image("x–z", 20, 7), image("x–y", 20, 9)];
  const superseded = new Superseded(images), layer = { imageLsn: 0, sequence: 8 };
  const cases: [key: string, lsn: number, by: { imageLsn: number; sequence: number }, isGone: boolean][] = [
    ["a", 20, layer, true],
    ["a", 21, layer, false],
    ["0", 1, layer, false],
    ["e", 20, layer, true],
    ["e0", 11, layer, false],
    ["e0", 10, layer, true],
    ["h0", 1, layer, false],
    ["i", 1, layer, false],
    ["z", 20, layer, true],
    ["zz", 1, layer, false],
    // Images: the newer one has what it took over, also below the LSN of the older one.
    ["d", 9, images[0], true],
    ["d", 9, images[1], false],
    ["f", 9, images[0], false],
    ["y", 20, images[2], true],
    ["y", 20, images[3], false],
    ["z", 20, images[2], false],
  ];
  for (const [key, lsn, by, isGone] of cases) {
    assertEquals(superseded.has(encoder.encode(key), lsn, by), isGone, `${key}@${lsn} of ${by.sequence}`);
  }
  assert(!new Superseded([]).has(encoder.encode("a"), 1, layer));
});

const options = { history: { lsns: 4 } };

/** What there is in the end, and every version above the horizon, as text. */
async function versionsOf(timeline: Timeline): Promise<string[]> {
  const versions: string[] = [];
  for await (const { key, lsn, value } of timeline.scan()) {
    versions.push(`${decoder.decode(key)}@${lsn} ${value.length} in the end`);
  }
  for await (const { key } of timeline.scan({ keysOnly: true, deleted: true })) {
    for (const { lsn, value } of await collect(timeline.history(key))) {
      versions.push(`${decoder.decode(key)}@${lsn} ${value?.length}`);
    }
  }
  return versions.sort();
}

/** Salvages what lies at a place, without a manifest; what there was, and its horizon. */
async function salvaged(place: Place): Promise<{ versions: string[]; horizon: number }> {
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  const to = place.within("salvaged"), { timelines } = await salvage(place.path, `${place.path}_salvaged`);
  const [{ name, lost, incomplete }] = timelines;
  assertEquals([timelines.length, lost, incomplete], [1, [], []]);
  Deno.renameSync(`${place.path}_salvaged`, to.path);
  const store = await to.open(), timeline = store.timeline(name);
  const versions = await versionsOf(timeline);
  const horizon = store.timelines().find((info) => info.name === name)!.horizon;
  await to.close(store);
  return { versions, horizon };
}

/** Puts, overwrites and deletes, and merges; in front of each merge, and in the end, the files are taken. */
async function fill(store: Store): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const timeline = store.timeline(), files = new Map<string, Uint8Array<ArrayBuffer>>();
  const take = () => {
    for (const { path, kind } of timeline.layers()) {
      if (kind !== "open" && kind !== "frozen") files.set(path, Deno.readFileSync(path));
    }
  };
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 12; i++) {
      // Large ones are compressed in images.
      const value = new Uint8Array(i === 7 ? 3_000_000 : 10 + round);
      if (round === 2 && i === 0) await timeline.append([{ key: "c gone", delete: true }]);
      await timeline.append([{ key: `k${i}`, value }, { key: `b${i}`, value: patterned(50, i) }]);
    }
    // What is deleted below the horizon is gone in the end, with its tombstone.
    if (round < 2) await timeline.append([{ key: "c gone", value: "1" }]);
    await timeline.append([{ key: `k${round}`, delete: true }, { key: "k9", delete: true }]);
    await timeline.freeze();
    take();
    await timeline.compact();
  }
  await timeline.append([{ key: "k9", value: "again" }], { sync: true });
  return files;
}

test("salvage() without a manifest takes what lies under an image that is damaged", async (place) => {
  const store = await place.open({ ...options, upkeep: "manual" }), timeline = store.timeline();
  const keys = Array.from({ length: 200 }, (_, i) => `k${1000 + i}`);
  for (const key of keys) await timeline.append([{ key, value: patterned(200, 1) }]);
  for (let i = 0; i < 10; i++) await timeline.append([{ key: keys[0], value: "x" }]);
  await timeline.freeze();
  const merged = timeline.layers().filter(({ kind }) => kind === "L0").map(({ path }) => path);
  const files = merged.map((path) => [path, Deno.readFileSync(path)] as const);
  await timeline.compact();
  const image = timeline.layers().find(({ kind }) => kind === "image")!.path;
  await place.close(store);
  for (const [path, bytes] of files) Deno.writeFileSync(path, bytes);
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  // As if the middle of it had never reached the disk.
  Deno.writeFileSync(image, Deno.readFileSync(image).fill(0, 8192, 20480));
  const to = place.within("salvaged");
  await salvage(place.path, `${place.path}_salvaged`);
  Deno.renameSync(`${place.path}_salvaged`, to.path);
  const found = await to.open(), [{ name }] = found.timelines().filter(({ lastLsn }) => lastLsn > 0);
  assertEquals((await collect(found.timeline(name).scan())).map(({ key }) => decoder.decode(key)), keys);
  await to.close(found);
});

test("salvage() without a manifest asks its signal while it looks through images", async (place) => {
  const old = place.within("old"), store = await old.open(options), timeline = store.timeline();
  const random = new Random(5);
  for (let i = 0; i < 32; i++) await timeline.append([{ key: `k${i}`, value: random.bytes(1 << 19) }]);
  for (let i = 0; i < 10; i++) await timeline.append([{ key: "k0", value: "x" }]);
  await timeline.freeze();
  await timeline.compact();
  await old.close(store);
  for (const path of old.files(/manifest-/)) Deno.removeSync(path);
  await using engine = new HookedEngine();
  // Its header, then its header again as it is looked through, then records by the megabyte.
  for (const first of [1, 3, 8]) {
    const controller = new AbortController(), to = `${place.path}/new${first}`;
    let reads = 0;
    engine.hook = (operation, path) => {
      if (operation !== "read" || !path.endsWith(".image") || ++reads !== first) return;
      controller.abort(new Error("enough"));
    };
    const salvaging = () => salvage(old.path, to, { ioEngine: engine, signal: controller.signal });
    await assertRejects(salvaging, Error, "enough");
    // What is read ahead comes to its end.
    assert(reads >= first && reads <= first + 3, `${reads} reads, stopped at ${first}`);
  }
});

test("salvage() without a manifest leaves out what images have taken the place of", async (place) => {
  const store = await place.open(options), files = await fill(store), timeline = store.timeline();
  const merged = new Set(timeline.layers().map(({ path }) => path));
  assert(timeline.layers().some(({ kind }) => kind === "image"));
  await place.close(store);
  await using alone = await place.copy();
  const expected = await salvaged(alone);
  assert(expected.horizon > 0 && expected.versions.some((version) => version.startsWith("k7@")));
  const left = [...files].filter(([path]) => !merged.has(path));
  assertEquals(left.map(([path]) => path.replace(/.*\./, "")), ["seg", "seg", "image", "seg", "image"]);
  // Each by itself, and all of them.
  for (const some of [...left.map((file) => [file]), left]) {
    await using again = await place.copy();
    for (const [path, bytes] of some) Deno.writeFileSync(path.replace(place.path, again.path), bytes);
    assertEquals(await salvaged(again), expected, some.map(([path]) => path).join());
  }
});
