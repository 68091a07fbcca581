/**
 * The short life of a store again and again, in which each time another entry of its ring fails, for once or for ever,
 * comes back short, or is where the process is killed. `strace` does not see what a ring does.
 */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { checkStore } from "./check_store.ts";
import { Child, type Ended } from "./child.ts";
import { Claims } from "./claims.ts";
import { type Counts, noCounts } from "./counts.ts";
import { ringActs, type RingFault, type RingOperation } from "./faulty_ring.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const ringPart = "ring";
const historySeed = 7;
const segmentBytes = 64 * 1024;
const rings = subjects.filter(({ ioEngine }) => ioEngine === "uring");

/** Why there is no ring here; `undefined` if there is one. */
export const ringAbsence: string | undefined = rings.find(({ skip }) => skip !== undefined)?.skip;

/** Has entries of rings fail. */
export async function ringSweep(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  if (ringAbsence !== undefined) return { ...noCounts(), skipped: [`${ringPart}: ${ringAbsence}`] };
  const plans = new Map<Subject, Promise<Record<RingOperation, number>>>();
  return await runTrials(ringPart, budget, options, async (seed, counts) => {
    const random = new Random(seed), subject = random.pick(rings);
    const seen = plans.get(subject) ?? countEntries(subject);
    plans.set(subject, seen);
    await tryFault(subject, chooseFault(await seen, random), random, counts);
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
  const { ended, claims, seen } = await live(place, subject, undefined);
  assert(ended.code === 0 && claims.last === "done", `a life without faults failed: ${ended.stderr}`);
  claims.check();
  return JSON.parse(seen);
}

/** What came of a life. */
interface Life {
  readonly ended: Ended;
  readonly claims: Claims;
  /** How many entries there were, as JSON. */
  readonly seen: string;
  /** How many of them failed. */
  readonly fired: number;
}

async function live({ path }: Place, subject: Subject, fault: RingFault | undefined): Promise<Life> {
  const { ioMode } = subject;
  const order = { path: `${path}/store`, historySeed, seed: 0, ioMode, segmentBytes, ring: { fault } };
  const child = new Child("scripted_run", order);
  const claims = new Claims();
  let seen = "", fired = 0;
  for await (const line of child.lines) {
    if (line.startsWith("seen ")) seen = line.slice("seen ".length);
    else if (line.startsWith("fired ")) fired = Number(line.slice("fired ".length));
    else claims.take(line);
  }
  return { ended: await child.end(), claims, seen, fired };
}

async function tryFault(subject: Subject, fault: RingFault, random: Random, counts: Counts): Promise<void> {
  await using place = await Place.make();
  const { ended, claims, fired } = await live(place, subject, fault);
  const isKilled = ended.signal === "SIGKILL";
  try {
    assert(!ended.hung, "it hangs");
    assert(isKilled ? fault.act === "kill" : ended.code === 0, `it crashed: ${ended.stderr}`);
    assert(isKilled || claims.last === "done", "it did not come to its end");
    claims.check();
    // An interruption is no failure: the kernel wrote nothing yet, and the engine goes on.
    const isFailedSync = fault.operation === "fsync" && fault.act !== "EINTR" && fired > 0;
    assert(!isFailedSync || claims.errors > 0, "nobody was told of a failed sync");
    const { ioEngine, ioMode } = subject;
    const store = new Place(`${place.path}/store`, { ioEngine, ioMode, strict: true, segmentBytes });
    await checkStore(store, claims, historySeed, random);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : cause;
    throw new Error(`${subject.name}, ${JSON.stringify(fault)}\n${message}`, { cause });
  }
  counts.recoveries++;
  if (isKilled) counts.ringKills++;
  else if (fired > 0) counts.ringFaults++;
  else counts.ringMisses++;
}
