/** Manifests and index pages that check and say what cannot be, one lie at a time. */

import { lose } from "../../../src/sim/mod.ts";
import { timelineName } from "../../../src/objects/object_id.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, LimitError, type Timeline } from "../../../mod.ts";
import { pageBytes } from "../../../src/base/mod.ts";
import { fileSeed } from "../../../src/layer/formats/file_seed.ts";
import {
  columnsStart,
  pageCount,
  pageLevel,
  pageSeed,
  putUint,
  stampPage,
} from "../../../src/layer/formats/page_format.ts";
import { decodeFooter, type LayerDescription } from "../../../src/layer/mod.ts";
import { codeState } from "../../../src/manifest/codec.ts";
import { Coder } from "../../../src/manifest/coder.ts";
import type { SegmentDescription, StoreState, TimelineState } from "../../../src/manifest/mod.ts";
import { readManifest } from "../../../src/manifest/read_manifest.ts";
import { noTurns } from "../../manifest/memory_root.ts";
import { collect } from "../../store/bytes.ts";
import { deadline } from "../../deadline.ts";
import { block, type Disk, type Golden, isManifestPath, makeGolden, openOn } from "./golden.ts";
import { framed } from "./manifest_parsers.ts";

const mostMilliseconds = 20_000;
const { closed } = await makeGolden(7);
const manifest = closed.disk.paths().filter(isManifestPath).at(-1)!;

/** Reads a timeline in every way; returns why reads failed. */
async function failuresOf(timeline: Timeline): Promise<unknown[]> {
  const keys = [...closed.timelines[0].keys.keys()];
  const reads = [
    ...keys.map((key) => timeline.get(key)),
    timeline.getMany(keys),
    collect(timeline.scan()),
    collect(timeline.scan({ reverse: true })),
    timeline.count(),
    collect(timeline.history(keys[0])),
  ];
  const settled = await deadline(Promise.allSettled(reads), mostMilliseconds);
  return settled.flatMap((read) => read.status === "rejected" ? [read.reason] : []);
}

/** Reads the main timeline of a disk; every failure is a `CorruptionError` of this file. */
async function assertDamaged(disk: Disk, path: string): Promise<void> {
  await using store = await openOn(disk, true);
  const failures = await failuresOf(store.timeline());
  assert(failures.length > 0, "a read fails");
  for (const failure of failures) {
    assert(failure instanceof CorruptionError, `${failure}`);
    assertEquals(failure.path, path);
  }
}

/** The disk with a manifest that says something else. */
async function lying(change: (state: StoreState) => StoreState): Promise<Disk> {
  const disk = closed.disk.clone(), version = Number(manifest.slice(-12)), writer = Coder.writer();
  const { state } = await readManifest(manifest, disk.contents(manifest), version, noTurns);
  await codeState(writer, noTurns, change(state));
  disk.put(manifest, framed([writer.written], undefined, state));
  return disk;
}

function withMain(state: StoreState, change: (main: TimelineState) => Partial<TimelineState>): StoreState {
  const [main, ...others] = state.timelines;
  return { ...state, timelines: [{ ...main, ...change(main) }, ...others] };
}

/** Another first layer, whose length agrees with what it says. */
function withLayer(
  state: StoreState,
  change: (layer: LayerDescription) => Partial<LayerDescription>,
): StoreState {
  return withMain(state, ({ layers: [layer, ...others] }) => {
    const changed = { ...layer, ...change(layer) }, { valuesEnd, indexPages, filterPages } = changed;
    const byteLength = valuesEnd + (indexPages + filterPages) * pageBytes + block;
    return { layers: [{ ...changed, byteLength }, ...others] };
  });
}

const most = 2 ** 32 - 1;
const layerLies: readonly [words: string, change: (layer: LayerDescription) => Partial<LayerDescription>][] =
  [
    ["values that end a block further", ({ valuesEnd }) => ({ valuesEnd: valuesEnd + block })],
    ["values that end a block before", ({ valuesEnd }) => ({ valuesEnd: valuesEnd - block })],
    ["values of 2^52 bytes", () => ({ valuesEnd: 2 ** 52 })],
    ["2^32 − 1 pages of its index", () => ({ indexPages: most, leafPages: 2, height: 32 })],
    ["2^32 − 1 pages of its filter", () => ({ filterPages: most })],
    ["no filter", () => ({ filterPages: 0 })],
    ["another file's id", ({ fileId }) => ({ fileId: fileId - 1 })],
    ["2^32 − 1 versions", () => ({ versions: most })],
  ];

for (const [words, change] of layerLies) {
  Deno.test(`Timeline refuses a layer of which the manifest says ${words}`, async () => {
    const disk = await lying((state) => withLayer(state, change));
    const [path] = closed.disk.paths().filter((each) => each.startsWith(closed.timelines[0].directory));
    await assertDamaged(disk, path);
  });
}

function witnessed(offset: number, lsn: number): (state: StoreState) => StoreState {
  return (state) =>
    withMain(state, ({ segments }) => ({
      segments: segments.map((segment): SegmentDescription => ({
        ...segment,
        witness: { offset, lsn, isEnd: true },
      })),
    }));
}

const storeLies: readonly [words: string, change: (state: StoreState) => StoreState][] = [
  ["a segment that ends at 2^53 − 1", witnessed(2 ** 53 - 1, 1)],
  ["history to LSN 2^53 − 1", witnessed(block, 2 ** 53 - 1)],
  ["a timeline of another id", (state) => withMain(state, ({ id }) => ({ id: id - 1 }))],
  ["layers of one timeline in another", (state) => {
    const [main, side] = state.timelines;
    return { ...state, timelines: [{ ...main, id: side.id }, { ...side, id: main.id }] };
  }],
];

for (const [words, change] of storeLies) {
  Deno.test(`Store.open() refuses a manifest that says ${words}`, async () => {
    const disk = await lying(change), paths = disk.paths();
    for (const readOnly of [true, false]) {
      await assertRejects(() => deadline(openOn(disk, readOnly), mostMilliseconds), CorruptionError);
    }
    assertEquals(
      disk.paths().filter((path) => path.endsWith(".seg")),
      paths.filter((path) => path.endsWith(".seg")),
    );
  });
}

Deno.test("Store.open() takes names of timelines for names, whatever is in them", async () => {
  const names = ["__proto__", "constructor", "../../outside", "a/b", "\0", "lock", "x".repeat(128)];
  const disk = await lying((state) => {
    const others = names.map((name, i) => ({
      ...state.timelines[0],
      id: i + 1,
      name,
      layers: [],
      segments: [],
    }));
    return { ...state, timelines: [...state.timelines, ...others] };
  });
  for (let id = 1; id <= names.length; id++) {
    const made = `/disk/store/${timelineName(id)}/made`;
    disk.put(made, new Uint8Array());
    lose(disk, made);
  }
  const store = await openOn(disk);
  for (const name of names) {
    await store.timeline(name).append([{ key: "__proto__", value: name }], { sync: true });
    assertEquals(await store.timeline(name).get("__proto__"), new TextEncoder().encode(name));
  }
  assertEquals(store.timelines().map(({ name }) => name), ["main", "side", ...names]);
  await store.close();
  const pattern =
    /^\/disk\/store\/(lock|manifest-\d{12}|[0-9a-f]{16}\/[0-9a-f]{14}-[0-9a-f]{8}-[0-9a-f]{8}\.(seg|delta))$/;
  assertEquals(disk.paths().filter((path) => !pattern.test(path)), []);
});

Deno.test("Store.open() says so when there is no generation left, and reads all the same", async () => {
  const disk = await lying((state) => ({ ...state, generation: 2 ** 32 - 1 }));
  await assertRejects(() => openOn(disk), LimitError, "it was opened for writing 4294967295 times");
  await using store = await openOn(disk, true);
  assertEquals(await failuresOf(store.timeline()), []);
});

Deno.test("Timeline.append() says so when a timeline has had all files, and reads all the same", async () => {
  const disk = await lying((state) => withMain(state, () => ({ nextSequence: 2 ** 32 - 2 })));
  await using store = await openOn(disk);
  const timeline = store.timeline();
  // A segment that was open when the store was closed goes on, and takes no number.
  const appendAndSeal = async () => {
    await timeline.append([{ key: "last", value: "1" }], { sync: true });
    await timeline.freeze();
  };
  await appendAndSeal();
  await appendAndSeal().catch((error) => assertInstanceOf(error, LimitError));
  const { lastLsn } = timeline;
  for (let attempt = 0; attempt < 2; attempt++) {
    await assertRejects(
      () => timeline.append([{ key: "a", value: "" }]),
      LimitError,
      "it has had 4294967294 files",
    );
  }
  assertEquals([timeline.lastLsn, timeline.durableLsn], [lastLsn, lastLsn]);
  assertEquals((await timeline.get("last"))?.length, 1);
});

/** The first layer of several pages, with a page that is changed and checks. */
function withPage({ disk }: Golden, number: number, change: (page: Uint8Array) => void): [Disk, string] {
  const [path] = disk.paths().filter((each) => each.startsWith(closed.timelines[0].directory));
  const bytes = disk.contents(path),
    { valuesEnd, fileId, indexPages } = decodeFooter(bytes.subarray(-block))!;
  const at = (number + indexPages) % indexPages, start = valuesEnd + at * pageBytes;
  const page = bytes.subarray(start, start + pageBytes);
  change(page);
  stampPage(page, pageSeed(fileSeed(fileId), at));
  const changed = disk.clone();
  changed.put(path, bytes);
  return [changed, path];
}

/** Sets the offsets of all slots: the pages below, or where records lie. */
function setOffsets(page: Uint8Array, offset: number): void {
  const count = pageCount(page), start = columnsStart(page) + count * page[10];
  for (let slot = 0; slot < count; slot++) putUint(page, start + slot * page[11], page[11], offset);
}

const root = -1, leaf = 0;
const pageLies: readonly [words: string, page: number, change: (page: Uint8Array) => void][] = [
  ["leads to itself", root, (page) => setOffsets(page, 3)],
  ["leads behind the index", root, (page) => setOffsets(page, 255)],
  ["leads into the header", leaf, (page) => setOffsets(page, 0)],
  ["leads to records that are another key's", leaf, (page) => setOffsets(page, block)],
  ["leads behind the values", leaf, (page) => setOffsets(page, 65535)],
  ["is said to be a leaf", root, (page) => page[5] = 0],
  ["is said to stand above leaves", leaf, (page) => page[5] = 1],
  ["is said to stand far above", root, (page) => page[5] = 255],
  ["has no slots", root, (page) => page.fill(0, 6, 8)],
  ["has more slots than there is room for", leaf, (page) => page.fill(255, 6, 8)],
  ["has a prefix that is longer than it", leaf, (page) => page.fill(255, 8, 10)],
  ["has LSNs over 2^53", leaf, (page) => page.fill(255, 16, 23)],
];

for (const [words, number, change] of pageLies) {
  Deno.test(`Timeline refuses a page of an index that ${words}`, async () => {
    const [disk, path] = withPage(closed, number, (page) => {
      assertEquals(pageLevel(page), number === root ? 1 : 0);
      change(page);
    });
    await assertDamaged(disk, path);
  });
}

Deno.test("Timeline ends when all slots of a page lead to the same leaf", async () => {
  const [disk] = withPage(closed, root, (page) => setOffsets(page, 1));
  await using store = await openOn(disk, true);
  for (const failure of await failuresOf(store.timeline())) {
    assert(failure instanceof CorruptionError, `${failure}`);
  }
});
