/** A process that takes the steps of its plan, on a machine where the order of everything is chosen, until its end. */

import { CorruptionError, VarveError } from "../../../../mod.ts";
import {
  ChosenFaults,
  dullChoices,
  type Fault,
  type FaultPlan,
  type Operation,
  SeededChoices,
  type SimDisk,
} from "../../../../src/sim/mod.ts";
import { patterned } from "../../../store/bytes.ts";
import { Client, LeftOutError } from "../client.ts";
import type { Counts } from "../counts.ts";
import { isExplained, mayFailWith } from "../failing.ts";
import type { Known } from "../known.ts";
import { Machine } from "../machine.ts";
import type { Change } from "../versions.ts";
import { exchange } from "./exchange.ts";
import type { LifePlan, Step } from "./plan.ts";

const lengths: readonly number[] = [0, 1, 20, 300, 2000, 4095, 4097, 9000];
const keys: readonly string[] = ["a", "aa", "b", "k".repeat(512), "z"];
const mostTimelines = 4, mostBranches = 4;

/** Faults that steps turn on and off, and what they did. */
class Disturbance implements FaultPlan {
  /** The codes that something failed with. */
  readonly codes: Set<string> = new Set();
  /** Whether reads brought what was not written. */
  isDamaged = false;
  /** Whether what a sync was to make durable was given up. */
  isLost = false;
  readonly #seed: number;
  #faults: FaultPlan | undefined;
  #started = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Lets things go wrong; what comes while a store is opened or closed is no damage, which would be found then. */
  start({ codes, oneIn, shortOneIn, damageOneIn }: Extract<Step, { do: "disturb" }>): void {
    const choices = new SeededChoices(this.#seed + ++this.#started);
    this.#faults = new ChosenFaults(choices, {
      codes,
      errorOneIn: oneIn,
      shortOneIn,
      damageOneIn: damageOneIn === 0 ? undefined : damageOneIn,
    });
  }

  /** Lets nothing go wrong. */
  stop(): void {
    this.#faults = undefined;
  }

  faultOf(operation: Operation, path: string, nth: number): Fault | undefined {
    const fault = this.#faults?.faultOf(operation, path, nth);
    if (fault === undefined || fault.kind === "short") return fault;
    if (fault.kind !== "error" && fault.kind !== "lost sync") this.isDamaged = true;
    else if (!mayFailWith(operation, fault.code)) return undefined;
    // Who is interrupted does it again, and loses nothing.
    else if (fault.code === "EINTR") return fault;
    else this.codes.add(fault.code);
    if (fault.kind === "lost sync") this.isLost = true;
    return fault;
  }
}

/** What a life left. */
export interface Left {
  /** The disk. */
  readonly disk: SimDisk;
  /** What was known. */
  readonly known: Known;
  /** Whether the store was closed, and whoever closed it heard of no failure. */
  readonly isClean: boolean;
  /** A hash of all that happened. */
  readonly hash: number;
}

/** See the top of the file. */
export class Life {
  readonly #plan: LifePlan;
  readonly #machine: Machine;
  readonly #client: Client;
  readonly #run: (program: () => Promise<void>) => Promise<boolean>;
  readonly #hash: () => number;
  readonly #disturbance: Disturbance;
  readonly #pending = new Set<Promise<void>>();
  readonly #findings: unknown[] = [];
  #exchanges = 0;
  #isExchanged = false;
  #wasExchanged = false;
  #isClosing = false;
  #isClean = false;

  /** Begins on what an earlier life left. */
  constructor(disk: SimDisk, known: Known, plan: LifePlan, counts: Counts) {
    const { seed, inOrder, turnOneIn, end } = plan;
    this.#plan = plan;
    this.#disturbance = new Disturbance(seed);
    const choices = inOrder ? dullChoices : new SeededChoices(seed);
    const faults = this.#disturbance;
    const [machine, host] = Machine.chosen({ disk, choices, faults, seed, turnOneIn }, counts);
    this.#machine = machine;
    this.#client = new Client(machine, known);
    this.#run = end.how === "close"
      ? (program) => host.run(program).then(() => true)
      : (program) => host.runFor(end.after, program);
    this.#hash = () => host.trace.hash;
  }

  /** Lives; throws if anything does not hold. */
  async live(): Promise<Left> {
    const isOver = await this.#run(() => this.#steps());
    if (this.#findings.length > 0) throw this.#findings[0];
    const known = this.#client.known();
    this.#client.die();
    if (this.#isExchanged) exchange(this.#machine.disk);
    return { disk: this.#leftDisk(), known, isClean: isOver && this.#isClean, hash: this.#hash() };
  }

  #leftDisk(): SimDisk {
    const { disk } = this.#machine;
    const choices = new SeededChoices(this.#plan.seed ^ 1);
    const { how } = this.#plan.end;
    // What a failed sync gave up shows as long as the machine is up, and no store that is opened then could know.
    if (how === "power cut" || this.#disturbance.isLost) return disk.crash(choices);
    return how === "kill" ? disk.killed(choices) : disk;
  }

  async #steps(): Promise<void> {
    if (this.#plan.disturbed) {
      const all: Step = {
        do: "disturb",
        codes: ["EIO", "ENOSPC", "EMFILE", "EINTR"],
        oneIn: 30,
        shortOneIn: 5,
        damageOneIn: 0,
      };
      this.#disturbance.start(all);
    }
    await this.#judged(this.#open());
    for (const step of this.#plan.steps) {
      const work = Promise.try(() => this.#step(step));
      await this.#take(work, !("wait" in step) || step.wait);
    }
    await Promise.all(this.#pending);
    this.#disturbance.stop();
    await this.#judged(this.#client.release());
    await this.#close();
  }

  async #take(work: Promise<void>, now: boolean): Promise<void> {
    const judged = this.#judged(work);
    if (now) return await judged;
    this.#pending.add(judged);
    void judged.finally(() => this.#pending.delete(judged));
  }

  /** An error is a finding unless something failed on purpose and it says so. */
  async #judged(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.#isExpected(error)) this.#findings.push(error);
    }
  }

  #isExpected(error: unknown): boolean {
    if (error instanceof AggregateError) return error.errors.every((each) => this.#isExpected(each));
    const { codes, isDamaged } = this.#disturbance;
    if (error instanceof LeftOutError || isExplained(error, codes)) return true;
    if (this.#isClosing && error instanceof Deno.errors.BadResource) return true;
    if (isDamaged && isCorruption(error)) return true;
    return this.#wasExchanged && error instanceof VarveError;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#isClean = this.#client.store !== undefined;
    await this.#judged(
      this.#client.close().catch((error) => {
        this.#isClean = false;
        throw error;
      }),
    );
    this.#isClosing = false;
  }

  #lineOf(line: number): string {
    const { names } = this.#client;
    return names[line % names.length];
  }

  async #step(step: Step): Promise<void> {
    const client = this.#client;
    switch (step.do) {
      case "append": {
        const gap = step.gap === 0 ? undefined : step.gap;
        const changes = changesOf(new SeededChoices(step.seed), step.patches);
        await client.append(this.#lineOf(step.line), changes, { gap, sync: step.sync, expect: step.expect });
        return;
      }
      case "sync":
        return await client.sync(this.#lineOf(step.line));
      case "compact":
        return await client.compact(this.#lineOf(step.line));
      case "gc":
        return await client.gc(this.#lineOf(step.line), step.history);
      case "set clock":
        return client.adjustClock(step.milliseconds);
      case "hold":
        return client.hold(this.#lineOf(step.line), step.seed);
      case "follow":
        return client.follow(this.#lineOf(step.line), step.seed);
      case "release":
        return await client.release();
      case "freeze":
        return await client.freeze(this.#lineOf(step.line));
      case "make timeline": {
        const made = client.names.filter((name) => !name.startsWith("branch")).length;
        if (made < mostTimelines) await client.makeTimeline(`side ${made}`);
        return;
      }
      case "make branch": {
        const made = client.names.filter((name) => name.startsWith("branch")).length;
        if (made >= mostBranches) return;
        return await client.makeBranch(this.#lineOf(step.line), `branch ${step.seed}`, step.seed);
      }
      case "ask":
        return await client.ask(step.seed, step.seed % 4);
      case "read beside":
        return await this.#readBeside(step.seed);
      case "disturb":
        return this.#disturbance.start(step);
      case "calm":
        return this.#disturbance.stop();
      case "exchange":
        return this.#exchange();
      case "reopen":
        return await this.#reopen();
    }
  }

  /** A reader finds what stands at the path when it looks, which says nothing if something else comes there meanwhile. */
  async #readBeside(seed: number): Promise<void> {
    if (this.#isExchanged) return;
    const exchanges = this.#exchanges;
    try {
      await this.#client.readBeside(seed, () => !this.#disturbance.isDamaged);
    } catch (error) {
      if (this.#exchanges === exchanges) throw error;
    }
  }

  #exchange(): void {
    this.#exchanges++;
    this.#isExchanged = exchange(this.#machine.disk) !== this.#isExchanged;
    this.#wasExchanged ||= this.#isExchanged;
  }

  /** Whatever goes wrong is over before the store is opened: bytes that do not come back may be taken for a torn end. */
  async #reopen(): Promise<void> {
    await Promise.all(this.#pending);
    this.#disturbance.stop();
    await this.#judged(this.#client.release());
    if (this.#disturbance.isLost) return;
    await this.#close();
    if (this.#isExchanged) this.#exchange();
    await this.#judged(this.#open());
  }

  #open(): Promise<void> {
    const { upkeep, history } = this.#plan;
    return this.#client.open({ upkeep, history });
  }
}

function isCorruption(error: unknown): boolean {
  return error instanceof CorruptionError ||
    error instanceof VarveError && error.cause instanceof CorruptionError;
}

/** The changes of a batch, of any number and size; with a seed for patches, most keys that change once are patched. */
function changesOf(choices: SeededChoices, patches?: number): Change[] {
  const changes = wholeChanges(choices);
  if (patches === undefined) return changes;
  const patching = new SeededChoices(patches);
  return changes.map((change) => {
    const isOnce = changes.filter(({ key }) => key === change.key).length === 1;
    if (!isOnce || patching.choose(3) === 0) return change;
    const patch = patterned([0, 1, 20, 300, 4000][patching.choose(5)], patching.choose(2 ** 16));
    return { key: change.key, value: undefined, patch };
  });
}

function wholeChanges(choices: SeededChoices): Change[] {
  const count = [1, 1, 1, 0, 2, 3, 12][choices.choose(7)];
  return Array.from({ length: count }, () => {
    const key = keys[choices.choose(keys.length)];
    if (choices.choose(5) === 4) return { key, value: undefined };
    const length = choices.choose(60) === 59 ? 70_000 : lengths[choices.choose(lengths.length)];
    return { key, value: patterned(length, choices.choose(2 ** 16)) };
  });
}
