/** Patches that are redone where layers are merged: in the Worker, or on the main thread. */

import { assert, assertEquals } from "@std/assert";
import { Store, type StoreOptions } from "../../../mod.ts";
import { redo as joinTexts, textOf } from "./fixture.ts";

const MiB = 1024 * 1024;

/** Merges so much under a horizon that a Worker is worth it; returns what the store did and says. */
async function merge(redo: StoreOptions["redo"]) {
  const path = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    await using store = await Store.open(path, { redo, upkeep: "worker" });
    const timeline = store.timeline(), bytes = crypto.getRandomValues(new Uint8Array(60_000));
    for (let i = 0; i < 6 * MiB / bytes.length; i++) {
      await timeline.append([{ key: `k${i}`, value: bytes }, { key: "a", patch: `${i % 10}` }]);
    }
    await timeline.freeze();
    const before = textOf(await timeline.get("a")), { workerJobs } = store.metrics();
    await timeline.gc({ history: { lsns: 1 } });
    assertEquals(textOf(await timeline.get("a")), before);
    return {
      patches: (await timeline.explain(["a"])).keys[0].patches,
      workerJobs: store.metrics().workerJobs - workerJobs,
      notes: store.io.notes.filter((note) => note.includes("Patches")),
    };
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("A module's redo runs in the Worker", async () => {
  const { patches, workerJobs, notes } = await merge({
    module: new URL("./redo_module.ts", import.meta.url),
  });
  assert(workerJobs > 0);
  assertEquals([patches, notes], [1, []]);
});

Deno.test("A function's redo runs in slices, which is noted", async () => {
  const { patches, workerJobs, notes } = await merge(joinTexts);
  assertEquals([patches, workerJobs, notes.length], [1, 0, 1]);
});
