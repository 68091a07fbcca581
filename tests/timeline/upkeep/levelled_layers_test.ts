import { assert, assertEquals, assertThrows } from "@std/assert";
import { CorruptionError } from "../../../src/base/mod.ts";
import type { StoredLayer } from "../../../src/layer/mod.ts";
import { LevelledLayers, type StoredAt } from "../../../src/timeline/upkeep/levelled_layers.ts";
import { layer } from "../../manifest/manifest_fixture.ts";

function at(sequence: number, level: number, first = sequence, last = first): StoredAt {
  const keys = { firstKey: Uint8Array.of(first), lastKey: Uint8Array.of(last, 0xff) };
  return { stored: {} as StoredLayer, layer: layer(sequence, { level, ...keys }) };
}

function blank(sequence: number): StoredAt {
  const empty = {
    versions: 0,
    keys: 0,
    tombstones: 0,
    firstKey: new Uint8Array(0),
    lastKey: new Uint8Array(0),
  };
  return { stored: {} as StoredLayer, layer: layer(sequence, { level: 0, ...empty }) };
}

Deno.test("LevelledLayers.levels has what came, at its level, and nothing that went", () => {
  const [one, two, three] = [at(1, 0), at(2, 7), at(3, 6)];
  const layers = new LevelledLayers("/store", [one, two]);
  layers.edit([], [three]);
  assertEquals([layers.levels.l0s.length, layers.levels.count], [1, 3]);
  layers.edit([one], [{ ...one, layer: { ...one.layer, level: 5 } }]);
  assertEquals([1, 2, 3, 4].map((sequence) => layers.levelOf(sequence)), [5, 7, 6, undefined]);
  assertEquals(layers.levels.sorted[5].layers.map(({ sequence }) => sequence), [1]);
  assertEquals(layers.storedOf([{ sequence: 3 }, { sequence: 2 }]), [three, two]);
  layers.edit([two, three], []);
  assertEquals(layers.levels.count, 1);
});

Deno.test("LevelledLayers.spent() tells layers without versions behind which history goes on", () => {
  const layers = new LevelledLayers("/store", [at(1, 0), blank(2), blank(4)]);
  assertEquals(layers.spent().map(({ layer }) => layer.sequence), [2]);
  layers.edit([], [at(5, 0)]);
  assertEquals(layers.spent().map(({ layer }) => layer.sequence), [2, 4]);
  layers.edit(layers.spent(), []);
  assertEquals([layers.spent(), layers.lastLsn], [[], 599]);
});

Deno.test("LevelledLayers.levels refuses a manifest that puts layers of a level over each other", () => {
  const wrong = [[at(1, 3, 1, 5), at(2, 3, 5, 9)], [at(1, 7, 1, 9), at(2, 7, 3, 4)]];
  for (const layers of wrong) {
    const error = assertThrows(() => new LevelledLayers("/store", layers).levels, CorruptionError);
    assertEquals(error.path, "/store");
  }
  const right = [at(1, 3, 1, 5), at(2, 4, 5, 9), at(3, 0, 1, 9), at(4, 0, 1, 9), at(5, 8, 2), at(6, 8, 2)];
  assert(new LevelledLayers("/store", right).levels.count === 6);
});
