/**
 * Random programs over a log, one a seed: of two, one is crashed at operations of its own choice, wherever they are, and in
 * the other one operation fails, or all from it on.
 */

import { PoisonedError } from "../../../log.ts";
import { SeededChoices, SimDisk } from "../../../src/sim/mod.ts";
import {
  type Budget,
  commandOf,
  type Counts,
  hasEnough,
  noCounts,
  type Share,
  within,
  wordsOf,
} from "../simulated/counts.ts";
import { crashAt } from "../simulated/crash_points.ts";
import { isExplained, type Manner, manners, NthFault, survivesFullDisk } from "../simulated/failing.ts";
import { Machine, type MakeEngine } from "../simulated/machine.ts";
import { type Matter, momentsOfAny } from "../simulated/moments.ts";
import { Recoveries, sometimes } from "../simulated/recoveries.ts";
import { LogClient } from "./log_client.ts";
import { type KnownLog, saysSame } from "./log_known.ts";
import { ofLogs } from "./log_oracle.ts";
import { type Plan, planOf, type Step } from "./log_plan.ts";

/** Which programs are run. */
export interface LogProgramOptions {
  /** The first seed; those that follow are one more each. */
  readonly seed?: number | undefined;
  /** Which part of the work is done here. */
  readonly share?: Share | undefined;
  /** What makes the engine that is crashed, on which everything completes in order. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** One in so many moments of a program is a crash. */
const crashOneIn = 10;
/** The most states that a loss of power leaves at one of them. */
const mostStates = 6;
/** The operation that fails is one of so many. */
const mostOperations = 240;

/** Runs programs; a run of the budget is one seed. */
export async function runLogPrograms(budget: Budget, options: LogProgramOptions = {}): Promise<Counts> {
  const counts = noCounts(), { seed: first = 1, share, makeEngine } = options;
  for (const seed of within(seedsFrom(first), budget, share)) {
    counts.seeds++;
    try {
      await (seed % 2 === 0 ? crashProgram(seed, counts, makeEngine) : failProgram(seed, counts));
    } catch (error) {
      const command = commandOf("logs", { seed, runs: 1 });
      counts.failures.push({
        trace: `seed ${seed}`,
        command,
        message: (error as Error).stack ?? wordsOf(error),
      });
    }
    if (hasEnough(counts, budget)) break;
  }
  return counts;
}

function* seedsFrom(first: number): Generator<number> {
  for (let seed = first;; seed++) yield seed;
}

async function crashProgram(seed: number, counts: Counts, makeEngine: MakeEngine | undefined): Promise<void> {
  const { options, steps, random } = planOf(seed);
  const matter: Matter<LogClient, KnownLog> = {
    actor: (machine, known) => new LogClient(machine, options, known),
    saysSame,
  };
  const script: Step[] = [(client) => client.open(), ...steps, (client) => client.close()];
  const run = {
    makeEngine,
    order: makeEngine === undefined ? seed : 0,
    looksAt: () => random.once(crashOneIn),
  };
  const moments = await momentsOfAny(matter, new SimDisk(), script, counts, run);
  const recoveries = new Recoveries(counts, sometimes, ofLogs);
  for (const moment of moments) await crashAt(moment, recoveries, { limit: mostStates, seed });
  counts.deaths += moments.length;
}

async function failProgram(seed: number, counts: Counts): Promise<void> {
  const plan = planOf(seed), { random } = plan, manner = random.pick(manners);
  const faults = new NthFault(random.from(1, random.pick([20, 80, mostOperations])), manner);
  const [machine, host] = Machine.chosen(
    { choices: new SeededChoices(seed), turnOneIn: 4, faults },
    counts,
  );
  const failing = new FailingRun(plan, machine, faults, manner),
    recoveries = new Recoveries(counts, sometimes, ofLogs);
  const { disk } = machine, choices = new SeededChoices(seed);
  const left = await host.run(() => failing.run(disk, choices));
  if (faults.fired.length > 0) counts.failNth++;
  for (const { disk, known } of left) await recoveries.check(disk, known);
  await recoveries.check(manner.isLost ? disk.crash(choices) : disk, failing.client.known());
}

/** A program in which something fails. */
class FailingRun {
  readonly client: LogClient;
  readonly #steps: readonly Step[];
  readonly #faults: NthFault;
  readonly #manner: Manner;
  /** How many operations had failed when the log was opened last: the system may have none of what it was asked for then. */
  #firedBefore = 0;
  #told = 0;
  #isPoisoned = false;

  constructor({ options, steps }: Plan, machine: Machine, faults: NthFault, manner: Manner) {
    // What a sync loses that another process asks for, the one that wrote it is not told.
    this.client = new LogClient(machine, options, undefined, !manner.isLost);
    this.#steps = steps;
    this.#faults = faults;
    this.#manner = manner;
  }

  /** Takes note of who was told of what failed; throws anything else. */
  #judge(error: unknown): void {
    const { code } = this.#manner;
    const isDue = code !== "EINTR" && this.#faults.fired.length > 0 && isExplained(error, new Set([code]));
    if (!isDue) throw error;
    this.#told++;
    if (error instanceof PoisonedError) this.#isPoisoned = true;
  }

  /** Runs it; what is refused is left out. Returns what crashes leave before the log is closed. */
  async run(disk: SimDisk, choices: SeededChoices): Promise<{ disk: SimDisk; known: KnownLog }[]> {
    const { client } = this, judge = (error: unknown) => this.#judge(error);
    for (const step of this.#steps) {
      if (!client.isOpen) await this.#open();
      if (!client.isOpen && this.#manner.isLost && this.#faults.fired.length > 0) break;
      if (client.isOpen) await step(client).catch(judge);
    }
    const known = client.known(),
      left = [disk.crash(choices), disk.killed(choices)].map((disk) => ({ disk, known }));
    this.#faults.end();
    if (client.isOpen) await this.#end();
    await client.close().catch(judge);
    this.#checkTold();
    return left;
  }

  async #open(): Promise<void> {
    if (this.#manner.isLost && this.#faults.fired.length > 0) return;
    await this.client.open().catch((error) => this.#judge(error));
    this.#firedBefore = this.#faults.fired.length;
    this.#told = 0;
    this.#isPoisoned = false;
  }

  /** Nothing fails any more: a log that met a full disk alone goes on, and one that is poisoned does not. */
  async #end(): Promise<void> {
    const { client } = this, { code } = this.#manner, judge = (error: unknown) => this.#judge(error);
    if (this.#isPoisoned) {
      const before = this.#told;
      await client.append([1]).catch(judge);
      if (this.#told === before) throw new Error("a log that is poisoned takes a record");
    }
    const isSurvived = (code === "ENOSPC" || code === "EDQUOT") && this.#faults.fired.every(survivesFullDisk);
    // What began before may still tell that there was no room.
    if (isSurvived) await client.sync().catch(() => client.sync()).catch(() => client.sync());
  }

  /** What could not be written or synced, and is not written later, is told to somebody, when it is closed at the latest. */
  #checkTold(): void {
    const fired = this.#faults.fired.slice(this.#firedBefore);
    const isGrave = this.#manner.code === "EIO" && fired.some((operation) => grave.has(operation));
    if (isGrave && this.#told === 0) throw new Error(`nobody was told that ${fired.join(", ")} failed`);
  }
}

const grave: ReadonlySet<string> = new Set(["write", "datasync", "sync"]);
