/**
 * A soak of mixed load: a process holds a store, is killed, closes, opens again; what it leaves is compared with what was
 * planned and acknowledged, and everything that is bounded is looked at all along.
 *
 * ```
 *   life      opening ─► load ……………………………… quiet ─► closing         each is cut off by a kill, or not
 *               │          │ told, every few batches   │ nothing to do, history given up, verified
 *               ▼          ▼                           ▼
 *   parent    claims    bounds: memory, disk, depth …  stricter bounds        then: opens, compares
 * ```
 */

import { Random } from "../../random.ts";
import { Child } from "../../reliability/real/child.ts";
import { Bounds, type Seen } from "./bounds.ts";
import { checkLeft } from "./check_left.ts";
import type { HolderOrder } from "./holder.ts";
import { Known } from "./known.ts";
import {
  depthLimits,
  descriptorLimit,
  loadedDiskLimit,
  quietDiskLimit,
  Readable,
  residentLimit,
} from "./limits.ts";
import type { Told } from "./load/told.ts";
import { diskBytes, observeProcess, type ProcessSeen } from "./observe.ts";
import { PlannedTimeline } from "./planned_timeline.ts";
import type { Shape } from "./shape.ts";

/** How a life ends. */
const endings = ["opening", "kill", "kill", "kill", "reopen", "closing", "quiet", "quiet"] as const;
type Ending = typeof endings[number];

/** How a soak is done. */
export interface SoakPlan {
  /** How large it is. */
  readonly shape: Shape;
  /** What everything is chosen by. */
  readonly seed: number;
  /** Batches a second, and as many reads; left out, as many as there can be. */
  readonly perSecond?: number | undefined;
  /** How long it goes on, in milliseconds; the life that is under way ends then. */
  readonly milliseconds?: number | undefined;
  /** After how many lives comes the last one, which ends quietly. */
  readonly lives?: number | undefined;
  /** Whether a snapshot is never given up, which must be noticed. */
  readonly leak?: boolean | undefined;
}

/** How a soak stands. */
export interface SoakState {
  /** What was done, by its name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Every bound. */
  readonly bounds: readonly Seen[];
  /** What does not hold. */
  readonly violations: readonly string[];
  /** How long openings took, by holders and after them, in milliseconds; the longest last. */
  readonly openings: readonly number[];
  /** How late event loops were, over 10 s or more: the worst p50, p99 and p99.9 of a process in milliseconds. */
  readonly late: readonly number[];
  /** What was told last. */
  readonly last: { readonly told: Told; readonly seen: ProcessSeen; readonly diskBytes: number } | undefined;
}

const holderModule = new URL("holder.ts", import.meta.url);
/** A life that lasts longer hangs. */
const mostLifeMilliseconds = 7_200_000;
/** What is left on purpose to the clock: how long after a word a process is killed. */
const mostKillMilliseconds = 50;
/** After so many batches it is asked again how much can be read, and so many lives are looked at whole. */
const staleBatches = 2000, wholeEvery = 3;

/** See the top of the file. */
export class MixedSoak {
  readonly #plan: SoakPlan;
  readonly #path: string;
  readonly #random: Random;
  readonly #planned: readonly [PlannedTimeline, PlannedTimeline];
  readonly #known: ReadonlyMap<string, Known>;
  readonly #readable: Readable;
  readonly #bounds = new Bounds();
  readonly #wrong: string[] = [];
  readonly #counts: Record<string, number> = {
    lives: 0,
    kills: 0,
    reopenings: 0,
    quiets: 0,
    reads: 0,
    branches: 0,
    followed: 0,
  };
  readonly #openings: number[] = [];
  readonly #progress: (state: SoakState) => void;
  readonly #end: number;
  #late: readonly number[] = [0, 0, 0];
  #last: SoakState["last"];

  /**
   * Begins nothing yet.
   *
   * @param plan How it is done.
   * @param path A directory that is not there yet.
   * @param progress Is told how it stands, every few batches.
   */
  constructor(plan: SoakPlan, path: string, progress: (state: SoakState) => void = () => {}) {
    this.#plan = plan;
    this.#path = path;
    this.#random = new Random(plan.seed);
    const { shape: { lines: [main, side] }, seed } = plan;
    this.#planned = [new PlannedTimeline(seed, main), new PlannedTimeline(seed, side)];
    this.#known = new Map([[main.name, new Known()], [side.name, new Known()]]);
    this.#readable = new Readable(this.#planned);
    this.#progress = progress;
    this.#end = performance.now() + (plan.milliseconds ?? Infinity);
  }

  /** How it stands. */
  get state(): SoakState {
    return {
      counts: { ...this.#counts, batches: [...this.#known.values()][0].floor },
      bounds: this.#bounds.seen,
      violations: [...this.#bounds.violations, ...this.#wrong],
      openings: this.#openings.toSorted((a, b) => a - b),
      late: this.#late,
      last: this.#last,
    };
  }

  get #isTimeUp(): boolean {
    return performance.now() >= this.#end;
  }

  /** Goes on until its time or its lives are over, or something does not hold. */
  async run(): Promise<SoakState> {
    try {
      while (!this.#isTimeUp && this.#counts.lives < (this.#plan.lives ?? Infinity)) {
        await this.#live(this.#random.pick(endings), this.#random.pick(this.#plan.shape.lifeBatches));
        await this.#check(this.#random.once(wholeEvery));
      }
      await this.#live("quiet", this.#plan.shape.lifeBatches[0]);
      await this.#check(true);
    } catch (error) {
      this.#wrong.push(error instanceof Error ? error.stack ?? error.message : `${error}`);
    }
    return this.state;
  }

  async #check(isWhole: boolean): Promise<void> {
    const { shape } = this.#plan;
    const left = { path: this.#path, shape, planned: this.#planned, known: this.#known };
    this.#openings.push(await checkLeft(left, this.#random, isWhole));
  }

  /** Has a process hold the store until it ends in a way. */
  async #live(ending: Ending, batches: number): Promise<void> {
    const { shape, seed, perSecond, leak = false } = this.#plan;
    const order: HolderOrder = {
      path: this.#path,
      seed,
      lifeSeed: this.#random.word(),
      shape,
      perSecond,
      leak,
    };
    const child = new Child(holderModule, order, { milliseconds: mostLifeMilliseconds });
    using life = new Life(child, ending, batches, this.#random);
    let before = { reads: 0, branches: 0, followed: 0 }, startBytes = 0, last = "";
    for await (const line of child.lines) {
      const [word, first = "", second = ""] = line.split(" "), rest = line.slice(word.length + 1);
      last = word;
      let told: Told | undefined;
      if (word === "wrong") this.#wrong.push(rest);
      if (word === "ready") startBytes = Number(first);
      if (word === "opened") this.#openings.push(Number(first));
      if (word === "issued" || word === "durable") this.#known.get(first)!.take(word, Number(second));
      if (word === "told" || word === "quiet") {
        told = JSON.parse(rest) as Told;
        this.#look(child.pid, told, startBytes, word === "quiet");
        for (const what of ["reads", "branches", "followed"] as const) {
          this.#counts[what] += told[what] - before[what];
        }
        before = told;
      }
      await life.take(word, told?.batch, this.#isTimeUp);
    }
    const { signal, code, stderr, hung } = await child.end();
    this.#counts.lives++;
    this.#counts.kills += signal === "SIGKILL" ? 1 : 0;
    this.#counts.reopenings += life.reopenings;
    this.#counts.quiets += life.quiets;
    if (signal === "SIGKILL" && life.isKilled || code === 0) return;
    throw new Error(
      `a holder ended with ${signal ?? code} after "${last}"${hung ? ", it hung" : ""}: ${stderr}`,
    );
  }

  /** Looks at every bound. */
  #look(pid: number, told: Told, startBytes: number, isQuiet: boolean): void {
    const { shape } = this.#plan, [main] = this.#planned, bounds = this.#bounds;
    const seen = observeProcess(pid);
    if (seen === undefined) return;
    const onDisk = diskBytes(this.#path) + seen.removedBytes;
    const readable = this.#readable.bytes(told.lines, isQuiet ? 0 : staleBatches);
    bounds.look("resident memory", seen.mostResidentBytes, residentLimit(shape, startBytes), "bytes");
    bounds.look("descriptors", seen.descriptors, descriptorLimit);
    bounds.look("disk under load", onDisk, loadedDiskLimit(shape, readable, told, main), "bytes");
    for (const { name, level0, sorted, depth, debtBytes, horizon, lastLsn } of told.lines) {
      const known = this.#known.get(name)!;
      bounds.look("sorted runs over a key", sorted, depthLimits.sorted);
      bounds.look("level 0 over a key", level0, depthLimits.level0);
      if (isQuiet) {
        bounds.look("layers over a key, quiet", depth, depthLimits.quiet);
        bounds.look("debt, quiet", debtBytes, 0, "bytes");
      }
      if (horizon < known.horizon || horizon > Math.max(0, lastLsn - shape.keptLsns)) {
        throw new Error(`the horizon of "${name}" is ${horizon}, was ${known.horizon}, at LSN ${lastLsn}`);
      }
      known.horizon = horizon;
    }
    if (isQuiet) {
      bounds.look("disk, quiet", onDisk, quietDiskLimit(shape, readable), "bytes");
      bounds.look("removed files still open, quiet", seen.removedFiles, 0);
    }
    this.#late = this.#late.map((most, i) => Math.max(most, told.late[i]));
    this.#last = { told, seen, diskBytes: onDisk };
    this.#progress(this.state);
  }
}

/** Tells a holder what to do when, and kills it. */
class Life implements Disposable {
  /** How often it closed and opened again. */
  reopenings = 0;
  /** How often upkeep had nothing left to do. */
  quiets = 0;
  /** Whether it is killed, or was about to be. */
  isKilled = false;
  readonly #child: Child;
  readonly #ending: Ending;
  readonly #batches: number;
  readonly #random: Random;
  #first: number | undefined;
  #isEnding = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(child: Child, ending: Ending, batches: number, random: Random) {
    this.#child = child;
    this.#ending = ending;
    this.#batches = batches;
    this.#random = random;
  }

  /** Takes in what it says. */
  async take(word: string, batch: number | undefined, isTimeUp: boolean): Promise<void> {
    if (word === this.#ending) this.#killSoon();
    if (word === "quiet") {
      this.quiets++;
      await this.#child.say("end");
    }
    if (word !== "told" || batch === undefined || this.#isEnding) return;
    this.#first ??= batch;
    const done = batch - this.#first;
    if (this.#ending === "reopen" && this.reopenings === 0 && done * 2 >= this.#batches) {
      this.reopenings++;
      await this.#child.say("reopen");
    }
    if (done < this.#batches && !isTimeUp) return;
    this.#isEnding = true;
    if (this.#ending === "closing") await this.#child.say("end");
    else if (this.#ending === "quiet" || isTimeUp) await this.#child.say("quiet");
    else this.#killSoon();
  }

  #killSoon(): void {
    if (this.#ending === "quiet" || this.isKilled) return;
    this.isKilled = true;
    this.#timer = setTimeout(() => this.#child.kill(), this.#random.below(mostKillMilliseconds));
  }

  /** Kills nobody any more. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
