/** What another thread walks of an index is what its own thread walks, from the same memory. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FrozenIndex, memoryCursor, MemoryIndex, sortIndex } from "../../../src/layer/mod.ts";
import { Random, seeds } from "../../random.ts";
import { CountingTurns, IndexFixture, walk } from "../layer_fixture.ts";

const take = (byteLength: number) => {
  // More than was asked for, and not clean: what is used again is neither.
  const memory = new SharedArrayBuffer(Math.ceil(byteLength * 1.1 / 8) * 8);
  new Uint8Array(memory).fill(0xa5);
  return memory;
};
const takeZeros = (byteLength: number) => {
  const memory = take(byteLength);
  new Uint8Array(memory).fill(0, 0, byteLength);
  return memory;
};
const shared = { take, takeZeros };

Deno.test("FrozenIndex walks what its MemoryIndex does, both ways, and shares its memory", async () => {
  for (const seed of seeds("frozen index", 20)) {
    const random = new Random(seed), t = new IndexFixture(new MemoryIndex({}, shared));
    const own = new IndexFixture(new MemoryIndex());
    for (let lsn = 1; lsn <= 300; lsn++) {
      const changes = Array.from({ length: random.from(1, 9) }, () => {
        const key = new TextEncoder().encode(`k${random.from(1, 400)}`);
        return [key, random.from(1, 5) === 1 ? undefined : new Uint8Array(random.from(0, 30))] as const;
      });
      for (const index of [t, own]) index.add(lsn, changes);
    }
    const columns = t.index.columns();
    for (const array of [columns.keyBytes, columns.keyFields, columns.versions]) {
      assert(array.buffer instanceof SharedArrayBuffer);
    }
    const sent = structuredClone(columns), frozen = new FrozenIndex(sent);
    await sortIndex(frozen, new CountingTurns());
    for (const reverse of [false, true]) {
      const found = await walk(memoryCursor(frozen, { reverse }));
      assertEquals(found, await walk(memoryCursor(t.index, { reverse })));
      assertEquals(found, await walk(memoryCursor(own.index, { reverse })));
    }
    assertStrictEquals(frozen.versions.length, columns.versions.length);
  }
});
