/** Which system calls a store's life makes on its files, and how each of them may fail. */

import { assert } from "@std/assert";
import type { Random } from "../../random.ts";
import { Place, type Subject, subjects } from "../../store/matrix.ts";
import { Claims } from "./claims.ts";
import { type Injection, mayLast, parseTrace, refusals, ringCall, traceCommand } from "./strace.ts";
import { liveTraced, storeIn } from "./traced_life.ts";

/** A life of a store in which something is to fail. */
export interface Run {
  /** How it does IO. */
  readonly subject: Subject;
  /** What fails. */
  readonly injection: Injection;
}

/** The runs that there are. What calls a life makes is learnt once for each engine and mode. */
export class RunPlan {
  readonly #injections = new Map<Subject, Promise<Injection[]>>();
  readonly #subjects = subjects.filter(({ skip }) => skip === undefined);

  /** Every run. */
  async all(): Promise<Run[]> {
    const runs: Run[] = [];
    for (const subject of this.#subjects) {
      for (const injection of await this.#on(subject)) runs.push({ subject, injection });
    }
    return runs;
  }

  /** One run. */
  async choose(random: Random): Promise<Run> {
    const subject = random.pick(this.#subjects);
    return { subject, injection: await this.chooseInjection(subject, random) };
  }

  /** What fails, chosen such that rare calls come as often as frequent ones. */
  async chooseInjection(subject: Subject, random: Random): Promise<Injection> {
    const injections = await this.#on(subject);
    const wanted = random.pick([...new Set(injections.map(({ name }) => name))]);
    const kills = random.once(3);
    const isWanted = ({ name, code }: Injection) => name === wanted && (code === undefined) === kills;
    return random.pick(injections.filter(isWanted));
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
  const claims = new Claims(), watched = Object.keys(refusals);
  const { ended, trace } = await liveTraced(place, subject, (log) => traceCommand(log, watched), claims);
  assert(ended.code === 0 && claims.last === "done", `a life without faults failed: ${ended.stderr}`);
  claims.check();
  for (const { thread, name, text } of parseTrace(trace)) {
    const file = name === ringCall ? undefined : fileIn(storeIn(place, subject).path, text);
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
