/** Lookups of keys with patches over layers made by hand. */

import { assertEquals } from "@std/assert";
import { LayerMap, type MemoryLayer, type StoredLayer } from "../../../src/layer/mod.ts";
import { Lookup } from "../../../src/timeline/read/lookup.ts";
import { apart } from "../../../src/timeline/read/records/copies.ts";
import { bytesOf, listOf, memoryLayer, noTurns, TestLayers } from "./layers.ts";

function mapOf(stored: readonly StoredLayer[], memory: readonly MemoryLayer[] = []): LayerMap {
  return LayerMap.empty.edit({ add: stored, memory });
}

/** Lets keys walk, and returns their lists. */
async function walk(lookup: Lookup, pages: TestLayers, keys: readonly string[]): Promise<string[]> {
  while (lookup.advance(pages, noTurns) !== "done") await pages.fetch();
  return keys.map((_, key) => listOf(lookup.places, key));
}

Deno.test("Lookup goes on from patches in memory, through all layers in memory and stored ones", async () => {
  const pages = new TestLayers(), old = await pages.store("a@1 a@2~ b@3 c@4x");
  const map = mapOf([old], [memoryLayer("a@9~ b@10~ b@11~ d@12~"), memoryLayer("a@5~ a@6~ b@7 c@8~")]);
  const keys = ["a", "b", "c", "d"];
  const lookUp = (lsn: number) => walk(new Lookup([{ map, lsn }], keys.map(bytesOf), apart), pages, keys);
  assertEquals(await lookUp(99), ["9~ 6~ 5~ 2~ 1", "11~ 10~ 7", "8~ 4x", "12~"]);
  assertEquals(await lookUp(8), ["6~ 5~ 2~ 1", "7", "8~ 4x", "absent"]);
});

Deno.test("Lookup without values looks for the newest version alone, whatever that stands on", async () => {
  const pages = new TestLayers(), old = await pages.store("a@1 b@2 c@3x"), keys = ["a", "b", "c", "d"];
  const recent = await pages.store("b@5~ c@6~"), map = mapOf([old, recent], [memoryLayer("a@8~ a@9~")]);
  const lookup = new Lookup(
    [{ map, lsn: 99 }, { map: mapOf([await pages.store("d@1~ d@2~")]), lsn: 4 }],
    keys.map(bytesOf),
  );
  assertEquals(await walk(lookup, pages, keys), ["9", "5", "6", "2"]);
  // Only the key that no newer layer has comes to the filter of the old one, as one that is looked for ahead may.
  const index = pages.fetched.flat().filter((page) =>
    page.startsWith("1/") && page !== `1/${old.description.indexPages}`
  );
  assertEquals(index, []);
});
