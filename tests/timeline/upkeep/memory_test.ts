/** Merges for which there is no memory: they are given up, and done later; appends and reads go on. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryError } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { SimTime } from "../../../src/sim/mod.ts";
import { SlicedUpkeep } from "../../../src/timeline/upkeep/runner/sliced_upkeep.ts";
import { CrampedEngine, quiet } from "../write/held.ts";
import { directory, WriterFixture } from "../write/writer_fixture.ts";

/** A machine that has room for so many more buffers while something is merged, and gives none out a second time. */
class Machine extends CrampedEngine {
  readonly isLost = true;
  readonly time: SimTime = new SimTime();
  /** How many there is room for. */
  left: number = Infinity;
  /** Merges that were begun. */
  merges = 0;

  /** Opens the timeline of its disk. */
  openTimeline(upkeep: "manual" | "slices"): Promise<WriterFixture> {
    const host = { ...systemHost(this), clock: this.time, timers: this.time };
    return WriterFixture.open(this, { upkeep, host, runner: () => this.#runner(host) });
  }

  #runner({ turns }: { turns: ConstructorParameters<typeof SlicedUpkeep>[0] }): SlicedUpkeep {
    const sliced = new SlicedUpkeep(turns), merge = sliced.merge.bind(sliced);
    sliced.merge = async (...job) => {
      this.merges++;
      this.buffersLeft = this.left;
      try {
        return await merge(...job);
      } finally {
        this.buffersLeft = Infinity;
      }
    };
    return sliced;
  }
}

async function addLayers(t: WriterFixture, layers: number): Promise<void> {
  for (let i = 0; i < layers; i++) {
    for (let batch = 0; batch < 5; batch++) await t.appendNext();
    await t.writer.freeze();
  }
}

/** Checks that the files of a timeline are those that its manifest names. */
function assertNoOthers({ disk }: Machine, t: WriterFixture): void {
  const named = [...t.state.layers, ...t.state.segments].map(({ sequence }) => sequence);
  const found = disk.paths().filter((path) => path.startsWith(directory));
  assertEquals(found.map((path) => parseInt(path.split("-")[1], 16)).sort(), named.sort());
}

Deno.test("Timeline.compact() rejects with MemoryError whatever it lacks memory for, and nothing is poisoned", async () => {
  let isReached = true, reached = 0;
  for (let left = 0; isReached; left++) {
    const machine = new Machine(), t = await machine.openTimeline("manual");
    await addLayers(t, 6);
    const before = t.state.layers, { openFiles } = machine;
    machine.left = left;
    const ended = await t.timeline.compact().catch((error: unknown) => error);
    isReached = ended instanceof MemoryError;
    if (isReached) {
      reached++;
      assertEquals([t.state.layers, t.writer.health.state], [before, "open"]);
      assert(machine.openFiles <= openFiles + before.length, `${machine.openFiles} files are open`);
    } else assert(!(ended instanceof Error), `${ended}`);
    assertNoOthers(machine, t);
    machine.left = Infinity;
    await t.appendNext();
    await t.writer.sync();
    await t.timeline.compact();
    assertEquals(t.state.layers.filter(({ kind }) => kind === "L0"), []);
    await t.assertMade();
    assertNoOthers(machine, t);
    await t.close();
    assertEquals(machine.openFiles, 0);
  }
  assert(reached > 2, `${reached} times there was no memory`);
});

Deno.test("upkeep waits when there is no memory for a merge, appends go on, and it goes on later by itself", async () => {
  const machine = new Machine(), t = await machine.openTimeline("slices");
  machine.left = 0;
  await addLayers(t, 6);
  await quiet();
  const { state, error, retryMilliseconds, merges, failures } = t.writer.compactor.status;
  assertEquals([state, retryMilliseconds, merges, machine.merges, failures], ["full", 1000, 0, 1, 1]);
  assert(error?.includes("memory"), error);
  assertEquals([t.writer.health.state, t.writer.compactor.pressure], ["open", 0]);
  await t.assertMade();
  // Nothing is tried before its time, then once; the next wait is longer.
  machine.time.fire();
  await quiet();
  assertEquals([machine.merges, t.writer.compactor.status.retryMilliseconds], [2, 2000]);
  await addLayers(t, 1);
  assertEquals(machine.merges, 2);
  machine.left = Infinity;
  machine.time.fire();
  for (let i = 0; i < 200 && t.writer.compactor.status.state !== "idle"; i++) await quiet();
  assertEquals([t.writer.compactor.status.state, t.writer.compactor.status.error], ["idle", undefined]);
  await t.assertMade();
  assertNoOthers(machine, t);
  await t.close();
  await assertRejects(() => t.timeline.compact(), Deno.errors.BadResource);
  assertEquals(machine.openFiles, 0);
});
