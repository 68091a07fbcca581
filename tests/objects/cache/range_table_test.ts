import { assertEquals } from "@std/assert";
import { pageBytes } from "../../../src/base/mod.ts";
import { frameOf, hashPart, placeOf, RangeTable, wordOf } from "../../../src/objects/cache/range_table.ts";
import { Random, seeds } from "../../random.ts";

Deno.test("placeOf() tells frames and offsets apart, up to the last", () => {
  for (const [frame, offset] of [[0, 0], [0, 8176], [1, 0], [77, 4096], [2 ** 23 - 1, 8160]]) {
    const place = placeOf(frame, offset);
    assertEquals([frameOf(place), wordOf(place) * 4], [frame, offset]);
    assertEquals(place > 0 && place < 2 ** 32, true);
  }
});

Deno.test("RangeTable finds what a map finds, also where many share a slot", () => {
  for (const seed of seeds("range table", 5)) {
    const random = new Random(seed), frames = 8, perFrame = pageBytes / 16;
    const words = Array.from({ length: frames }, () => new Uint32Array(pageBytes / 4));
    const table = new RangeTable(words), model = new Map<number, number>();
    // Few hashes make long chains.
    const isCrowded = random.once(2);
    const hash = (low: number) => isCrowded ? low % 7 : hashPart(3, low, 1);
    table.hashOf = (place) => hash(words[frameOf(place)][wordOf(place) + 1]);
    const free = Array.from({ length: frames * perFrame }, (_, i) => placeOf(i >> 9, (i & 511) * 16));
    for (let i = 0; i < 5000; i++) {
      const low = random.below(isCrowded ? 100 : 3000), known = model.get(low);
      assertEquals(table.find(hash(low), 3, low, 1), known ?? 0, `seed ${seed}`);
      assertEquals(table.find(hash(low), 4, low, 1), 0);
      const place = free.pop() as number;
      if (known !== undefined && random.once(2)) {
        table.delete(hash(low), known);
        model.delete(low);
        free.push(place);
      } else {
        words[frameOf(place)].set([3, low, 1 | random.below(4) << 16, 5], wordOf(place));
        if (known === undefined) table.add(hash(low), place);
        else table.move(hash(low), known, place);
        model.set(low, place);
      }
      if (known !== undefined) free.unshift(known);
    }
    for (const [low, place] of model) assertEquals(table.find(hash(low), 3, low, 1), place);
  }
});
