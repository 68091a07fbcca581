/**
 * Holds a store under mixed load, in a process of its own, until it is told to end or is killed.
 *
 * ```
 *   says                                        is told
 *   ready 81000000      what it takes before    quiet   ends the load, and waits until nothing is to do
 *   opening, opened 12  it took 12 ms           reopen  closes cleanly, opens and goes on
 *   issued main 512     about to append         end     closes and exits
 *   durable main 300    a sync said so
 *   told, quiet {…}     how it stands
 *   closing, closed
 *   wrong …             something does not hold; it exits
 * ```
 */

import { Store } from "../../../mod.ts";
import { Random } from "../../random.ts";
import { TextLineStream } from "../../reliability/real/lines.ts";
import { Following } from "./load/following.ts";
import { Load, type LoadPlan } from "./load/load.ts";
import { LoopDelay } from "./load/loop_delay.ts";
import { say } from "./load/say.ts";
import { tellLines, type Told } from "./load/told.ts";
import { PlannedTimeline } from "./planned_timeline.ts";

/** What a holder is to do. */
export interface HolderOrder extends LoadPlan {
  /** The store's directory. */
  readonly path: string;
  /** The seed of what is written. */
  readonly seed: number;
  /** The seed of what is done in this life. */
  readonly lifeSeed: number;
}

/** How long upkeep may take until nothing is to do, and how often it is asked. */
const mostQuietMilliseconds = 900_000, askMilliseconds = 20;

/** A store that is held. */
class Holder {
  readonly #order: HolderOrder;
  readonly #random: Random;
  readonly #planned: readonly [PlannedTimeline, PlannedTimeline];
  #store!: Store;
  #load: Load | undefined;
  #reads = 0;
  #branches = 0;
  #following: Following | undefined;
  #delay: LoopDelay | undefined;
  #lastLsns: readonly number[] = [];

  constructor(order: HolderOrder) {
    this.#order = order;
    this.#random = new Random(order.lifeSeed);
    const [main, side] = order.shape.lines;
    this.#planned = [new PlannedTimeline(order.seed, main), new PlannedTimeline(order.seed, side)];
  }

  /** Opens the store and begins. */
  async open(): Promise<void> {
    const { path, shape: { segmentBytes, memoryBytes, cacheBytes, keptLsns, lines, every } } = this.#order;
    say("opening");
    const start = performance.now(), history = { lsns: keptLsns };
    this.#store = await Store.open(path, { segmentBytes, memoryBytes, cacheBytes, history });
    say(`opened ${(performance.now() - start).toFixed(1)}`);
    for (const { name } of lines) {
      if (!this.#store.timelines().some((there) => there.name === name)) {
        await this.#store.createTimeline(name);
      }
    }
    const lastLsns = this.#store.timelines().map(({ lastLsn }) => lastLsn);
    if (this.#lastLsns.length > 0 && `${this.#lastLsns}` !== `${lastLsns}`) {
      throw new Error(`closed at ${this.#lastLsns}, opened at ${lastLsns}`);
    }
    this.#delay = new LoopDelay();
    const progress = (batch: number) => {
      if (this.#random.once(every.report)) this.#tell("told", batch);
    };
    const [main] = this.#planned, { horizon } = this.#store.timelines()[0], random = this.#random;
    this.#following ??= new Following(main, Math.max(1, horizon), random);
    this.#load = new Load(this.#store, this.#planned, this.#order, random, this.#following, progress, fail);
  }

  /** Ends the load, waits until upkeep has nothing to do, gives history up, and verifies. */
  async quiet(): Promise<void> {
    await this.#stop();
    await this.#untilIdle();
    for (const { plan: { name } } of this.#planned) await this.#store.timeline(name).gc();
    await this.#untilIdle();
    for await (const { severity, error } of this.#store.verify()) {
      throw new Error(`verifying finds a ${severity}: ${error.message}`);
    }
    const [main] = this.#planned;
    this.#tell("quiet", main.batchAt(this.#store.timeline(main.plan.name).lastLsn));
  }

  /** Closes the store cleanly. */
  async close(): Promise<void> {
    await this.#stop();
    this.#lastLsns = this.#store.timelines().map(({ lastLsn }) => lastLsn);
    say("closing");
    await this.#store.close();
    this.#delay?.[Symbol.dispose]();
    say("closed");
  }

  async #stop(): Promise<void> {
    await this.#load?.stop();
    this.#reads += this.#load?.reads ?? 0;
    this.#branches += this.#load?.branches ?? 0;
    this.#load = undefined;
  }

  async #untilIdle(): Promise<void> {
    const end = performance.now() + mostQuietMilliseconds;
    for (;;) {
      const lines = tellLines(this.#store);
      if (lines.every(({ isIdle, debtBytes }) => isIdle && debtBytes === 0)) return;
      if (performance.now() > end) throw new Error(`upkeep does not end: ${JSON.stringify(lines)}`);
      await new Promise((resolve) => setTimeout(resolve, askMilliseconds));
    }
  }

  #tell(word: string, batch: number): void {
    const { memory, oldestViewMilliseconds, upkeep } = this.#store.metrics();
    const told: Told = {
      batch,
      reads: this.#reads + (this.#load?.reads ?? 0),
      branches: this.#branches + (this.#load?.branches ?? 0),
      followed: this.#following?.told ?? 0,
      heldBytes: memory.totalBytes,
      oldestViewMilliseconds,
      mergedBytes: Object.values(upkeep).reduce((sum, { mergedBytes }) => sum + mergedBytes, 0),
      late: [0.5, 0.99, 0.999].map((share) => this.#delay!.percentile(share)),
      lines: tellLines(this.#store),
    };
    say(`${word} ${JSON.stringify(told)}`);
  }
}

/** Says what does not hold, and ends. */
function fail(error: unknown): void {
  say(`wrong ${error instanceof Error ? error.stack : error}`);
  Deno.exit(1);
}

/** Does what it is told. */
async function hold(order: HolderOrder): Promise<void> {
  say(`ready ${Deno.memoryUsage().rss}`);
  const holder = new Holder(order);
  await holder.open();
  const commands = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const command of commands) {
    if (command === "quiet") await holder.quiet();
    if (command === "reopen") {
      await holder.close();
      await holder.open();
    }
    if (command === "end") break;
  }
  await holder.close();
}

if (import.meta.main) {
  addEventListener("unhandledrejection", ({ reason }) => fail(reason));
  await hold(JSON.parse(Deno.args[0])).catch(fail);
  Deno.exit();
}
