/** Histories over layers made by hand. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CorruptionError } from "../../../src/base/mod.ts";
import type { StoredLayer } from "../../../src/layer/mod.ts";
import { groupByLsn } from "../../../src/timeline/read/history.ts";
import {
  type HistoryPlan,
  MemoryVersions,
  StoredVersions,
  type VersionWindow,
} from "../../../src/timeline/read/history_versions.ts";
import { bytesOf, memoryLayer, noTurns, TestLayers } from "./layers.ts";

function planOf(from: number, to: number, key = "b", reverse = false): HistoryPlan {
  return { key: bytesOf(key), from, to, reverse, limit: Infinity };
}

/** Takes windows to the end; returns the versions of each, such as `1 3x`. */
async function windowsOf(part: StoredVersions | MemoryVersions, pages: TestLayers): Promise<string[]> {
  const windows: string[] = [];
  const wordsOf = ({ places, count }: VersionWindow) =>
    Array.from({ length: count }, (_, i) => `${places.lsnOf(i)}${places.isTombstone(i) ? "x" : ""}`);
  do {
    for (let state = part.advance(pages, noTurns); state !== "done"; state = part.advance(pages, noTurns)) {
      await pages.fetch();
    }
    windows.push(wordsOf(part.window).join(" "));
    part.window = new (part.window.constructor as typeof VersionWindow)();
  } while (!part.ended);
  return windows;
}

const cases: [name: string, layers: string[], from: number, to: number, versions: string][] = [
  ["no layer has the key", ["a@1 c@2", "a@3 c@4"], 1, 9, ""],
  ["one layer has it", ["a@1 b@2 b@3x b@7 c@2"], 1, 9, "2 3x 7"],
  ["only some versions count", ["b@1 b@2 b@3x b@7 b@9"], 2, 7, "2 3x 7"],
  ["no version counts", ["b@1 b@9"], 2, 8, ""],
  ["several layers have it", ["b@1 b@2", "a@3 c@4", "b@5x b@6", "b@9"], 2, 8, "2 5x 6"],
  ["layers overlap in LSN", ["b@1 b@6x b@9", "b@2 b@8", "b@3 b@7"], 1, 8, "1 2 3 6x 7 8"],
  ["a version stands in two layers", ["b@1 b@2 b@5~", "b@2 b@5 b@7"], 1, 9, "1 2 5 7"],
];

for (const [name, texts, from, to, expected] of cases) {
  Deno.test(`StoredVersions gives the versions from old to new when ${name}`, async () => {
    const pages = new TestLayers();
    const layers = await Promise.all(texts.map((text) => pages.store(text)));
    const windows = await windowsOf(new StoredVersions(layers, planOf(from, to)), pages);
    assertEquals(windows, [expected]);
    const fetched = pages.fetched.flat();
    assertEquals(fetched.length, new Set(fetched).size, "a page is read once");
    const backwards = await windowsOf(new StoredVersions(layers, planOf(from, to, "b", true)), pages);
    assertEquals(backwards, [expected.split(" ").reverse().join(" ")]);
  });
}

Deno.test("StoredVersions gives a window at a time when a key has thousands of versions", async () => {
  const pages = new TestLayers();
  const all = Array.from({ length: 5000 }, (_, i) => ({ key: "b", lsn: i + 1, flags: 1 }));
  const layers = [
    await pages.store(all.filter((_, i) => i % 3 > 0)),
    await pages.store(all.filter((_, i) => i % 3 === 0)),
  ];
  const windows = await windowsOf(new StoredVersions(layers, planOf(10, 4990)), pages);
  assertEquals(windows.join(" ").split(" ").map(Number), all.slice(9, 4990).map(({ lsn }) => lsn));
  for (const window of windows) assert(window.split(" ").length <= 1024);
});

Deno.test("StoredVersions reads no index of layers whose filter excuses them", async () => {
  const pages = new TestLayers();
  const layers: StoredLayer[] = [];
  for (let i = 0; i < 30; i++) layers.push(await pages.store(`a@${i * 10 + 1} c@${i * 10 + 2}`));
  layers.push(await pages.store("b@500"));
  const windows = await windowsOf(new StoredVersions(layers, planOf(1, 999)), pages);
  assertEquals(windows, ["500"]);
  // Filters may err for one in a hundred.
  assert(pages.count <= 31 + 1 + 3, `${pages.count} pages`);
  assert(pages.rounds <= 3, `${pages.rounds} rounds`);
});

Deno.test("StoredVersions throws the damage that it meets", async () => {
  const pages = new TestLayers();
  const layers = [await pages.store("b@1"), await pages.store("b@2")];
  pages.damage(layers[1], layers[1].description.indexPages);
  const part = new StoredVersions(layers, planOf(1, 9));
  assertEquals(part.advance(pages, noTurns), "needs pages");
  await pages.fetch();
  assertThrows(() => part.advance(pages, noTurns), CorruptionError);
});

Deno.test("MemoryVersions gives the versions from old to new", async () => {
  const layer = memoryLayer("b@1 a@2 b@3x c@4 b@5 b@6");
  const all: [number, number, string][] = [[1, 9, "1 3x 5 6"], [2, 5, "3x 5"], [1, 1, "1"], [2, 2, ""], [
    7,
    9,
    "",
  ]];
  for (const [from, to, expected] of all) {
    const none = new TestLayers();
    assertEquals(await windowsOf(new MemoryVersions(layer, planOf(from, to)), none), [expected]);
    const backwards = await windowsOf(new MemoryVersions(layer, planOf(from, to, "b", true)), none);
    assertEquals(backwards, [expected.split(" ").reverse().join(" ")]);
  }
  assertEquals(await windowsOf(new MemoryVersions(layer, planOf(1, 9, "d")), new TestLayers()), [""]);
});

Deno.test("MemoryVersions gives a window at a time when a key has thousands of versions", async () => {
  for (const count of [1023, 1024, 1025, 5000]) {
    const layer = memoryLayer(Array.from({ length: count }, (_, i) => `b@${i + 1}`).join(" "));
    const windows = await windowsOf(new MemoryVersions(layer, planOf(3, count - 1)), new TestLayers());
    assertEquals(
      windows.join(" ").split(" ").map(Number),
      Array.from({ length: count - 3 }, (_, i) => i + 3),
    );
    const backwards = await windowsOf(
      new MemoryVersions(layer, planOf(3, count - 1, "b", true)),
      new TestLayers(),
    );
    assertEquals(backwards.join(" "), windows.join(" ").split(" ").reverse().join(" "));
    for (const window of [...windows, ...backwards]) assert(window.split(" ").length <= 1024);
  }
});

Deno.test("MemoryVersions lets the event loop turn on its way to the oldest version", () => {
  const layer = memoryLayer(Array.from({ length: 5000 }, (_, i) => `b@${i + 1}`).join(" "));
  const part = new MemoryVersions(layer, planOf(1, 5000));
  let turns = 0, asked = 0;
  const busy = { ...noTurns, due: () => ++asked % 2 === 0 };
  while (part.advance(new TestLayers(), busy) !== "done") turns++;
  assert(turns >= 5, `${turns} turns`);
  assertEquals(part.window.places.lsnOf(0), 1);
});

const groupings: [name: string, lsns: [number, number][], size: number, groups: [number, number][][]][] = [
  ["there are none", [], 2, []],
  ["they do not overlap", [[1, 2], [3, 4], [5, 6]], 1, [[[1, 2]], [[3, 4]], [[5, 6]]]],
  ["a group may take more in", [[5, 6], [1, 2], [3, 4]], 2, [[[1, 2], [3, 4]], [[5, 6]]]],
  ["they overlap", [[1, 5], [2, 3], [5, 6], [7, 8]], 1, [[[1, 5], [2, 3], [5, 6]], [[7, 8]]]],
  ["one covers the others", [[1, 9], [2, 3], [4, 5], [10, 11]], 1, [[[1, 9], [2, 3], [4, 5]], [[10, 11]]]],
];

for (const [name, lsns, size, expected] of groupings) {
  Deno.test(`groupByLsn() groups layers when ${name}`, async () => {
    const pages = new TestLayers();
    const layers = await Promise.all(
      lsns.map(([firstLsn, lastLsn]) => pages.store(`b@${firstLsn}`, { lastLsn })),
    );
    const groups = groupByLsn(layers, size);
    assertEquals(
      groups.map((group) => group.map(({ description }) => [description.firstLsn, description.lastLsn])),
      expected,
    );
  });
}
