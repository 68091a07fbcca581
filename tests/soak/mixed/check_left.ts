/** Looks at the store that a holder left, however it ended. */

import { Store } from "../../../mod.ts";
import type { Random } from "../../random.ts";
import { type AsOf, CheckedReads } from "./checked_reads.ts";
import type { Known } from "./known.ts";
import { twigName } from "./load/twig.ts";
import type { PlannedTimeline } from "./planned_timeline.ts";
import type { Shape } from "./shape.ts";

/** Keys that are read as of any LSN, and batches at the end of which every key is. */
const readKeys = 200, tailBatches = 40;

/** A store, and what is known of it. */
export interface Left {
  /** Its directory. */
  readonly path: string;
  /** How it is opened. */
  readonly shape: Shape;
  /** What is written to its timelines. */
  readonly planned: readonly PlannedTimeline[];
  /** What was said of each of them. */
  readonly known: ReadonlyMap<string, Known>;
}

/**
 * Opens a store, to read and to write, and compares what is there with what was said and planned.
 *
 * @param left The store.
 * @param random Chooses what is read.
 * @param isWhole Whether every key is read, and every byte verified.
 * @returns How long it took to open it, in milliseconds.
 */
export async function checkLeft(left: Left, random: Random, isWhole: boolean): Promise<number> {
  const { path, shape: { segmentBytes, memoryBytes, cacheBytes, keptLsns }, planned } = left;
  const found = await lastLsnsOfReader(path);
  const start = performance.now(), history = { lsns: keptLsns };
  const options = { segmentBytes, memoryBytes, cacheBytes, history, upkeep: "manual" } as const;
  await using store = await Store.open(path, options);
  const milliseconds = performance.now() - start;
  for (const { name, lastLsn, horizon, ancestor } of store.timelines()) {
    if (found !== undefined && found.get(name) !== lastLsn) {
      throw new Error(`a reader found "${name}" at ${found.get(name)}, a writer at ${lastLsn}`);
    }
    if (name === twigName && ancestor !== undefined) {
      await checkBranch(
        store,
        planned.find(({ plan }) => plan.name === ancestor.name)!,
        ancestor.lsn,
        random,
      );
      continue;
    }
    const line = planned.find(({ plan }) => plan.name === name);
    if (line === undefined) throw new Error(`nobody made a timeline "${name}"`);
    const known = left.known.get(name)!;
    if (line.lsnOf(line.batchAt(lastLsn)) !== lastLsn) {
      throw new Error(`nobody wrote at LSN ${lastLsn} of "${name}"`);
    }
    known.settle(name, line.batchAt(lastLsn));
    if (horizon < known.horizon || horizon > Math.max(0, lastLsn - keptLsns)) {
      throw new Error(`the horizon of "${name}" is ${horizon}, was ${known.horizon}, at LSN ${lastLsn}`);
    }
    known.horizon = horizon;
    await checkReads(store, line, random, isWhole);
  }
  for (const [name, { floor }] of left.known) {
    if (floor > 0 && !store.timelines().some((there) => there.name === name)) {
      throw new Error(`"${name}" is gone`);
    }
  }
  if (isWhole) {
    for await (const { severity, error } of store.verify()) {
      throw new Error(`verifying finds a ${severity}: ${error.message}`);
    }
  }
  return milliseconds;
}

async function lastLsnsOfReader(path: string): Promise<Map<string, number> | undefined> {
  try {
    await using reader = await Store.open(path, { readOnly: true });
    return new Map(reader.timelines().map(({ name, lastLsn }) => [name, lastLsn]));
  } catch (error) {
    // Whoever was killed early enough had not made one yet.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a branch that a process left which was killed, as of the LSN at which it goes on from a timeline. */
async function checkBranch(store: Store, line: PlannedTimeline, lsn: number, random: Random): Promise<void> {
  const reader = store.timeline(twigName), reads = new CheckedReads(line, random);
  if (reader.lastLsn < lsn) throw new Error(`a branch at LSN ${lsn} ends at ${reader.lastLsn}`);
  for (let i = 0; i < readKeys; i++) {
    const { horizon } = store.timelines().find(({ name }) => name === twigName)!;
    await reads.one({ reader, lsn, options: { lsn }, horizon });
  }
}

async function checkReads(
  store: Store,
  line: PlannedTimeline,
  random: Random,
  isWhole: boolean,
): Promise<void> {
  const reader = store.timeline(line.plan.name), { lastLsn } = reader, reads = new CheckedReads(line, random);
  // An opening moves the horizon in the background, so that it is asked for in the turn of each read.
  const asOf = (choose: (horizon: number) => number): AsOf => {
    const { horizon } = store.timelines().find(({ name }) => name === reader.name)!, lsn = choose(horizon);
    return { reader, lsn, options: { lsn }, horizon };
  };
  const last = line.batchAt(lastLsn);
  for (let batch = Math.max(1, last - tailBatches); batch <= last; batch++) {
    for (const key of line.keysOf(batch)) await reads.history(asOf(() => lastLsn), key);
  }
  for (let i = 0; i < readKeys; i++) {
    await reads.one(asOf((horizon) => random.from(horizon, lastLsn)));
  }
  if (!isWhole) return;
  for (const [set] of line.plan.sets.entries()) {
    await reads.all(asOf(() => lastLsn), set);
    await reads.all(asOf((horizon) => horizon), set);
  }
}
