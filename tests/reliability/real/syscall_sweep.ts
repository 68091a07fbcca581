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
 * What a kill leaves may have to bear another such life before anybody looks, so that openings are cut short too.
 * `strace` counts by thread, and the runtime has several: the nth call is refused of each thread that makes so many.
 */

import { assert } from "@std/assert";
import { Random } from "../../random.ts";
import type { Subject } from "../../store/matrix.ts";
import { type Counts, noCounts } from "./counts.ts";
import { type LifeOf, tryLives } from "./lives.ts";
import { injectCommand, type Injection, traceAbsence } from "./strace.ts";
import { RunPlan } from "./syscall_plan.ts";
import { liveTraced, storeIn } from "./traced_life.ts";
import { type Budget, runTrials, type TrialOptions } from "./trials.ts";

/** The name of this part. */
export const syscallPart = "syscalls";

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
    const { subject, injection } = all?.pop() ?? await plan.choose(random);
    await tryLives(subject, random, counts, async (life) => {
      const next = life.nth === 1 ? injection : await plan.chooseInjection(subject, random);
      return await tryLife(subject, life, next, counts);
    });
  });
}

/** Checks how a life goes. Returns whether it was killed. */
async function tryLife(
  subject: Subject,
  { place, claims, nth, told }: LifeOf,
  injection: Injection,
  counts: Counts,
): Promise<boolean> {
  told.push(JSON.stringify(injection));
  const { path } = storeIn(place, subject);
  const command = (log: string) => injectCommand(log, path, injection);
  const errorsBefore = claims.errors;
  const { ended, trace } = await liveTraced(place, subject, command, claims, nth);
  const calls = trace.split("\n").filter((line) => line.includes("(INJECTED)"));
  told.push(...calls);
  assert(!ended.hung, "it hangs");
  claims.check();
  if (injection.code === undefined && ended.signal === "SIGKILL") {
    counts.syscallKills++;
    return true;
  }
  assert(ended.code === 0 && claims.last === "done", `it crashed: ${ended.stderr}`);
  const isTold = claims.errors > errorsBefore;
  if (calls.length > 0 && isFailedSync(injection)) assert(isTold, "nobody was told of a failed sync");
  if (calls.length > 0) counts.syscallFaults++;
  else counts.syscallMisses++;
  return false;
}

/** Whether a failure is one that somebody must be told of. The runtime itself goes on after an interruption. */
function isFailedSync({ name, code }: Injection): boolean {
  return (name === "fsync" || name === "fdatasync") && code !== undefined && code !== "EINTR";
}
