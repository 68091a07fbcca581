import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, compareKeys } from "../../src/base/mod.ts";
import {
  type LayerDescription,
  LayerMap,
  mayHold,
  MemoryIndex,
  MemoryLayer,
  StoredLayer,
} from "../../src/layer/mod.ts";
import type { StoredObject } from "../../src/objects/mod.ts";
import { Random, seeds } from "../random.ts";

let sequence = 0;

/** A layer over a rectangle; without keys it has no versions. */
function layerOf(firstKey: Uint8Array, lastKey: Uint8Array, firstLsn: number, lastLsn: number): StoredLayer {
  const versions = firstKey.length === 0 ? 0 : 2;
  const description: Partial<LayerDescription> = {
    kind: (["L0", "delta", "image"] as const)[sequence % 3],
    sequence: ++sequence,
    firstKey,
    lastKey,
    firstLsn,
    lastLsn,
    versions,
  };
  return new StoredLayer(description as LayerDescription, {} as StoredObject);
}

const text = (key: string) => new TextEncoder().encode(key);
const maybe = (key: string | undefined) => key === undefined ? undefined : text(key);
const layer = (keys: string, firstLsn: number, lastLsn: number) => {
  const [firstKey, lastKey] = keys.split("-");
  return layerOf(text(firstKey), text(lastKey ?? firstKey), firstLsn, lastLsn);
};

/** The layers that may hold a key, by the one range test there is, from new to old. */
function candidatesOf(layers: Iterable<StoredLayer>, key: Uint8Array, lsn: number): StoredLayer[] {
  return [...layers].filter((layer) => mayHold(layer, key, lsn)).sort(byAge);
}

function byAge(a: StoredLayer, b: StoredLayer): number {
  return b.description.lastLsn - a.description.lastLsn || a.description.sequence - b.description.sequence;
}

function overlappingOf(
  layers: Iterable<StoredLayer>,
  start: Uint8Array | undefined,
  end: Uint8Array | undefined,
  lsn: number,
): StoredLayer[] {
  return [...layers].filter(({ description }) => {
    return description.versions > 0 && description.firstLsn <= lsn &&
      (start === undefined || compareKeys(description.lastKey, start) >= 0) &&
      (end === undefined || compareKeys(description.firstKey, end) < 0) &&
      (start === undefined || end === undefined || compareKeys(start, end) < 0);
  }).sort(byAge);
}

/** Checks that layers are those expected, from new to old; layers of the same last LSN may come in any order. */
function assertLayers(found: readonly StoredLayer[], expected: readonly StoredLayer[], what: string): void {
  const lsns = found.map(({ description }) => description.lastLsn);
  assertEquals(lsns, lsns.toSorted((a, b) => b - a), `${what}: from new to old`);
  const numbers = (layers: readonly StoredLayer[]) => layers.map(({ description }) => description.sequence);
  assertEquals(numbers(found.toSorted(byAge)), numbers(expected), what);
  assertEquals(found.every((layer) => expected.includes(layer)), true, what);
}

Deno.test("LayerMap.empty has nothing", () => {
  const map = LayerMap.empty;
  assertEquals([map.memory, map.storedCount, [...map.stored()]], [[], 0, []]);
  assertEquals(map.candidates(text("a"), 9), []);
  assertEquals(map.overlapping(undefined, undefined, 9), []);
});

Deno.test("LayerMap.candidates() gives layers that have the key and begin at or before the LSN, from new to old", () => {
  const image = layer("a-z", 10, 10), delta = layer("c-f", 8, 12), next = layer("g-k", 11, 12);
  const l0 = layer("b-y", 13, 20), point = layer("e", 15, 16), blank = layer("", 21, 22);
  const map = LayerMap.empty.edit({ add: [image, delta, next, l0, point, blank] });
  const cases: [string, number, StoredLayer[]][] = [
    ["e", 100, [l0, point, delta, image]],
    ["e", 15, [l0, point, delta, image]],
    ["e", 14, [l0, delta, image]],
    ["e", 12, [delta, image]],
    ["e", 9, [delta]],
    ["e", 7, []],
    ["c", 12, [delta, image]],
    ["f", 12, [delta, image]],
    ["ff", 12, [image]],
    ["g", 12, [next, image]],
    ["a", 100, [image]],
    ["z", 100, [image]],
    ["zz", 100, []],
    ["A", 100, []],
    ["", 100, []],
  ];
  for (const [key, lsn, expected] of cases) {
    assertEquals(map.candidates(text(key), lsn), expected, `${key} ${lsn}`);
  }
});

Deno.test("LayerMap.candidatesFrom() gives candidates that keys behind share, up to where others begin or one ends", () => {
  const delta = layer("c-f", 8, 12), next = layer("g-k", 11, 12), l0 = layer("b-y", 13, 20);
  const map = LayerMap.empty.edit({ add: [delta, next, l0] });
  const cases: [string, StoredLayer[], string[], string[]][] = [
    ["A", [], ["A", "a", "az"], ["b", "c", "0"]],
    ["b", [l0], ["b", "bz"], ["a", "c"]],
    ["c", [l0, delta], ["c", "d", "f"], ["b", "fa", "g", "z"]],
    ["fa", [l0], ["fa", "fz"], ["f", "g"]],
    ["h", [l0, next], ["h", "k"], ["g", "ka"]],
    ["l", [l0], ["l", "y"], ["k", "ya"]],
    ["z", [], ["z", "zz"], ["y"]],
  ];
  for (const [key, layers, same, others] of cases) {
    const candidates = map.candidatesFrom(text(key), 20);
    assertEquals(candidates.layers, layers, key);
    assertEquals(same.map((other) => candidates.have(text(other))), same.map(() => true), key);
    assertEquals(others.map((other) => candidates.have(text(other))), others.map(() => false), key);
    for (const other of same) assertEquals(map.candidates(text(other), 20), layers, other);
  }
});

Deno.test("LayerMap.overlapping() gives layers with keys from the start to before the end", () => {
  const a = layer("b-d", 1, 5), b = layer("f", 2, 6), c = layer("h-k", 3, 7), all = layer("a-z", 8, 9);
  const map = LayerMap.empty.edit({ add: [a, b, c, all, layer("", 1, 9)] });
  const cases: [string | undefined, string | undefined, number, StoredLayer[]][] = [
    [undefined, undefined, 9, [all, c, b, a]],
    [undefined, undefined, 7, [c, b, a]],
    [undefined, undefined, 1, [a]],
    ["d", "f", 7, [a]],
    ["d", "g", 7, [b, a]],
    ["dd", "f", 7, []],
    ["e", "h", 7, [b]],
    ["f", "h", 7, [b]],
    ["ff", undefined, 7, [c]],
    ["k", undefined, 7, [c]],
    ["kk", undefined, 7, []],
    [undefined, "b", 7, []],
    [undefined, "c", 7, [a]],
    ["c", "c", 7, []],
    ["g", "c", 9, []],
  ];
  for (const [start, end, lsn, expected] of cases) {
    const found = map.overlapping(maybe(start), maybe(end), lsn);
    assertEquals(found, expected, `${start} ${end} ${lsn}`);
  }
});

Deno.test("LayerMap.edit() leaves the map as it was", () => {
  const a = layer("a-c", 1, 1), b = layer("d-f", 2, 2), c = layer("a-z", 3, 3), blank = layer("", 4, 4);
  const memory = [new MemoryLayer(new MemoryIndex(), {} as StoredObject, { fileId: 1, firstLsn: 9 })];
  const one = LayerMap.empty.edit({ add: [a, b] });
  const two = one.edit({ add: [c, blank], memory });
  const three = two.edit({ remove: [a, blank] });
  assertEquals([...one.stored()], [a, b]);
  assertEquals(one.memory, []);
  assertEquals(new Set(two.stored()), new Set([a, b, c, blank]));
  assertEquals(new Set(three.stored()), new Set([b, c]));
  assertEquals([one, two, three].map(({ storedCount }) => storedCount), [2, 4, 2]);
  assertEquals([two.memory, three.memory, three.withMemory([]).memory], [memory, memory, []]);
  assertEquals(two.candidates(text("b"), 9), [c, a]);
  assertEquals(three.candidates(text("b"), 9), [c]);
  assertEquals(LayerMap.empty.storedCount, 0);
});

Deno.test("LayerMap.edit() takes no layer out that is not there, and puts a replaced one in its place", () => {
  const a = layer("a-c", 1, 1), twin = layer("a-c", 1, 1), blank = layer("", 1, 1);
  const map = LayerMap.empty.edit({ add: [a] });
  for (const stranger of [twin, blank, layer("b", 1, 1)]) {
    assertThrows(() => map.edit({ remove: [stranger] }), AssertionError);
  }
  assertEquals([...map.edit({ remove: [a], add: [twin] }).stored()], [twin]);
  assertEquals([...map.edit({ remove: [a] }).stored()], []);
});

/** Keys that share what `random` wants them to. */
function keysOf(random: Random): () => Uint8Array {
  const prefix = random.bytes(random.pick([0, 0, 7, 20]));
  const alphabet = random.pick([[0, 1], [97, 98, 99, 100], [0, 255, 128]]);
  const longest = random.pick([1, 3, 9]);
  return () => {
    const tail = Array.from({ length: random.from(1, longest) }, () => random.pick(alphabet));
    return Uint8Array.from([...random.once(20) ? [] : prefix, ...tail]);
  };
}

function randomLayer(random: Random, key: () => Uint8Array): StoredLayer {
  const ends = random.once(4) ? [key()] : [key(), key()].sort(compareKeys);
  const firstLsn = random.from(1, 50);
  const lastLsn = firstLsn + random.pick([0, random.below(20)]);
  if (random.once(15)) return layerOf(new Uint8Array(0), new Uint8Array(0), firstLsn, lastLsn);
  return layerOf(ends[0], ends[ends.length - 1], firstLsn, lastLsn);
}

function assertMatches(
  random: Random,
  map: LayerMap,
  model: ReadonlySet<StoredLayer>,
  key: () => Uint8Array,
): void {
  assertEquals(map.storedCount, model.size);
  assertEquals(new Set(map.stored()).size, model.size);
  for (const layer of map.stored()) assert(model.has(layer), "no layer is made up");
  for (let i = 0; i < 20; i++) {
    const one = key(), other = random.once(4) ? undefined : key(), lsn = random.from(0, 75);
    assertLayers(map.candidates(one, lsn), candidatesOf(model, one, lsn), `${one.toHex()} at ${lsn}`);
    const ranges = [[one, other], [other, one]] as const;
    for (const [start, end] of ranges) {
      assertLayers(
        map.overlapping(start, end, lsn),
        overlappingOf(model, start, end, lsn),
        `${start?.toHex()} to ${end?.toHex()} at ${lsn}`,
      );
    }
  }
}

Deno.test("LayerMap answers as a list of all layers does, through any edits", () => {
  for (const seed of seeds("layer map", 30)) {
    const random = new Random(seed);
    const key = keysOf(random);
    const model = new Set<StoredLayer>();
    let map = LayerMap.empty;
    const kept: [LayerMap, Set<StoredLayer>][] = [];
    for (let edits = random.from(5, 30); edits > 0; edits--) {
      const remove = random.shuffle([...model]).slice(0, random.pick([0, 1, 5, random.below(40)]));
      const add = Array.from(
        { length: random.pick([0, 1, 3, random.below(40), random.below(200)]) },
        () => randomLayer(random, key),
      );
      map = map.edit({ add, remove });
      for (const layer of remove) model.delete(layer);
      for (const layer of add) model.add(layer);
      assertMatches(random, map, model, key);
      kept.push([map, new Set(model)]);
    }
    for (const [map, model] of random.shuffle(kept).slice(0, 3)) assertMatches(random, map, model, key);
  }
});

Deno.test("LayerMap answers alike whether layers came at once or one by one", () => {
  const random = new Random(11);
  const levels = Array.from({ length: 300 }, (_, i) => {
    const at = Math.floor(i / 3) * 4 + i % 3;
    return layerOf(Uint8Array.of(at >> 8, at), Uint8Array.of(at + 3 >> 8, at + 3), 1 + i % 3, 5 + i % 3);
  });
  const atOnce = LayerMap.empty.edit({ add: random.shuffle([...levels]) });
  let oneByOne = LayerMap.empty;
  for (const layer of random.shuffle([...levels])) oneByOne = oneByOne.edit({ add: [layer] });
  for (let at = 0; at < 420; at++) {
    const key = Uint8Array.of(at >> 8, at);
    const expected = candidatesOf(levels, key, 9);
    assertLayers(atOnce.candidates(key, 9), expected, `${at}`);
    assertLayers(oneByOne.candidates(key, 9), expected, `${at}`);
  }
});
