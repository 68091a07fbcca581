/**
 * Writers that are killed, again and again, on the same stores: while they append, sync, freeze, close, and while they
 * open what the last one left.
 */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { checkStore } from "./check_store.ts";
import { Child } from "./child.ts";
import { Claims } from "./claims.ts";
import type { Counts } from "./counts.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const killPart = "kill";
const deathsOfStore = 6;
const kib = 1024;

/** What a writer says when its end begins. */
type Moment = "opening" | "opened" | "closing";

/** A store and its death after death. */
interface Victim {
  readonly place: Place;
  readonly subject: Subject;
  readonly claims: Claims;
  readonly historySeed: number;
  readonly segmentBytes: number;
}

/** Kills writers and checks what they leave, with the engine and the mode that the seed says. */
export async function killLoop(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  return await runTrials(killPart, budget, options, killStore);
}

async function killStore(seed: number, counts: Counts): Promise<void> {
  const random = new Random(seed);
  const subject = random.pick(subjects.filter(({ skip }) => skip === undefined));
  const { ioEngine, ioMode } = subject;
  const segmentBytes = random.pick([64, 128, 1024]) * kib;
  await using place = await Place.make({ ioEngine, ioMode, strict: true, segmentBytes });
  const victim = { place, subject, claims: new Claims(), historySeed: random.word(), segmentBytes };
  for (let death = 0; death < deathsOfStore; death++) {
    const moment = random.pick<Moment>(["opening", "opened", "opened", "closing"]);
    await killAt(moment, victim, random);
    counts.kills++;
    if (moment === "opening") counts.openingKills++;
    // Now and then nobody looks between two deaths.
    if (random.once(3) && death < deathsOfStore - 1) continue;
    await checkStore(place, victim.claims, victim.historySeed, random);
    counts.recoveries++;
  }
}

/** Runs a writer and kills it a while after it has come to a moment. */
async function killAt(moment: Moment, victim: Victim, random: Random): Promise<void> {
  const { place: { path }, subject: { ioEngine, ioMode }, claims, historySeed, segmentBytes } = victim;
  const order = { path, historySeed, seed: random.word(), ioEngine, ioMode, strict: true, segmentBytes };
  const child = new Child("killed_writer", order);
  // Opening and closing take some milliseconds, and each of them matters.
  const delay = moment === "opened" ? random.below(random.pick([5, 50, 150])) : random.below(120) / 10;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const line of child.lines) {
    claims.take(line);
    if (claims.last === moment) timer ??= setTimeout(() => child.kill(), delay);
  }
  clearTimeout(timer);
  const { signal, stderr } = await child.end();
  assert(signal === "SIGKILL", `the writer ended by itself: ${stderr}`);
  claims.check();
}
