/**
 * The same short life of a store again and again, in which each time another system call on its files fails, or the
 * process is killed at it.
 *
 * ```
 *   a run that is only watched ─► the files, and how often each call was made on each
 *   each (call, file, nth, code, once or for ever), each (call, file, nth, kill):
 *     run ─► ends by itself, every error typed, every failed sync told, every read right
 *         ─► a healthy process opens it and finds what it must
 * ```
 *
 * `strace` counts by thread, and the runtime has several: the nth call is refused of each thread that makes so many.
 */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { checkStore } from "./check_store.ts";
import { Child, type Ended } from "./child.ts";
import { Claims } from "./claims.ts";
import { type Counts, noCounts } from "./counts.ts";
import {
  injectCommand,
  type Injection,
  mayLast,
  parseTrace,
  refusals,
  ringCall,
  traceAbsence,
  traceCommand,
} from "./strace.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const syscallPart = "syscalls";
/** Names in the store are chosen by the runtime's randomness, so that they are the same in each run. */
const flags = ["--seed=7"];
const historySeed = 7;
const segmentBytes = 64 * 1024;

/** How the sweep is done. */
export interface SweepOptions extends TrialOptions {
  /** Whether every call is refused in every way, instead of some that seeds choose. */
  readonly every?: boolean | undefined;
}

/** Refuses system calls, or kills at them. */
export async function syscallSweep(budget: Budget, options: SweepOptions = {}): Promise<Counts> {
  if (traceAbsence !== undefined) return { ...noCounts(), skipped: [`${syscallPart}: ${traceAbsence}`] };
  const plan = new RunPlan();
  const all = options.every ? await plan.all() : undefined;
  const most = Math.min(budget.most ?? Infinity, all?.length ?? Infinity);
  return await runTrials(syscallPart, { ...budget, most }, options, async (seed, counts) => {
    const random = new Random(seed);
    await tryRun(all?.pop() ?? await plan.choose(random), random, counts);
  });
}

/** A life of a store in which something is to fail. */
interface Run {
  readonly subject: Subject;
  readonly injection: Injection;
}

/** The runs that there are. What calls a life makes is learnt once for each engine and mode. */
class RunPlan {
  readonly #injections = new Map<Subject, Promise<Injection[]>>();
  readonly #subjects = subjects.filter(({ skip }) => skip === undefined);

  /** Every run, the last first. */
  async all(): Promise<Run[]> {
    const runs: Run[] = [];
    for (const subject of this.#subjects) {
      for (const injection of await this.#on(subject)) runs.push({ subject, injection });
    }
    return runs;
  }

  /** One run, chosen such that rare calls come as often as frequent ones. */
  async choose(random: Random): Promise<Run> {
    const subject = random.pick(this.#subjects);
    const injections = await this.#on(subject);
    const wanted = random.pick([...new Set(injections.map(({ name }) => name))]);
    const kills = random.once(3);
    const isWanted = ({ name, code }: Injection) => name === wanted && (code === undefined) === kills;
    return { subject, injection: random.pick(injections.filter(isWanted)) };
  }

  #on(subject: Subject): Promise<Injection[]> {
    const injections = this.#injections.get(subject) ?? injectionsOn(subject);
    this.#injections.set(subject, injections);
    return injections;
  }
}

/** Every call that a life on an engine in a mode makes, and how each may fail. */
async function injectionsOn(subject: Subject): Promise<Injection[]> {
  const calls = new Map<string, Map<string, number>>();
  await using place = await Place.make();
  const { ended, claims, trace } = await live(
    place,
    subject,
    (log) => traceCommand(log, Object.keys(refusals)),
  );
  assert(ended.code === 0 && claims.last === "done", `a life without faults failed: ${ended.stderr}`);
  claims.check();
  for (const { thread, name, text } of parseTrace(trace)) {
    const file = name === ringCall ? undefined : fileIn(storePath(place), text);
    if (file === undefined && name !== ringCall) continue;
    const call = JSON.stringify([name, file]);
    const threads = calls.get(call) ?? new Map<string, number>();
    calls.set(call, threads.set(thread, (threads.get(thread) ?? 0) + 1));
  }
  return [...calls].flatMap(([call, threads]) => {
    const [name, file] = JSON.parse(call) as [string, string | null];
    return injectionsOf(name, file ?? undefined, Math.max(...threads.values()));
  });
}

function injectionsOf(name: string, file: string | undefined, count: number): Injection[] {
  const injections: Injection[] = [];
  for (let nth = 1; nth <= count; nth++) {
    for (const code of [undefined, ...refusals[name]]) {
      injections.push({ name, file, nth, code, forever: false });
      if (mayLast(code)) injections.push({ name, file, nth, code, forever: true });
    }
  }
  return injections;
}

/** The file that a call is made on: what stands behind the store's directory. */
function fileIn(directory: string, text: string): string | undefined {
  const at = text.indexOf(directory);
  if (at < 0) return undefined;
  return /^[^">]*/.exec(text.slice(at + directory.length))?.[0];
}

function storePath({ path }: Place): string {
  return `${path}/store`;
}

/** What came of a life. */
interface Life {
  readonly ended: Ended;
  readonly claims: Claims;
  readonly trace: string;
}

/** Has a store live under `strace`. */
async function live(
  place: Place,
  { ioEngine, ioMode }: Subject,
  command: (log: string) => string[],
): Promise<Life> {
  const log = `${place.path}/trace`;
  const order = { path: storePath(place), historySeed, seed: 0, ioEngine, ioMode, segmentBytes };
  const child = new Child("scripted_run", order, { wrapper: command(log), flags });
  const claims = new Claims();
  for await (const line of child.lines) claims.take(line);
  const ended = await child.end();
  const trace = await Deno.readTextFile(log).catch((cause) => {
    throw new Error(`strace did not begin: ${ended.stderr}`, { cause });
  });
  return { ended, claims, trace };
}

async function tryRun({ subject, injection }: Run, random: Random, counts: Counts): Promise<void> {
  await using place = await Place.make();
  const { ended, claims, trace } = await live(
    place,
    subject,
    (log) => injectCommand(log, storePath(place), injection),
  );
  const kills = injection.code === undefined;
  const injected = kills ? ended.signal === "SIGKILL" : trace.includes("(INJECTED)");
  const told = `${subject.name}, ${JSON.stringify(injection)}`;
  try {
    if (!kills || !injected) {
      assert(!ended.hung, "it hangs");
      assert(ended.code === 0 && claims.last === "done", `it crashed: ${ended.stderr}`);
    }
    claims.check();
    if (injected && isFailedSync(injection)) assert(claims.errors > 0, "nobody was told of a failed sync");
    const { ioEngine, ioMode } = subject;
    const store = new Place(storePath(place), { ioEngine, ioMode, strict: true, segmentBytes });
    await checkStore(store, claims, historySeed, random);
  } catch (cause) {
    const calls = trace.split("\n").filter((line) => line.includes("(INJECTED)")).join("\n");
    throw new Error(`${told}\n${cause instanceof Error ? cause.message : cause}\n${calls}`, { cause });
  }
  counts.recoveries++;
  if (!injected) counts.syscallMisses++;
  else if (kills) counts.syscallKills++;
  else counts.syscallFaults++;
}

/** Whether a failure is one that somebody must be told of. The runtime itself goes on after an interruption. */
function isFailedSync({ name, code }: Injection): boolean {
  return (name === "fsync" || name === "fdatasync") && code !== undefined && code !== "EINTR";
}
