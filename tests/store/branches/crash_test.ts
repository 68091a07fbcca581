/** Branches are made and deleted on a disk in memory, and the machine goes down at any operation of it. */

import { assert, assertEquals } from "@std/assert";
import type { Store } from "../../../mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import { openStoreOn } from "../../../src/store/mod.ts";

const path = "/store";
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

async function openOn(disk: SimDisk, readOnly = false): Promise<{ engine: SimEngine; store: Store }> {
  const engine = new SimEngine({ disk });
  const store = await openStoreOn(systemHost(engine), path, { readOnly, upkeep: "manual" });
  return { engine, store };
}

/** What was asked for and acknowledged when the machine went down. */
interface Known {
  readonly disk: SimDisk;
  /** Timelines that are there for certain, and those that may be. */
  readonly certain: readonly string[];
  readonly possible: readonly string[];
}

/** Does work, and takes note of what is known at each of its operations. */
async function watched(
  { engine }: { engine: SimEngine },
  before: readonly string[],
  after: readonly string[],
  work: () => Promise<unknown>,
): Promise<Known[]> {
  const moments: Known[] = [], both = new Set([...before, ...after]);
  const certain = before.filter((name) => after.includes(name)), possible = [...both];
  engine.observe = () => void moments.push({ disk: engine.disk.clone(), certain, possible });
  await work();
  engine.observe = () => {};
  moments.push({ disk: engine.disk.clone(), certain: after, possible: after });
  return moments;
}

/** Opens what is left, twice, and checks that what is there is whole. */
async function check(disk: SimDisk, { certain, possible }: Known): Promise<void> {
  for (const [round, left] of [disk.clone(), disk].entries()) {
    const { store } = await openOn(left, round === 0);
    const names = store.timelines().map(({ name }) => name);
    assertEquals(certain.filter((name) => !names.includes(name)), [], "what was acknowledged is there");
    assertEquals(names.filter((name) => !possible.includes(name)), [], "nothing else is");
    for (const { name, lastLsn, ancestor } of store.timelines()) {
      const timeline = store.timeline(name);
      // Nobody was told that anything is durable before there is a branch.
      if (names.length > 1) assertEquals(text(await timeline.get("a", { lsn: 5 })), "5", `${name} as of 5`);
      if (ancestor !== undefined) {
        assert(lastLsn >= ancestor.lsn && store.timeline(ancestor.name).lastLsn >= ancestor.lsn);
      }
      if (name === "deep") assertEquals(text(await timeline.get("a", { lsn: 8 })), "side 8");
    }
    assertEquals(await Array.fromAsync(store.verify()), []);
    await store.close();
  }
  // Nothing is left of what is gone but what the manifest still remembers; after another opening not even that.
  const { store } = await openOn(disk), { length } = store.timelines();
  await store.close();
  const folders = disk.directories().filter((name) => name.startsWith(`${path}/`));
  assertEquals(folders.length, length, `${folders}`);
}

Deno.test("Branches are made and deleted whole, whatever operation the machine goes down in", async () => {
  const disk = new SimDisk(["/"]), open = await openOn(disk), { store } = open, main = store.timeline();
  for (let lsn = 1; lsn <= 6; lsn++) await main.append([{ key: "a", value: `${lsn}` }]);
  const moments: Known[] = [];
  // What it goes on from is not durable yet.
  moments.push(
    ...await watched(open, ["main"], ["main", "side"], () => {
      return store.createTimeline("side", { ancestor: "main", lsn: 6 });
    }),
  );
  const side = store.timeline("side");
  for (const lsn of [7, 8]) await side.append([{ key: "a", value: `side ${lsn}` }]);
  moments.push(
    ...await watched(open, ["main", "side"], ["main", "side", "deep"], () => {
      return store.createTimeline("deep", { ancestor: "side" });
    }),
  );
  const deep = store.timeline("deep");
  await deep.append([{ key: "b", value: "1" }], { sync: true });
  await deep.freeze();
  await deep.append([{ key: "b", value: "2" }], { sync: true });
  const all = ["main", "side", "deep"];
  moments.push(...await watched(open, all, ["main", "side"], () => store.deleteTimeline("deep")));
  moments.push(...await watched(open, ["main", "side"], ["main"], () => store.deleteTimeline("side")));
  let states = 0;
  for (const known of moments) {
    for (const left of [known.disk.killed(), ...known.disk.crashStates({ limit: 6 })]) {
      await check(left, known);
      states++;
    }
  }
  assert(moments.length > 40 && states > 150, `${moments.length} moments, ${states} states`);
  await store.close();
});

Deno.test("A timeline that could not be deleted for want of room is deleted later, or stays", async () => {
  const disk = new SimDisk(["/"]), { engine, store } = await openOn(disk);
  await store.timeline().append([{ key: "a", value: "5" }], { lsn: 5, sync: true });
  const side = await store.createTimeline("side", { ancestor: "main" });
  await side.append([{ key: "b", value: "1" }], { sync: true });
  const { faults } = engine, full = { kind: "error", code: "ENOSPC" } as const;
  engine.faults = {
    faultOf: (operation, at) => operation === "write" && at.includes("/manifest-") ? full : undefined,
  };
  const refused = await store.deleteTimeline("side").catch((error) => error);
  assertEquals(refused?.code, "ENOSPC");
  const killed = disk.killed();
  assertEquals((await openOn(killed)).store.timelines().length, 2);
  engine.faults = faults;
  await store.deleteTimeline("side");
  assertEquals(store.timelines().length, 1);
  await store.close();
});
