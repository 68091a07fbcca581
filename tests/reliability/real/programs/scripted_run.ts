/**
 * A short life of a store, always the same: it is made, written to, synced, frozen, read, closed, opened again, read
 * and written to. Whatever fails is said, and the rest goes on as far as it can.
 */

import { assertEquals } from "@std/assert";
import { Store, type Timeline, VarveError } from "../../../../mod.ts";
import type { IoEngine } from "../../../../src/io/mod.ts";
import { openUringEngine } from "../../../../src/io/uring/uring_engine.ts";
import { checkHistories } from "../check_store.ts";
import { FaultyRing, type RingFault } from "../faulty_ring.ts";
import { type Order, say, takeOrder, Writer } from "./writer.ts";

/** What is to be done; `ring` stands for an engine of this program's own. */
interface RunOrder extends Order {
  readonly ring?: { readonly fault?: RingFault };
}

const { order, opening } = takeOrder<RunOrder>("ring");
const hangsAfterMilliseconds = 45_000;

/** Whether an error is one of those that the documentation names for a failing system. */
function isTyped(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isTyped);
  return error instanceof VarveError;
}

/** Does a step; says whether it failed, and how. */
async function attempt<T>(step: string, body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    const told = error instanceof Error ? `${error.name}: ${error.message}` : `${error}`;
    say(`${isTyped(error) ? "error" : "wrong untyped"} ${step}: ${told}`);
    return undefined;
  }
}

/** Appends a batch; one that is refused must not be there, and one that was applied must. */
async function append(writer: Writer, sync: boolean): Promise<void> {
  const { timeline } = writer, before = timeline.lastLsn;
  let applied: number | undefined;
  await attempt("append", () =>
    writer.append(sync).catch((error) => {
      applied = (error as VarveError).appliedLsn ?? before;
      throw error;
    }));
  if (applied !== undefined && timeline.lastLsn !== applied) {
    say(`wrong append: the last LSN is ${timeline.lastLsn}, the error said ${applied}`);
  }
}

async function read({ timeline, planned, lastBatch }: Writer): Promise<void> {
  await checkHistories(timeline, planned.versionsTo(lastBatch)).catch((error) => {
    // What is read may fail, but not be something else.
    if (!isTyped(error)) say(`wrong read: ${error}`);
    else throw error;
  });
}

/** Makes the other timeline, if an earlier life did not. */
async function findSide(store: Store): Promise<Timeline | undefined> {
  if (store.timelines().some(({ name }) => name === "side")) return store.timeline("side");
  say("making side");
  const side = await attempt("make timeline", () => store.createTimeline("side"));
  if (side !== undefined) say("made side");
  return side;
}

async function writeFirst(store: Store): Promise<void> {
  const main = new Writer(store.timeline(), order.historySeed);
  for (let i = 0; i < 20; i++) await append(main, i % 5 === 2);
  const side = await findSide(store);
  if (side !== undefined) {
    const writer = new Writer(side, order.historySeed);
    for (let i = 0; i < 3; i++) await append(writer, i === 1);
    await attempt("sync", () => writer.sync());
    await attempt("read", () => read(writer));
  }
  await attempt("freeze", () => main.timeline.freeze());
  for (let i = 0; i < 3; i++) await append(main, false);
  await attempt("sync", () => main.sync());
  await attempt("read", () => read(main));
  assertEquals(main.timeline.lastLsn, main.planned.lsnAt(main.lastBatch));
}

async function writeAgain(store: Store): Promise<void> {
  for (const { name } of store.timelines()) {
    const writer = new Writer(store.timeline(name), order.historySeed);
    await attempt("read", () => read(writer));
    await append(writer, true);
    await attempt("read", () => read(writer));
  }
}

/** Opens the store, does something with it, and closes it. */
async function within(body: (store: Store) => Promise<void>): Promise<void> {
  const store = await attempt("open", () => Store.open(order.path, opening)) ??
    await attempt("open again", () => Store.open(order.path, opening));
  if (store === undefined) return;
  await body(store);
  const closed = await attempt("close", () => store.close().then(() => true));
  // What fails a merge fails nobody's call.
  for (const [name, { failures }] of Object.entries(store.metrics().upkeep)) {
    if (failures > 0) say(`error upkeep of ${name}: ${failures} jobs ended early`);
  }
  if (closed) say("closed");
}

/** An engine on a ring that fails as it was ordered to. */
async function openFaulty(ring: FaultyRing, fault: RingFault | undefined): Promise<IoEngine> {
  const engine = await openUringEngine(ring.libc, { syscalls: ring.syscalls });
  if ("reason" in engine) throw new Error(engine.reason);
  ring.seen.read = 0;
  ring.fault = fault;
  return engine;
}

setTimeout(() => {
  say("wrong: it hangs");
  Deno.exit(2);
}, hangsAfterMilliseconds);
const ring = order.ring === undefined ? undefined : new FaultyRing();
if (ring !== undefined) opening.ioEngine = await openFaulty(ring, order.ring?.fault);
await within(writeFirst);
await within(writeAgain);
await within(writeAgain);
if (ring !== undefined) {
  say(`seen ${JSON.stringify(ring.seen)}`);
  say(`fired ${ring.fired}`);
}
say("done");
Deno.exit(0);
