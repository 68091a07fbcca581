/** Records of patches in the cache: what a read brought need not be read again. */

import { assert, assertEquals } from "@std/assert";
import type { Store } from "../../../mod.ts";
import { type Place, test } from "../matrix.ts";
import { redo, textOf } from "./fixture.ts";

/** Keys in no order. */
function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key ${String(i * 7 % count).padStart(4, "0")}`);
}

/** Of each key a value and a patch of it in one batch, far from those of others. */
async function fill(store: Store, keys: readonly string[]): Promise<void> {
  const timeline = store.timeline();
  for (const key of keys) {
    await timeline.append([{ key, value: "v".repeat(500) }, { key, patch: "p" }]);
    await timeline.append([{ key: `between ${key}`, value: "w".repeat(3000) }]);
  }
  await timeline.freeze();
}

test("What a value and patches of one batch are made of is read once, and then lies in the cache", async (place: Place) => {
  const keys = keysOf(200), value = `${"v".repeat(500)}+p`;
  let store = await place.open({ redo, upkeep: "manual" });
  await fill(store, keys);
  await place.close(store);
  store = await place.open({ redo, upkeep: "manual" });
  const timeline = store.timeline();
  assertEquals((await timeline.getMany(keys)).map(textOf), keys.map(() => value));
  const { valueReads } = store.metrics();
  assert(valueReads > 0);
  for (const key of keys) assertEquals(textOf(await timeline.get(key)), value);
  assertEquals((await timeline.getMany(keys)).map(textOf), keys.map(() => value));
  assertEquals(store.metrics().valueReads, valueReads);
});
