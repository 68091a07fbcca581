/** Crashes at every moment: what was acknowledged is there, history has no hole, and opening again finds the same. */

import { assert, assertEquals } from "@std/assert";
import { Random, seeds } from "../../random.ts";
import { type Crash, CrashDisk } from "./crash_disk.ts";
import { WriterFixture } from "./writer_fixture.ts";

const crashes: readonly Crash[] = ["kill", "power"];

/** That everything up to an LSN was durable at a time. */
interface Acknowledged {
  readonly time: number;
  readonly lsn: number;
}

/** Appends, syncs, freezes, closes and opens again, at random. */
async function work(disk: CrashDisk, random: Random, rounds: number): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  let t = await WriterFixture.open(disk);
  const note = () => acknowledged.push({ time: disk.time, lsn: t.writer.durableLsn });
  disk.observe = note;
  for (let round = 0; round < rounds; round++) {
    // Now and then several segments at once, which are then written and sealed while others are.
    for (let i = random.once(8) ? random.below(40) : 0; i > 0; i--) t.appendNext().catch(() => {});
    for (let i = random.below(4); i > 0; i--) await t.appendNext();
    if (random.once(2)) await t.writer.sync().then(note);
    if (random.once(12)) await t.writer.freeze().then(note);
    if (!random.once(10)) continue;
    await t.close();
    t = await WriterFixture.open(disk);
  }
  await t.close();
  note();
  disk.observe = () => {};
  return acknowledged;
}

/** The last LSN that was acknowledged at a time. */
function leastAt(acknowledged: readonly Acknowledged[], time: number): number {
  return acknowledged.findLast((known) => known.time <= time)?.lsn ?? 0;
}

/** Opens what a crash left; returns the last LSN. */
async function openAfter(left: CrashDisk): Promise<number> {
  const t = await WriterFixture.open(left);
  await t.assertMade();
  const { lastLsn } = t.writer;
  assertEquals(t.writer.durableLsn, lastLsn);
  await t.close();
  assertEquals(left.openFiles, 0);
  return lastLsn;
}

for (const crash of crashes) {
  Deno.test(`TimelineWriter.open() finds what was acknowledged after a ${crash} crash at any moment`, async () => {
    for (const seed of seeds(`timeline ${crash} crash`, 2)) {
      const random = new Random(seed);
      const disk = new CrashDisk();
      const acknowledged = await work(disk, random, 30);
      for (let time = acknowledged[0].time; time <= disk.time; time++) {
        const least = leastAt(acknowledged, time);
        const found = await openAfter(disk.after(crash, time, random));
        assert(found >= least, `crash at ${time}: found ${found}, ${least} were acknowledged`);
      }
    }
  });
}

Deno.test("TimelineWriter.open() finds the same when it is cut short at any moment and done again", async () => {
  for (const seed of seeds("timeline opening crash", 2)) {
    const random = new Random(seed);
    const disk = new CrashDisk();
    const [first] = await work(disk, random, 30);
    for (let i = 0; i < 15; i++) {
      const time = random.from(first.time, disk.time);
      const crash = random.pick(crashes);
      const left = disk.after(crash, time, random);
      const start = left.time;
      const found = await openAfter(left);
      for (let cut = start; cut <= left.time; cut++) {
        // What a kill left that is not durable may be lost in an opening that does not come to its end.
        const again = left.after(crash === "kill" ? "kill" : random.pick(crashes), cut, random);
        assertEquals(await openAfter(again), found, `crash at ${time}, then at ${cut} of ${left.time}`);
      }
    }
  }
});

Deno.test("TimelineWriter acknowledges after a crash only what a loss of power leaves", async () => {
  for (const seed of seeds("timeline crash after crash", 8)) {
    const random = new Random(seed);
    let disk = new CrashDisk();
    let least = 0;
    for (let round = 0; round < 10; round++) {
      const acknowledged = await work(disk, random, random.below(12));
      const time = random.from(acknowledged[0].time, disk.time);
      least = Math.max(least, leastAt(acknowledged, time));
      disk = disk.after(random.pick(crashes), time, random);
      const t = await WriterFixture.open(disk);
      await t.assertMade();
      assert(t.writer.lastLsn >= least, `${t.writer.lastLsn} LSNs are left, ${least} were acknowledged`);
      least = t.writer.durableLsn;
      disk = disk.after("power", disk.time, random);
      await t.close();
    }
  }
});
