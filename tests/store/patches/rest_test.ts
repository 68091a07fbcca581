/** Upkeep comes to rest where patches cannot be redone: without redo, and on branches, which make no images. */

import { assert, assertEquals } from "@std/assert";
import type { Store, Timeline } from "../../../mod.ts";
import { type Place, test } from "../matrix.ts";
import { modelRedo } from "../model.ts";

const options = { upkeep: "slices", segmentBytes: 64 * 1024, history: { lsns: 100 } } as const;

/** Patches fifty keys, most of it far below the horizon in the end. */
async function fill(timeline: Timeline): Promise<void> {
  for (let i = 0; i < 12_000; i++) await timeline.append([{ key: `k${i % 50}`, patch: "y".repeat(20) }]);
  await timeline.freeze();
}

/** Waits until nothing is merged any more, twice in a row. */
async function rest(store: Store, name: string): Promise<void> {
  const look = () => {
    const { state, merges } = store.metrics().upkeep[name];
    return { state, merges };
  };
  let before = look();
  for (let left = 60; left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = look();
    if (now.state === "idle" && now.merges === before.merges) return;
    before = now;
  }
  assert(false, `it goes on and on: ${JSON.stringify(before)}`);
}

test("Upkeep comes to rest without redo, and keeps all chains", async (place: Place) => {
  const store = await place.open(options);
  await fill(store.timeline());
  await rest(store, "main");
  await place.close(store);
  const again = await place.open({ ...options, redo: modelRedo });
  await rest(again, "main");
  assertEquals((await again.timeline().get("k7"))?.length, 1 + 240 * 21);
});

test("Upkeep comes to rest on a branch, whose patches stay", async (place: Place) => {
  const store = await place.open({ ...options, redo: modelRedo });
  await store.timeline().append([{ key: "k7", value: "12345" }]);
  const branch = await store.createTimeline("branch", { ancestor: "main" });
  await fill(branch);
  await rest(store, "branch");
  assertEquals((await branch.get("k7"))?.length, 5 + 240 * 21);
});
