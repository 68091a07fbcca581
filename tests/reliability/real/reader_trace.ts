/**
 * Readers of which every system call is looked at: none that writes, makes, renames, removes, sizes, syncs or locks alone
 * anything, and no file opened to be written, so that a ring cannot write either. They also live on a file system that
 * refuses every write.
 */

import { assert, assertEquals } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { Child } from "./child.ts";
import { Claims } from "./claims.ts";
import { type Counts, noCounts } from "./counts.ts";
import { parseTrace, traceAbsence, traceCommand, type TracedCall } from "./strace.ts";
import { mountAbsence, readOnlyMount } from "./namespace.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const readerPart = "readers";
const segmentBytes = 64 * 1024;

/** Calls that change a file, a name or a lock, by what they begin with. */
const changing = [
  "write",
  "pwrite",
  "ftruncate",
  "truncate",
  "fallocate",
  "fsync",
  "fdatasync",
  "sync",
  "msync",
];
const naming = ["rename", "unlink", "mkdir", "rmdir", "mknod", "link", "symlink", "creat"];
const marking = ["chmod", "fchmod", "chown", "fchown", "utime", "futimes", "setxattr", "fsetxattr", "flock"];
const begins = [...changing, ...naming, ...marking];
/** `openat` only with a flag of these. */
const writingFlags = /\bO_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b/;
/** What to trace: by class, so that no call is forgotten that this list does not name. */
const traced = ["%file", "%desc", "sync"];

/** The calls of a trace that change anything at or under a path. */
export function changesIn(calls: readonly TracedCall[], path: string): TracedCall[] {
  return calls.filter(({ name, text }) => {
    if (!text.includes(path) && name !== "sync") return false;
    // Readers share a lease, which keeps out nobody who reads or writes.
    if (name === "flock") return !/\bLOCK_SH\b/.test(text);
    if (name === "fcntl") return /\bF_(?:SETLKW?|OFD_SETLKW?|SETLEASE)\b/.test(text);
    if (name === "open" || name === "openat" || name === "openat2") return writingFlags.test(text);
    return begins.some((begin) => name.startsWith(begin));
  });
}

/** Has stores read, and looks at how. */
export async function traceReaders(budget: Budget, options: TrialOptions = {}): Promise<Counts> {
  if (traceAbsence !== undefined) return { ...noCounts(), skipped: [`${readerPart}: ${traceAbsence}`] };
  const counts = await runTrials(readerPart, budget, options, tryReader);
  if (mountAbsence !== undefined) {
    counts.skipped.push(`${readerPart} on a read-only file system: ${mountAbsence}`);
  }
  return counts;
}

async function tryReader(seed: number, counts: Counts): Promise<void> {
  const random = new Random(seed);
  const subject = random.pick(subjects.filter(({ skip }) => skip === undefined));
  await using place = await Place.make();
  const store = `${place.path}/store`, log = `${place.path}/trace`;
  const historySeed = random.word();
  await make(store, subject, historySeed, random);
  const { ioEngine, ioMode } = subject;
  const order = { path: store, historySeed, seed: 0, ioEngine, ioMode, strict: true, readOnly: true };
  const said = await read(order, traceCommand(log, traced));
  const calls = parseTrace(await Deno.readTextFile(log));
  assert(calls.some(({ text }) => text.includes(store)), "the trace has nothing of the store");
  assertEquals(changesIn(calls, store).map(({ text }) => text), [], `a reader writes (${subject.name})`);
  counts.tracedReaders++;
  if (mountAbsence === undefined) assertEquals(await read(order, readOnlyMount(store)), said);
  // Whoever writes is seen to.
  await read({ ...order, readOnly: false }, traceCommand(log, traced));
  const names = changesIn(parseTrace(await Deno.readTextFile(log)), store).map(({ name }) => name);
  for (const expected of ["openat", "flock", "fsync"]) {
    assert(names.includes(expected), `no ${expected} is seen`);
  }
}

/** Makes a store by a writer that is killed, so that there is something to recover. */
async function make(path: string, subject: Subject, historySeed: number, random: Random): Promise<void> {
  const { ioEngine, ioMode } = subject;
  const child = new Child("killed_writer", {
    path,
    historySeed,
    seed: random.word(),
    ioEngine,
    ioMode,
    segmentBytes,
  });
  const claims = new Claims();
  let lines = random.from(60, 600);
  for await (const line of child.lines) {
    claims.take(line);
    if (lines-- === 0) child.kill();
  }
  await child.end();
  claims.check();
}

/** Has a process read a store, and returns what it says. */
async function read(order: unknown, wrapper: readonly string[]): Promise<string[]> {
  const child = new Child("reader", order, { wrapper });
  const said = await Array.fromAsync(child.lines);
  const { code, stderr } = await child.end();
  assert(code === 0, `a reader failed: ${stderr}`);
  return said;
}
