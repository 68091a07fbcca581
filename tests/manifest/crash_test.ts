/** Whatever operation the machine goes down in, all that was acknowledged is found, and nothing that was not asked for. */

import { assert, assertEquals } from "@std/assert";
import { Manifest } from "../../src/manifest/mod.ts";
import { Random, seeds } from "../random.ts";
import { type Files, MemoryRoot } from "./memory_root.ts";
import { work, Worker } from "./worker.ts";

/** What is found after a crash is what was acknowledged, or what was asked for last; and work goes on from there. */
async function checkState(files: Files, worker: Worker): Promise<void> {
  const reader = await Manifest.open(new MemoryRoot(files).home, { readOnly: true });
  if (worker.acknowledged === 0 && reader === undefined) return;
  const generation = reader!.state.generation;
  assert(generation >= worker.acknowledged && generation <= worker.asked, `${generation}: lost or made up`);
  const root = new MemoryRoot(files);
  const next = await root.open();
  assertEquals(next.state, reader!.state);
  assertEquals((await root.open()).state, next.state, "opening changes nothing");
  await next.commit({ type: "generation", generation: 1000 });
  assert(root.names.length <= 2, `leftovers: ${root.names}`);
  await next.close();
  assertEquals((await root.open()).state, next.state);
}

Deno.test("Manifest keeps what it acknowledged, whatever operation the machine goes down in", async () => {
  let states = 0, points = 0;
  for (const seed of seeds("manifest crash", 1)) {
    for (;; points++) {
      const worker = new Worker(new MemoryRoot());
      const found = worker.root.crash(points + 1, new Random(seed));
      const isDone = await work(worker).then(() => true, () => false);
      if (isDone) break;
      for (const files of found) await checkState(files, worker);
      states += found.length;
    }
  }
  assert(points > 35 && states > 400, `${points} points, ${states} states`);
});
