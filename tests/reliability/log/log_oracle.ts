/**
 * Opens what a crash left of a log, and says whether it is what a crash may leave: a prefix at or beyond the floor, every
 * record of which is right; a reader finds the same; opening again changes nothing; and then it takes and keeps more.
 */

import { type Log, type LogEntry, OffsetError } from "../../../log.ts";
import type { SimDisk } from "../../../src/sim/mod.ts";
import { patterned, sameBytes } from "../../store/bytes.ts";
import type { Counts } from "../simulated/counts.ts";
import { Machine } from "../simulated/machine.ts";
import type { Depth } from "../simulated/oracle.ts";
import type { Oracle } from "../simulated/recoveries.ts";
import { tails } from "./golden_log.ts";
import {
  checkEnds,
  endsOf,
  type IssuedRecord,
  knownAfter,
  type KnownLog,
  type LogEnds,
} from "./log_known.ts";

/** What is said of logs. */
export const ofLogs: Oracle<KnownLog, LogEnds> = { checkRecovery, checkEnds };

async function checkRecovery(disk: SimDisk, known: KnownLog, counts: Counts, depth: Depth): Promise<LogEnds> {
  const machine = Machine.prompt(disk, counts), { turn, again, goesOn } = depth;
  const isThere = machine.disk.directories().some((path) => path.startsWith("/store/log"));
  const read = isThere && turn % 3 === 0 ? await readOnce(machine, known) : undefined;
  const ends = await opened(machine, known, depth);
  if (read !== undefined && (read.first !== ends.first || read.next !== ends.next)) {
    throw new Error(`a reader found ${read.first} to ${read.next}, a writer ${ends.first} to ${ends.next}`);
  }
  if (again) {
    const same = knownAfter(known, ends);
    await opened(machine, same, depth);
    if (goesOn) await goOn(machine, same, turn);
  }
  if (machine.engine.openFiles > 0) throw new Error(`${machine.engine.openFiles} files are open`);
  machine.retire();
  return ends;
}

/** What a reader finds, if there is a log yet. */
async function readOnce(machine: Machine, known: KnownLog): Promise<LogEnds | undefined> {
  let log: Log;
  try {
    log = await machine.openLog({ readOnly: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && known.floor === 0) return undefined;
    throw error;
  }
  try {
    const ends = endsOf(log, known);
    checkEnds(ends, known);
    await checkRead(log, known.records, ends.first, ends.next);
    return ends;
  } finally {
    await log.close();
  }
}

async function opened(machine: Machine, known: KnownLog, { turn }: Depth): Promise<LogEnds> {
  const log = await machine.openLog({ tail: tails[turn % tails.length] });
  try {
    const ends = endsOf(log, known), { first, next } = ends;
    checkEnds(ends, known);
    if (log.durableOffset !== next) throw new Error(`${log.durableOffset} of ${next} records are durable`);
    await checkRead(log, known.records, first, next);
    await checkRead(log, known.records, first + turn % (next - first + 1), next);
    return ends;
  } finally {
    await log.close();
  }
}

/** Appends to what was found, and reads all of it after another opening. */
async function goOn(
  machine: Machine,
  { records, issued, first: [first] }: KnownLog,
  turn: number,
): Promise<void> {
  const more = [patterned(10, turn), patterned(5000, turn)];
  const log = await machine.openLog({ tail: tails[turn % tails.length] });
  await log.append(more);
  await log.close();
  const reader = await machine.openLog({ readOnly: true });
  const added = more.map((payload, i) => ({ payload, number: i, milliseconds: 0 }));
  await checkRead(reader, [...records, ...added], first, issued + more.length);
  await reader.close();
}

/** Throws if an entry is not the record that stands at an offset. */
export function checkEntry(
  { offset, payload }: LogEntry,
  due: number,
  records: readonly IssuedRecord[],
): void {
  if (offset !== due) throw new Error(`record ${offset} was read in the place of ${due}`);
  const expected = records[offset]?.payload;
  if (!sameBytes(payload, expected)) throw new Error(`another record was read at offset ${offset}`);
}

/** Reads records, each of which must be right; what is given up meanwhile may end it. */
export async function checkRead(
  log: Log,
  records: readonly IssuedRecord[],
  from: number,
  to: number,
): Promise<void> {
  let due = from;
  try {
    for await (const entry of log.readable({ from, to })) checkEntry(entry, due++, records);
  } catch (error) {
    if (error instanceof OffsetError && due < log.firstOffset) return;
    throw error;
  }
  if (due !== to) throw new Error(`a read ended at offset ${due} of ${to}`);
}
