/** Runs a program: life after life on one disk, with another store beside, and damage to copies of what is left. */

import { dullChoices, SeededChoices, SimDisk } from "../../../../src/sim/mod.ts";
import type { Counts } from "../counts.ts";
import { nothingKnown } from "../known.ts";
import { Machine } from "../machine.ts";
import { checkRecovery, fully } from "../oracle.ts";
import { ofStores, Recoveries, sometimes } from "../recoveries.ts";
import { checkDamaged } from "./damages.ts";
import { exchange, otherPath } from "./exchange.ts";
import { type Left, Life } from "./life.ts";
import type { Plan } from "./plan.ts";

/** See the top of the file; throws if anything does not hold. Returns a hash of all that happened. */
export async function runProgram(plan: Plan, counts: Counts): Promise<number> {
  const other = await otherStore(counts);
  const recoveries = new Recoveries(counts, sometimes, ofStores);
  const earlier: SimDisk[] = [];
  let left: Left = { disk: diskBeside(other), known: nothingKnown(), isClean: true, hash: 0 };
  let hash = 0;
  for (const life of plan) {
    left = await new Life(left.disk, left.known, life, counts).live();
    if (life.end.how !== "close") counts.deaths++;
    hash = (hash * 31 + left.hash) % Number.MAX_SAFE_INTEGER;
    const { disk, known, isClean } = left;
    await recoveries.check(disk.clone(), known);
    await recoveries.check(disk.crash(new SeededChoices(life.seed)), known);
    const rest = { known, isClean, earlier, other };
    for (const damage of life.damages) await checkDamaged(disk, damage, rest, counts);
    earlier.push(disk.clone());
  }
  counts.crashStates++;
  counts.recoveries++;
  await checkRecovery(left.disk.clone(), left.known, counts, fully);
  await checkOther(left.disk, counts);
  return hash;
}

/** A disk with a store in which something is. */
async function otherStore(counts: Counts): Promise<SimDisk> {
  const machine = Machine.prompt(new SimDisk(), counts);
  const store = await machine.open();
  machine.called();
  await store.timeline().append([{ key: "other", value: "store" }], { sync: true });
  await machine.close(store);
  machine.retire();
  return machine.disk;
}

/** A disk with that store beside the place of one that is still to be made. */
function diskBeside(other: SimDisk): SimDisk {
  const disk = new SimDisk();
  for (const path of other.paths()) disk.put(path.replace(/^\/store/, otherPath), other.contents(path));
  return disk;
}

/** Checks that the store beside holds what it held. */
async function checkOther(disk: SimDisk, counts: Counts): Promise<void> {
  const copy = disk.crash(dullChoices);
  if (!exchange(copy)) throw new Error("the other store is gone");
  const machine = Machine.prompt(copy, counts);
  const store = await machine.open();
  try {
    machine.called();
    const value = await store.timeline().get("other");
    if (value?.length !== 5 || store.timeline().lastLsn !== 1) {
      throw new Error("the other store was written to");
    }
  } finally {
    await machine.close(store);
  }
}
