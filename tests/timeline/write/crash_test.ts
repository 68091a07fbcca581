/** Crashes at every moment: what was acknowledged is there, history has no hole, and opening again finds the same. */

import { assert, assertEquals } from "@std/assert";
import { type Choices, pick, SeededChoices, SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import { Random, seeds } from "../../random.ts";
import { WriterFixture } from "./writer_fixture.ts";

/** What crashed: the process alone, or the machine. */
type Crash = "kill" | "power";
const crashes: readonly Crash[] = ["kill", "power"];

/** A disk at one moment, when an operation was begun or was over. */
interface Moment {
  readonly disk: SimDisk;
  /** The last LSN that was acknowledged. */
  readonly least: number;
}

/** What is left after a crash at a moment. */
function leftAfter(crash: Crash, { disk }: Moment, choices: Choices): SimDisk {
  return crash === "kill" ? disk.killed(choices) : disk.crash(choices);
}

/** Appends, syncs, freezes, closes and opens again, at random; returns every moment since the first opening. */
async function work(disk: SimDisk, random: Random, rounds: number): Promise<Moment[]> {
  const engine = new SimEngine({ disk });
  const moments: Moment[] = [];
  let t = await WriterFixture.open(engine);
  const note = () => void moments.push({ disk: disk.clone(), least: t.writer.durableLsn });
  note();
  engine.observe = note;
  for (let round = 0; round < rounds; round++) {
    // Now and then several segments at once, which are then written and sealed while others are.
    for (let i = random.once(8) ? random.below(40) : 0; i > 0; i--) t.appendNext().catch(() => {});
    for (let i = random.below(4); i > 0; i--) await t.appendNext();
    if (random.once(2)) await t.writer.sync().then(note);
    if (random.once(12)) await t.writer.freeze().then(note);
    if (!random.once(10)) continue;
    await t.close();
    t = await WriterFixture.open(engine);
  }
  await t.close();
  note();
  return moments;
}

/** Opens what a crash left, and looks on at every moment of it; returns the last LSN. */
async function openAfter(left: SimDisk, look: () => void = () => {}): Promise<number> {
  const engine = new SimEngine({ disk: left });
  engine.observe = look;
  const t = await WriterFixture.open(engine);
  await t.assertMade();
  const { lastLsn } = t.writer;
  assertEquals(t.writer.durableLsn, lastLsn);
  await t.close();
  assertEquals(engine.openFiles, 0);
  return lastLsn;
}

for (const crash of crashes) {
  Deno.test(`TimelineWriter.open() finds what was acknowledged after a ${crash} crash at any moment`, async () => {
    for (const seed of seeds(`timeline ${crash} crash`, 2)) {
      const choices = new SeededChoices(seed);
      for (const [i, moment] of (await work(new SimDisk(), new Random(seed), 12)).entries()) {
        const found = await openAfter(leftAfter(crash, moment, choices));
        assert(found >= moment.least, `crash at ${i}: found ${found}, ${moment.least} were acknowledged`);
      }
    }
  });
}

Deno.test("TimelineWriter.open() finds the same when it is cut short at any moment and done again", async () => {
  for (const seed of seeds("timeline opening crash", 2)) {
    const choices = new SeededChoices(seed);
    const moments = await work(new SimDisk(), new Random(seed), 12);
    for (let i = 0; i < 2; i++) {
      const crash = pick(choices, crashes), cuts: SimDisk[] = [];
      const left = leftAfter(crash, pick(choices, moments), choices);
      const found = await openAfter(left, () => cuts.push(left.clone()));
      for (const [at, disk] of cuts.entries()) {
        // What a kill left that is not durable may be lost in an opening that does not come to its end.
        const again = leftAfter(
          crash === "kill" ? "kill" : pick(choices, crashes),
          { disk, least: 0 },
          choices,
        );
        assertEquals(await openAfter(again), found, `a ${crash} crash, then one at ${at} of ${cuts.length}`);
      }
    }
  }
});

Deno.test("TimelineWriter acknowledges after a crash only what a loss of power leaves", async () => {
  for (const seed of seeds("timeline crash after crash", 8)) {
    const random = new Random(seed), choices = new SeededChoices(seed);
    let disk = new SimDisk(), least = 0;
    for (let round = 0; round < 10; round++) {
      const moment = pick(choices, await work(disk, random, random.below(12)));
      least = Math.max(least, moment.least);
      disk = leftAfter(pick(choices, crashes), moment, choices);
      const t = await WriterFixture.open(new SimEngine({ disk }));
      await t.assertMade();
      assert(t.writer.lastLsn >= least, `${t.writer.lastLsn} LSNs are left, ${least} were acknowledged`);
      least = t.writer.durableLsn;
      const left = disk.crash(choices);
      await t.close();
      disk = left;
    }
  }
});
