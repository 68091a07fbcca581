/** What was merged goes in the order of history: what a crash leaves of it is the newest part. */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store } from "../../../mod.ts";
import { lose, SimEngine } from "../../../src/sim/mod.ts";
import { compareHistory } from "../../../src/timeline/upkeep/merged_layers.ts";
import { HookedSim } from "../hooked_sim.ts";
import { directory, WriterFixture } from "../write/writer_fixture.ts";

/** A timeline with five layers; a key that stands in front of all others is put in the first and deleted in the third. */
async function layered(engine: HookedSim): Promise<WriterFixture> {
  const t = await WriterFixture.open(engine);
  for (let i = 0; i < 5; i++) {
    t.append({ key: "k", value: `${i}` }, { key: `l${i}`, value: "" });
    if (i === 0) t.append({ key: "a", value: "gone" });
    if (i === 2) t.append({ key: "a", delete: true });
    await t.writer.freeze();
  }
  return t;
}

/** The level, the first LSN and the sequence of a layer. */
function placed(level: number, firstLsn: number, sequence: number) {
  return { level, firstLsn, sequence };
}

Deno.test("compareHistory() puts lower levels first, then columns and layers at level 0 by their LSNs", () => {
  const ordered = [placed(7, 5, 9), placed(6, 1, 8), placed(1, 1, 20), placed(8, 2, 7), placed(8, 9, 6)];
  ordered.push(placed(0, 9, 11), placed(0, 12, 10), placed(0, 12, 12), placed(8, 14, 3));
  assertEquals(ordered.toReversed().sort(compareHistory), ordered);
  assertEquals(compareHistory(ordered[0], ordered[0]), 0);
});

Deno.test("MergedLayers removes what was merged oldest first, one edit behind the other", async () => {
  const engine = new HookedSim(), t = await layered(engine), removed: string[] = [];
  const snapshot = t.timeline.snapshot();
  await t.timeline.compact();
  t.append({ key: "k", value: "5" });
  await t.timeline.compact();
  engine.hook = (operation, path) => void (operation === "remove" && removed.push(path));
  snapshot[Symbol.dispose]();
  await t.close();
  // The sixth was made of those before it.
  assertEquals(removed.map((path) => parseInt(path.split("-")[1], 16)), [1, 2, 3, 4, 5, 6, 8]);
});

Deno.test("MergedLayers leaves no version without its deletion wherever a crash ends it", async () => {
  const engine = new HookedSim(), t = await layered(engine), left: SimEngine[] = [];
  const keep = () => void left.push(new SimEngine({ disk: engine.disk.clone() }));
  engine.hook = (operation, path) => {
    if (operation === "remove" && path.startsWith(directory)) keep();
  };
  await t.timeline.gc({ history: { lsns: 1 } });
  engine.hook = () => {};
  keep();
  await t.close();
  assert(left.length > 5, `${left.length} moments`);
  for (const ioEngine of left) {
    const { disk } = ioEngine;
    for (const path of disk.paths().filter((path) => path.includes("manifest-"))) lose(disk, path);
    const { timelines: [{ name }] } = await salvage("/store", "/salvaged", { ioEngine });
    await using store = await Store.open("/salvaged", { ioEngine });
    assertEquals(await store.timeline(name).get("k"), new TextEncoder().encode("4"));
    assertEquals(await store.timeline(name).get("a"), undefined);
  }
});
