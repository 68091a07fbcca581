/**
 * Opens what a crash left, and says whether it is what a crash may leave.
 *
 * - History ends at or beyond the floor, and not beyond what was issued; all before that is there, and nothing else.
 * - The horizon is where it was, or further, and not beyond what was allowed; below it nothing is answered.
 * - Every answer is exact. Opening again changes nothing. Then the store takes and keeps more.
 * - A store that is closed has no file and no view open.
 */

import { LsnError, type Store, type Timeline } from "../../../mod.ts";
import type { SimDisk } from "../../../src/sim/mod.ts";
import { sameBytes } from "../../store/bytes.ts";
import type { Counts } from "./counts.ts";
import { batchesUpTo, checkEnds, type Ends, type Known, knownAfter, type KnownTimeline } from "./known.ts";
import { Machine } from "./machine.ts";
import { type Question, questions } from "./questions.ts";
import { Versions } from "./versions.ts";

/** How much is asked of a store that was opened. */
export interface Depth {
  /** How many things each timeline is asked, besides what every key is now. */
  readonly questions: number;
  /** Whether it is closed and opened again, which must change nothing. */
  readonly again: boolean;
  /** Whether it must take more, and keep it. */
  readonly goesOn: boolean;
  /** Which questions come first, so that all have their turn. */
  readonly turn: number;
}

/** Everything. */
export const fully: Depth = { questions: questions.length * 2, again: true, goesOn: true, turn: 0 };

/** Opens, checks and closes what stands on a disk, which is changed by it; returns where history ends. */
export async function checkRecovery(
  disk: SimDisk,
  known: Known,
  counts: Counts,
  depth: Depth = fully,
): Promise<Ends> {
  const machine = Machine.prompt(disk, counts);
  const ends = await opened(machine, known, depth);
  if (depth.again) {
    const before = objectsOf(disk);
    const same = knownAfter(known, ends);
    await opened(machine, same, depth);
    checkUnchanged(before, objectsOf(disk));
    if (depth.goesOn) await goOn(machine, same);
  }
  machine.retire();
  return ends;
}

async function opened(machine: Machine, known: Known, depth: Depth): Promise<Ends> {
  const store = await machine.open();
  try {
    const ends = endsOf(store, known);
    checkEnds(ends, known);
    await checkAnswers(machine, store, known, depth);
    return ends;
  } finally {
    await machine.close(store);
  }
}

/** Where the histories of a store end that was just opened to be written to: all of it is durable. */
export function endsOf(store: Store, known: Known): Ends {
  for (const { name, lastLsn, durableLsn } of store.timelines()) {
    if (durableLsn !== lastLsn) {
      throw new Error(`"${name}" ends at ${lastLsn}, only ${durableLsn} is durable`);
    }
  }
  return readEndsOf(store, known);
}

/** Where the histories of a store end. */
export function readEndsOf(store: Store, known: Known): Ends {
  return new Map(
    store.timelines().map(({ name, lastLsn, horizon }) => {
      const batch = known.get(name)?.batches.find(({ lsn }) => lsn === lastLsn);
      return [name, { lastLsn, digest: batch?.digest ?? 0, horizon }];
    }),
  );
}

/** Asks every timeline what every key is, and some more; below the horizon it must refuse to say. */
export async function checkAnswers(
  machine: Machine,
  store: Store,
  known: Known,
  { questions: count, turn }: Depth,
): Promise<void> {
  for (const { name, lastLsn, horizon } of store.timelines()) {
    const timeline = store.timeline(name);
    const batches = batchesUpTo(known.get(name) as KnownTimeline, lastLsn);
    const model = new Versions(batches);
    for (let i = 0; i <= count; i++) {
      const ask = i === 0 ? questions[0] : questions[(turn + i) % questions.length];
      // The first round is as of now, the next as of earlier LSNs.
      const earlier = [horizon, ...batches.map(({ lsn }) => lsn)];
      const lsn = i < questions.length ? lastLsn : earlier[(turn + i) % earlier.length];
      machine.called();
      await askOrRefuse(ask, store, timeline, model, lsn);
    }
  }
}

/** Asks; the horizon may move meanwhile, and what is below it then is refused. */
async function askOrRefuse(
  ask: Question,
  store: Store,
  timeline: Timeline,
  model: Versions,
  lsn: number,
): Promise<void> {
  const horizonNow = () => store.timelines().find(({ name }) => name === timeline.name)!.horizon;
  const before = horizonNow();
  try {
    await ask(timeline, model, lsn, horizonNow);
  } catch (error) {
    if (error instanceof LsnError && lsn < horizonNow()) return;
    throw error;
  }
  if (lsn < before) throw new Error(`a read as of LSN ${lsn} is answered: the horizon is at ${before}`);
}

/** Appends, syncs and freezes, and finds it again. */
async function goOn(machine: Machine, known: Known): Promise<void> {
  const store = await machine.open();
  const more = new Map<string, number>();
  try {
    for (const { name } of store.timelines()) {
      const timeline = store.timeline(name);
      machine.called();
      more.set(name, await timeline.append([{ key: "more", value: "and more" }], { sync: true }));
      machine.called();
      await timeline.freeze();
    }
  } finally {
    await machine.close(store);
  }
  const again = await machine.open();
  try {
    for (const [name, lsn] of more) {
      const timeline = again.timeline(name);
      if (timeline.lastLsn !== lsn || lsn <= (known.get(name)?.floor ?? 0)) {
        throw new Error(`timeline "${name}" was to go on to LSN ${lsn}, and ends at ${timeline.lastLsn}`);
      }
      machine.called();
      const value = await timeline.get("more");
      if (value?.length !== 8) {
        throw new Error(`timeline "${name}" lost what was appended after the recovery`);
      }
    }
  } finally {
    await machine.close(again);
  }
}

/** The bytes of all segments and layers. */
function objectsOf(disk: SimDisk): Map<string, Uint8Array> {
  const paths = disk.paths().filter((path) => path.endsWith(".seg"));
  return new Map(paths.map((path) => [path, disk.contents(path)]));
}

/** Checks that files hold what they held. Room that was reserved and never written may be given up, or used. */
function checkUnchanged(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
): void {
  for (const [path, bytes] of before) {
    const now = after.get(path);
    if (now === undefined) throw new Error(`opening again removes ${path}`);
    let length = bytes.length;
    while (length > 0 && bytes[length - 1] === 0) length--;
    if (sameBytes(bytes.subarray(0, length), now.subarray(0, length))) continue;
    throw new Error(`opening again changes ${path} within ${length} bytes`);
  }
}
