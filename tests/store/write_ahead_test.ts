/** Zeros behind the end of a segment, whole or torn, are nothing: not to an opening, nor to a verification or a salvage. */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store, verifyStore } from "../../mod.ts";
import { ListedFaults, SeededChoices, SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { patterned } from "./bytes.ts";

const path = "/store/db";
const count = 24;

/** A disk, when an operation on a segment was begun or was over, and how many commits were acknowledged. */
interface Moment {
  readonly disk: SimDisk;
  readonly acknowledged: number;
}

function openStore(disk: SimDisk, engine: SimEngine = new SimEngine({ disk })): Promise<Store> {
  return Store.open(path, { ioEngine: engine, upkeep: "manual" });
}

/** Commits one after another; returns the moments at which zeros were under way, and the disk at the end. */
async function commitAll(engine: SimEngine): Promise<Moment[]> {
  const { disk } = engine, moments: Moment[] = [];
  const store = await openStore(disk, engine);
  let acknowledged = 0;
  engine.observe = (label) => {
    // The first commit is a plain write and a sync, since its file is being made.
    const areZeros = acknowledged > 0 && label.startsWith("write ") && !label.endsWith("durable");
    if (areZeros) moments.push({ disk: disk.clone(), acknowledged });
  };
  for (let i = 0; i < count; i++) {
    await store.timeline().append([{ key: `k${i}`, value: patterned(200, i) }], { sync: true });
    acknowledged++;
  }
  engine.observe = () => {};
  moments.push({ disk: disk.clone(), acknowledged });
  await store.close();
  return moments;
}

/** Checks that a store holds its first commits, at least as many as were acknowledged. */
async function check(store: Store, acknowledged: number): Promise<void> {
  const { lastLsn } = store.timeline();
  assert(lastLsn >= acknowledged, `${lastLsn} commits are left of ${acknowledged}`);
  for (let i = 0; i < Math.min(lastLsn, count); i++) {
    assertEquals(await store.timeline().get(`k${i}`), patterned(200, i));
  }
  assertEquals(await Array.fromAsync(store.verify()), []);
}

Deno.test("Store.open() finds every commit in front of zeros that were under way in a crash, and nothing is damaged", async () => {
  const moments = await commitAll(new SimEngine({ disk: new SimDisk(["/store"]) }));
  assert(moments.length > 6, "zeros were written several times");
  for (const [i, { disk, acknowledged }] of moments.entries()) {
    const left = [disk.killed(), ...disk.crashStates({ limit: 3, choices: new SeededChoices(i) })];
    for (const crashed of left) {
      const ioEngine = () => new SimEngine({ disk: crashed });
      assertEquals(await Array.fromAsync(verifyStore(path, { ioEngine: ioEngine() })), []);
      const { timelines } = await salvage(path, "/store/new", { ioEngine: ioEngine() });
      assertEquals(timelines.map(({ lost, batches }) => [lost.length, batches >= acknowledged]), [[0, true]]);
      await using store = await openStore(crashed);
      await check(store, acknowledged);
    }
  }
});

Deno.test("Store.open() goes on behind commits ahead of which zeros were written, and seals over them", async () => {
  const engine = new SimEngine({ disk: new SimDisk(["/store"]) }), { disk } = engine;
  await commitAll(engine);
  await using store = await openStore(disk);
  await store.timeline().append([{ key: "last", value: "1" }], { sync: true });
  await store.timeline().freeze();
  assertEquals(store.timeline().layers().map(({ kind }) => kind), ["L0"]);
  await check(store, count);
});

Deno.test("Store refuses no commit because a disk has no room for zeros", async () => {
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const faults = new ListedFaults(), engine = new SimEngine({ disk: new SimDisk(["/store"]), faults });
    const store = await openStore(engine.disk, engine);
    let zeros = 0, acknowledged = 0;
    const plan = engine.faults;
    engine.faults = {
      faultOf: (operation, at, nth) => {
        const areZeros = operation === "write" && acknowledged > 0 && !engine.log.at(-1)?.endsWith("durable");
        if (!areZeros) return plan.faultOf(operation, at, nth);
        zeros++;
        return { kind: "error", code, arrived: 4096 };
      },
    };
    for (let i = 0; i < count; i++) {
      await store.timeline().append([{ key: `k${i}`, value: patterned(200, i) }], { sync: true });
      acknowledged++;
    }
    assertEquals(zeros, 1, "it is not tried again");
    engine.faults = plan;
    await store.close();
    await using again = await openStore(engine.disk);
    await check(again, count);
  }
});
