/** Lookups over layers made by hand: what is found, how many rounds that takes, and which pages are read. */

import { assert, assertEquals } from "@std/assert";
import { LayerMap, type MemoryLayer, type StoredLayer } from "../../../src/layer/mod.ts";
import type { Level } from "../../../src/timeline/read/levels.ts";
import { apart } from "../../../src/timeline/read/records/copies.ts";
import { Lookup } from "../../../src/timeline/read/lookup.ts";
import { Random, seeds } from "../../random.ts";
import { bytesOf, listOf, memoryLayer, noTurns, TestLayers, type TestVersion } from "./layers.ts";

/** Looks keys up, and returns their lists. */
async function lookUp(
  pages: TestLayers,
  map: LayerMap,
  keys: readonly string[],
  lsn: number,
): Promise<string[]> {
  const lookup = new Lookup([{ map, lsn }], keys.map(bytesOf), apart);
  while (lookup.advance(pages, noTurns) !== "done") await pages.fetch();
  return keys.map((_, key) => listOf(lookup.places, key));
}

function mapOf(stored: readonly StoredLayer[], memory: readonly MemoryLayer[] = []): LayerMap {
  return LayerMap.empty.edit({ add: stored, memory });
}

interface Case {
  readonly name: string;
  /** Stored layers, in any order. */
  readonly stored?: readonly string[];
  /** Layers in memory, newest first. */
  readonly memory?: readonly string[];
  /** What `a`, `b` and `c` are found to be, by the LSN they are read as of. */
  readonly found: Readonly<Record<number, readonly [a: string, b: string, c: string]>>;
}

const cases: Case[] = [
  { name: "there are no layers", found: { 9: ["absent", "absent", "absent"] } },
  {
    name: "one stored layer has them",
    stored: ["a@1 a@4 b@3x"],
    found: {
      0: ["absent", "absent", "absent"],
      1: ["1", "absent", "absent"],
      3: ["1", "3x", "absent"],
      9: ["4", "3x", "absent"],
    },
  },
  {
    name: "newer stored layers hide older ones",
    stored: ["a@1 b@2 c@3", "a@5x c@6", "b@8"],
    found: { 4: ["1", "2", "3"], 7: ["5x", "2", "6"], 9: ["5x", "8", "6"] },
  },
  {
    name: "stored layers overlap in LSN",
    stored: ["a@1 b@9", "a@5 b@2", "a@3 b@4 c@7"],
    found: { 9: ["5", "9", "7"], 8: ["5", "4", "7"], 4: ["3", "4", "absent"], 2: ["1", "2", "absent"] },
  },
  {
    name: "a layer with a newer last LSN has an older version",
    stored: ["a@2 b@20", "a@10 b@11"],
    found: { 20: ["10", "20", "absent"], 19: ["10", "11", "absent"], 5: ["2", "absent", "absent"] },
  },
  {
    name: "memory hides what is stored",
    stored: ["a@1 b@2 c@3"],
    memory: ["a@8", "a@5x b@6"],
    found: { 3: ["1", "2", "3"], 7: ["5x", "6", "3"], 8: ["8", "6", "3"] },
  },
  {
    name: "versions are not terminal",
    stored: ["a@1 b@2", "a@4~ a@5~ c@4~", "a@7~ b@8~ c@9"],
    found: {
      9: ["7~ 5~ 4~ 1", "8~ 2", "9"],
      6: ["5~ 4~ 1", "2", "4~"],
      3: ["1", "2", "absent"],
    },
  },
  {
    name: "a version stands in two layers, once made whole",
    stored: ["a@1 a@3~ a@5~", "a@5 b@5"],
    found: { 9: ["5", "5", "absent"], 4: ["3~ 1", "absent", "absent"] },
  },
];

for (const { name, stored = [], memory = [], found } of cases) {
  Deno.test(`Lookup finds the versions when ${name}`, async () => {
    for (const turned of [false, true]) {
      for (const [lsn, lists] of Object.entries(found)) {
        const pages = new TestLayers();
        const layers = await Promise.all(stored.map((text) => pages.store(text)));
        const map = mapOf(turned ? layers.reverse() : layers, memory.map((text) => memoryLayer(text)));
        const keys = ["a", "b", "c", "a"];
        assertEquals(await lookUp(pages, map, keys, Number(lsn)), [...lists, lists[0]]);
        const fetched = pages.fetched.flat();
        assertEquals(fetched.length, new Set(fetched).size, "a page is read once");
      }
    }
  });
}

/** So many keys in one layer that its index has three levels. */
function manyVersions(count: number, lsn: number): TestVersion[] {
  const key = (i: number) => `k${String(i).padStart(6, "0")}${"-".repeat(200)}`;
  return Array.from({ length: count }, (_, i) => ({ key: key(i), lsn: lsn + i % 3, flags: 1 }));
}

Deno.test("Lookup reads each page once when many keys go the same way", async () => {
  const pages = new TestLayers();
  const all = manyVersions(5000, 1);
  const layer = await pages.store(all);
  assert(layer.description.height >= 3, `${layer.description.height} levels`);
  const keys = all.map(({ key }) => key);
  const lists = await lookUp(pages, mapOf([layer]), keys, 9);
  assertEquals(lists, all.map(({ lsn }) => `${lsn}`));
  const { indexPages, filterPages, height } = layer.description;
  assertEquals([pages.count, pages.rounds], [indexPages + filterPages, height + 1]);
});

Deno.test("Lookup takes one round for a key that no filter admits", async () => {
  const pages = new TestLayers();
  const layers = [];
  for (let i = 0; i < 40; i++) layers.push(await pages.store(`a@${i * 10 + 1} z@${i * 10 + 2}`));
  assertEquals(await lookUp(pages, mapOf(layers), ["nobody has this"], 999), ["absent"]);
  assert(pages.rounds <= 2, `${pages.rounds} rounds`);
});

Deno.test("Lookup reads no page of layers that cannot matter", async () => {
  const pages = new TestLayers();
  const newest = await pages.store("a@20 m@21");
  const other = await pages.store("x@5 z@30");
  const late = await pages.store("a@40 m@41");
  const map = mapOf([newest, other, late]);
  assertEquals(await lookUp(pages, map, ["b"], 39), ["absent"]);
  const of = (layer: StoredLayer) => `${layer.description.sequence}/`;
  const fetched = pages.fetched.flat();
  assertEquals(fetched.filter((name) => !name.startsWith(of(newest))), []);
});

Deno.test("Lookup stops at the newest terminal place when no candidate may hold a newer one", async () => {
  const pages = new TestLayers();
  const old = await pages.store("a@1 z@9");
  const recent = await pages.store("a@10 z@20");
  assertEquals(await lookUp(pages, mapOf([old, recent]), ["a"], 99), ["10"]);
  const filterOfOld = `${old.description.sequence}/${old.description.indexPages}`;
  const ofOld = pages.fetched.flat().filter((name) => name.startsWith(`${old.description.sequence}/`));
  assertEquals(ofOld, [filterOfOld], "only its filter came, ahead");
});

Deno.test("Lookup fails the keys of a damaged page and no other", async () => {
  const all = manyVersions(300, 1);
  for (const page of ["leaf", "filter"] as const) {
    const pages = new TestLayers();
    const layer = await pages.store(all);
    const { leafPages, indexPages } = layer.description;
    assert(leafPages > 3, `${leafPages} leaves`);
    pages.damage(layer, page === "leaf" ? 1 : indexPages);
    const lists = await lookUp(pages, mapOf([layer]), all.map(({ key }) => key), 9);
    const failed = lists.filter((list) => list === "CorruptionError").length;
    if (page === "filter") assertEquals(failed, all.length);
    else assert(failed > 0 && failed < all.length / 2, `${failed} keys failed`);
    lists.forEach((list, i) => assert(list === "CorruptionError" || list === `${all[i].lsn}`));
  }
});

Deno.test("Lookup does not need a damaged layer for keys that newer ones answer", async () => {
  const pages = new TestLayers();
  const old = await pages.store("a@1 b@2 c@3");
  const recent = await pages.store("a@10 b@20");
  pages.damage(old, 0);
  pages.damage(old, old.description.indexPages);
  const found = await lookUp(pages, mapOf([old, recent]), ["a", "b", "c"], 99);
  assertEquals(found, ["10", "20", "CorruptionError"]);
});

Deno.test("Lookup lets the event loop turn among many keys, and goes on where it was", () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);
  const map = mapOf([], [memoryLayer(keys.map((key, i) => `${key}@${i + 1}`).join(" "))]);
  const lookup = new Lookup([{ map, lsn: 500 }], keys.map(bytesOf), apart);
  let turns = 0;
  while (lookup.advance(new TestLayers(), { ...noTurns, due: () => true }) !== "done") turns++;
  assert(turns > 10, `${turns} turns`);
  const lists = keys.map((_, key) => listOf(lookup.places, key));
  assertEquals(lists, keys.map((_, i) => i < 500 ? `${i + 1}` : "absent"));
});

Deno.test("Lookup finds what a sorted list of versions says when layers are random", async () => {
  for (const seed of seeds("timeline lookup", 20)) {
    const random = new Random(seed);
    const pages = new TestLayers();
    const names = ["a", "b", "c", "d", "e"];
    const layers: StoredLayer[] = [];
    const all: TestVersion[] = [];
    const taken = new Set<string>();
    for (let layer = random.from(1, 12); layer > 0; layer--) {
      const mine: TestVersion[] = [];
      for (let i = random.from(1, 8); i > 0; i--) {
        const key = random.pick(names), lsn = random.from(1, 60);
        const version = { key, lsn, flags: random.pick([0, 1, 1, 3]) };
        if (taken.has(`${key}@${lsn}`)) continue;
        taken.add(`${key}@${lsn}`);
        mine.push(version);
      }
      if (mine.length === 0) continue;
      all.push(...mine);
      layers.push(await pages.store(mine));
    }
    for (const lsn of [0, 1, 17, 33, 60, 99]) {
      const expected = names.map((name) => {
        const words: string[] = [];
        const mine = all.filter(({ key, lsn: at }) => key === name && at <= lsn);
        for (const version of mine.sort((a, b) => b.lsn - a.lsn)) {
          words.push(`${version.lsn}${version.flags === 3 ? "x" : version.flags === 1 ? "" : "~"}`);
          if (version.flags !== 0) break;
        }
        return words.join(" ") || "absent";
      });
      assertEquals(await lookUp(pages, mapOf(layers), names, lsn), expected);
    }
  }
});

/** Looks keys up at levels, and returns their lists. */
async function lookUpAt(
  pages: TestLayers,
  levels: readonly Level[],
  keys: readonly string[],
): Promise<string[]> {
  const lookup = new Lookup(levels, keys.map(bytesOf), apart);
  while (lookup.advance(pages, noTurns) !== "done") await pages.fetch();
  return keys.map((_, key) => listOf(lookup.places, key));
}

Deno.test("Lookup goes on at the level below with keys that need it, as of its LSN", async () => {
  const pages = new TestLayers();
  const main = mapOf([await pages.store("a@1 b@2 c@3 e@4"), await pages.store("a@30 d@31")], [
    memoryLayer("b@5 c@33"),
  ]);
  const side = mapOf([await pages.store("a@12 c@13x d@14~")], [memoryLayer("e@19")]);
  const deep = mapOf([await pages.store("a@21~ f@22")]);
  const levels = (last: number) => [
    { map: deep, lsn: last },
    { map: side, lsn: Math.min(last, 20) },
    { map: main, lsn: Math.min(last, 10) },
  ];
  const keys = ["a", "b", "c", "d", "e", "f", "g", "a"];
  assertEquals(await lookUpAt(pages, levels(25), keys), [
    "21~ 12",
    "5",
    "13x",
    "14~",
    "19",
    "22",
    "absent",
    "21~ 12",
  ]);
  assertEquals(await lookUpAt(pages, levels(12), keys), [
    "12",
    "5",
    "3",
    "absent",
    "4",
    "absent",
    "absent",
    "12",
  ]);
  assertEquals((await lookUpAt(pages, levels(3), keys)).slice(0, 3), ["1", "2", "3"]);
  const fetched = pages.fetched.flat();
  assertEquals(fetched.length, new Set(fetched).size, "a page is read once");
});

Deno.test("Lookup does not look below for a key that cannot be read above", async () => {
  const pages = new TestLayers(), newer = await pages.store("a@12 b@13");
  pages.damage(newer, 0);
  const levels = [{ map: mapOf([newer]), lsn: 20 }, { map: mapOf([await pages.store("a@1 b@2")]), lsn: 10 }];
  assertEquals(await lookUpAt(pages, levels, ["a", "b"]), ["CorruptionError", "CorruptionError"]);
  assertEquals(new Set(pages.fetched.flat().map((page) => page.split("/")[0])), new Set(["1"]));
});
