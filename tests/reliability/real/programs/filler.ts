/**
 * Fills a small file system with a store, again and again: appends until the disk is full, reads all that is there,
 * removes a ballast, and goes on; also closes and opens the store while the disk is full.
 */

import { assert } from "@std/assert";
import { IoError, Store, VarveError } from "../../../../mod.ts";
import { Random } from "../../../random.ts";
import { checkHistories } from "../check_store.ts";
import { say, takeOrder, Writer } from "./writer.ts";

const { order, opening } = takeOrder();
const random = new Random(order.seed);
/** Files that take room away, and give it back one by one. */
const ballast = Array.from({ length: 9 }, (_, part) => `${order.path}-ballast${part}`);
const ballastBytes = 128 * 1024;
/** What is kept for the end. */
const lastParts = 5;

function isFull(error: unknown): boolean {
  return error instanceof IoError && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** Whether the disk was full; throws whatever else it was. */
async function meetsFullDisk(step: string, body: () => Promise<unknown>): Promise<boolean> {
  try {
    await body();
    return false;
  } catch (error) {
    if (isFull(error) || error instanceof AggregateError && error.errors.every(isFull)) return true;
    const kind = error instanceof VarveError ? "" : "untyped ";
    throw new Error(`${step} fails on a full disk with ${kind}${error}`, { cause: error });
  }
}

function writersOf(store: Store): Writer[] {
  return store.timelines().map(({ name }) => new Writer(store.timeline(name), order.historySeed));
}

async function check(writers: readonly Writer[]): Promise<void> {
  for (const { timeline, planned, lastBatch } of writers) {
    assert(lastBatch >= 0, `nobody wrote at LSN ${timeline.lastLsn}`);
    await checkHistories(timeline, planned.versionsTo(lastBatch));
  }
}

/** Appends until the disk is full: then what was refused is not there, and what was applied is. */
async function fill(writers: readonly Writer[]): Promise<void> {
  for (let isFullNow = false; !isFullNow;) {
    const writer = random.pick(writers);
    const before: number = writer.timeline.lastLsn;
    let said: number | undefined;
    isFullNow = await meetsFullDisk("append", () =>
      writer.append(random.once(2)).catch((error) => {
        said = (error as VarveError).appliedLsn ?? before;
        throw error;
      }));
    const { lastLsn } = writer.timeline;
    assert(said === undefined || said === lastLsn, `an error said LSN ${said}, the last is ${lastLsn}`);
    if (random.once(12)) {
      isFullNow = await meetsFullDisk("freeze", () => writer.timeline.freeze()) || isFullNow;
    }
    if (random.once(40)) {
      isFullNow = await meetsFullDisk("compact", () => writer.timeline.compact()) || isFullNow;
    }
  }
  say("full");
}

/** Does something that needs room, for which more and more is made. */
async function withRoom(step: string, body: () => Promise<unknown>): Promise<void> {
  while (await meetsFullDisk(step, body)) {
    const part = ballast.pop();
    assert(part !== undefined, `${step} meets a full disk, whatever room there is`);
    Deno.removeSync(part);
  }
}

/** Goes on when there is room again. */
async function goOn(writers: readonly Writer[]): Promise<void> {
  for (const writer of writers) {
    await withRoom("sync", () => writer.sync());
    await withRoom("append", () => writer.append(true));
    // It may need more room than can be made; where there is too little it leaves none taken.
    await meetsFullDisk("compact", () => writer.timeline.compact());
    await withRoom("sync", () => writer.sync());
  }
  say("went on");
}

/** Closes a store on a full disk, which may be refused: what is not durable is lost then. */
async function close(store: Store): Promise<void> {
  say(await meetsFullDisk("close", () => store.close()) ? "refused to close" : "closed");
}

async function run(): Promise<void> {
  for (const part of ballast) Deno.writeFileSync(part, new Uint8Array(ballastBytes));
  let store = await Store.open(order.path, opening);
  if (random.once(2)) {
    say("making side");
    await store.createTimeline("side");
  }
  for (const writers = writersOf(store); ballast.length > lastParts;) {
    await fill(writers);
    await check(writers);
    await goOn(writers);
    await check(writers);
  }
  await fill(writersOf(store));
  await close(store);
  await withRoom("open", async () => store = await Store.open(order.path, opening));
  const writers = writersOf(store);
  await check(writers);
  await goOn(writers);
  await check(writers);
  await close(store);
  say("done");
}

await run();
