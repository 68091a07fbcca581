/**
 * The short life of a store again and again, in which each time another entry of its ring fails, for once or for ever,
 * comes back short, or is where the process is killed. `strace` does not see what a ring does.
 */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { Child, type Ended } from "./child.ts";
import { Claims } from "./claims.ts";
import { type Counts, noCounts } from "./counts.ts";
import { ringActs, type RingFault, type RingOperation } from "./faulty_ring.ts";
import { type LifeOf, tryLives } from "./lives.ts";
import { historySeed, segmentBytes, storeIn } from "./traced_life.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const ringPart = "ring";
const rings = subjects.filter(({ ioEngine }) => ioEngine === "uring");

/** Why there is no ring here; `undefined` if there is one. */
export const ringAbsence: string | undefined = rings.find(({ skip }) => skip !== undefined)?.skip;

/** Has entries of rings fail. */
export async function ringSweep(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  if (ringAbsence !== undefined) return { ...noCounts(), skipped: [`${ringPart}: ${ringAbsence}`] };
  const plans = new Map<Subject, Promise<Record<RingOperation, number>>>();
  return await runTrials(ringPart, budget, options, async (seed, counts) => {
    const random = new Random(seed), subject = random.pick(rings);
    const counting = plans.get(subject) ?? countEntries(subject);
    plans.set(subject, counting);
    const seen = await counting;
    await tryLives(
      subject,
      random,
      counts,
      (life) => tryLife(subject, life, chooseFault(seen, random), counts),
    );
  });
}

function chooseFault(seen: Readonly<Record<RingOperation, number>>, random: Random): RingFault {
  const present = (Object.keys(seen) as RingOperation[]).filter((name) => seen[name] > 0);
  const operation = random.pick(present);
  const act = random.pick(ringActs[operation]);
  return { operation, nth: random.from(1, seen[operation]), act, forever: act !== "kill" && random.once(2) };
}

/** How many entries of each kind the life of a store makes. */
async function countEntries(subject: Subject): Promise<Record<RingOperation, number>> {
  await using place = await Place.make();
  const claims = new Claims();
  const { ended, seen } = await live(storeIn(place, subject), subject, undefined, claims);
  assert(ended.code === 0 && claims.last === "done", `a life without faults failed: ${ended.stderr}`);
  claims.check();
  return JSON.parse(seen);
}

/** How a life ended. */
interface Life {
  readonly ended: Ended;
  /** How many entries there were, as JSON. */
  readonly seen: string;
  /** How many of them failed. */
  readonly fired: number;
}

async function live(
  { path }: Place,
  { ioMode }: Subject,
  fault: RingFault | undefined,
  claims: Claims,
): Promise<Life> {
  const child = new Child("scripted_run", {
    path,
    historySeed,
    seed: 0,
    ioMode,
    segmentBytes,
    ring: { fault },
  });
  let seen = "", fired = 0;
  for await (const line of child.lines) {
    if (line.startsWith("seen ")) seen = line.slice("seen ".length);
    else if (line.startsWith("fired ")) fired = Number(line.slice("fired ".length));
    else claims.take(line);
  }
  return { ended: await child.end(), seen, fired };
}

/** Checks how a life goes. Returns whether it was killed. */
async function tryLife(
  subject: Subject,
  { place, claims, told }: LifeOf,
  fault: RingFault,
  counts: Counts,
): Promise<boolean> {
  told.push(JSON.stringify(fault));
  const errorsBefore = claims.errors;
  const { ended, fired } = await live(storeIn(place, subject), subject, fault, claims);
  assert(!ended.hung, "it hangs");
  claims.check();
  if (fault.act === "kill" && ended.signal === "SIGKILL") {
    counts.ringKills++;
    return true;
  }
  assert(ended.code === 0 && claims.last === "done", `it crashed: ${ended.stderr}`);
  // An interruption is no failure: the kernel wrote nothing yet, and the engine goes on.
  const isFailedSync = fault.operation === "fsync" && fault.act !== "EINTR" && fired > 0;
  assert(!isFailedSync || claims.errors > errorsBefore, "nobody was told of a failed sync");
  if (fired > 0) counts.ringFaults++;
  else counts.ringMisses++;
  return false;
}
