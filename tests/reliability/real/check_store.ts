/** A store compared with what programs said of it and with the history that they were to write. */

import { assert, assertEquals } from "@std/assert";
import type { Store, Timeline } from "../../../mod.ts";
import type { Random } from "../../random.ts";
import { collect, sameBytes } from "../../store/bytes.ts";
import type { Place } from "../../store/matrix.ts";
import type { Claims } from "./claims.ts";
import { PlannedHistory, type PlannedVersion } from "./planned_history.ts";

/** How many keys have all their versions read in an opening; each opening takes others. */
const historyKeys = 16;

/**
 * Opens a store three times, first as a reader: each finds the same, which is what was claimed and planned.
 *
 * @param place Where it is, and how it is opened.
 * @param claims What was said of it; it then says what was found.
 * @param seed The seed of its history.
 * @param random Chooses what is read.
 */
export async function checkStore(place: Place, claims: Claims, seed: number, random: Random): Promise<void> {
  const foundByReader = await readOnlyLsns(place);
  const store = await place.open();
  const found = lastLsns(store);
  if (foundByReader !== undefined) assertEquals(foundByReader, found, "a reader found something else");
  await checkTimelines(store, claims, seed, random);
  const leftovers = place.files().filter((path) => /\/(?:probe-[^/]*|pending)$/.test(path));
  assertEquals(leftovers, [], "opening leaves what a killed one left");
  await place.close(store);
  const again = await place.open();
  assertEquals(lastLsns(again), found, "opening again finds something else");
  await checkTimelines(again, claims, seed, random);
  await place.close(again);
}

/** What a reader finds; `undefined` if there is no store yet. */
async function readOnlyLsns(place: Place): Promise<Map<string, number> | undefined> {
  try {
    // An empty directory, or one with leftovers only, holds nothing with which direct IO could be proven.
    const reader = await place.open({ readOnly: true, strict: false });
    const found = lastLsns(reader);
    await place.close(reader);
    return found;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function lastLsns(store: Store): Map<string, number> {
  return new Map(store.timelines().map(({ name, lastLsn }) => [name, lastLsn]));
}

async function checkTimelines(store: Store, claims: Claims, seed: number, random: Random): Promise<void> {
  const there = new Set(store.timelines().map(({ name }) => name));
  for (const [name, { isMade }] of claims.timelines) {
    const planned = new PlannedHistory(seed, name);
    if (there.has(name)) await checkTimeline(store.timeline(name), claims, planned, random);
    else if (isMade) claims.wrong.push(`timeline "${name}" is gone`);
  }
  for (const name of there) if (!claims.timelines.has(name)) claims.wrong.push(`nobody made "${name}"`);
  claims.check();
}

async function checkTimeline(
  timeline: Timeline,
  claims: Claims,
  planned: PlannedHistory,
  random: Random,
): Promise<void> {
  const { name, lastLsn, durableLsn } = timeline;
  const batch = planned.batchAt(lastLsn);
  assert(batch !== undefined, `nobody wrote at LSN ${lastLsn} of "${name}"`);
  assert(durableLsn <= lastLsn, `LSN ${durableLsn} is durable, the last is ${lastLsn}`);
  claims.settle(name, batch);
  const versions = planned.versionsTo(batch);
  const keys = random.shuffle([...versions]).slice(0, historyKeys);
  await checkHistories(timeline, new Map(keys));
  for (const lsn of [planned.lsnAt(random.from(0, batch)), lastLsn]) {
    await checkReads(timeline, versions, lsn);
  }
}

/** Checks every version of every key. */
export async function checkHistories(
  timeline: Timeline,
  versions: ReadonlyMap<string, readonly PlannedVersion[]>,
): Promise<void> {
  for (const [key, expected] of versions) {
    const found = await collect(timeline.history(key));
    assertEquals(found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn), `versions of ${key}`);
    found.forEach(({ lsn, value }, i) => {
      assert(sameBytes(value, expected[i].value), `another value of ${key} at LSN ${lsn}`);
    });
  }
}

/** Checks what is read as of an LSN, by keys and in order. */
async function checkReads(
  timeline: Timeline,
  versions: ReadonlyMap<string, readonly PlannedVersion[]>,
  lsn: number,
): Promise<void> {
  const expected = new Map(
    [...versions].map(([key, all]) => [key, all.findLast((version) => version.lsn <= lsn)?.value]),
  );
  const keys = [...expected.keys()];
  const values = await timeline.getMany(keys, { lsn });
  keys.forEach((key, i) => {
    assert(sameBytes(values[i], expected.get(key)), `another value of ${key} as of LSN ${lsn}`);
  });
  const present = keys.filter((key) => expected.get(key) !== undefined).sort();
  const entries = await collect(timeline.scan({}, { lsn }));
  assertEquals(entries.map(({ key }) => new TextDecoder().decode(key)), present, `scan as of LSN ${lsn}`);
  for (const [i, { value }] of entries.entries()) {
    assert(sameBytes(value, expected.get(present[i])), `another value in a scan as of LSN ${lsn}`);
  }
}
