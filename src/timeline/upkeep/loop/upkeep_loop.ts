/**
 * Upkeep of a timeline that runs by itself: it has the jobs of the plan done one after the other, and meets what goes
 * wrong.
 *
 * ```
 *              a layer sealed, opened, a back-off over, the disk has room again
 *                                  │
 *   idle ◄── nothing planned ── plan ─► queued ─► merging ─► done: plan anew
 *                                  ▲                 │
 *                                  │                 ├─ an input is damaged ─► it is left out: plan anew
 *                                  └─── back-off ────┼─ no room, no memory ─► full
 *                                                    ├─ IO fails ─► failed
 *                                                    └─ closed, poisoned, our own fault ─► ended
 * ```
 *
 * L1  Nobody waits for upkeep that waits itself: for a disk with room, or to try again.
 * L2  A job that finds no room or no memory, or whose files fail, is tried again by itself, later each time; appends go
 *     on meanwhile.
 *
 * @module
 */

import { CorruptionError, type Health, isShortage, MemoryError, VarveError } from "../../../base/mod.ts";
import type { TimelineContext } from "../../timeline_context.ts";
import type { PlannedJob } from "../plan/planned_layer.ts";
import type { Planner } from "../planner.ts";
import { BackOff } from "./back_off.ts";

/** What a loop asks for and tells. */
export interface LoopWorld {
  /** Does a job, or what is left to do without one. */
  readonly work: (job: PlannedJob | undefined) => Promise<void>;
  /** Is told when somebody who waits for upkeep should look again. */
  readonly changed: () => void;
  /** Ends it. */
  readonly closing: AbortSignal;
}

/** What it does, or why it does nothing. */
export type LoopState = "idle" | "queued" | "full" | "failed" | "ended";

/** Has done what is planned until nothing is. */
export class UpkeepLoop {
  readonly #context: TimelineContext;
  readonly #health: Health;
  readonly #planner: Planner;
  readonly #world: LoopWorld;
  readonly #backOff: BackOff;
  #running: Promise<void> | undefined;
  #state: LoopState = "idle";
  #holds = 0;

  /**
   * Does nothing yet.
   *
   * @param context The timeline.
   * @param health Whether writing goes on.
   * @param planner What there is to do.
   * @param world What it asks for and tells.
   */
  constructor(context: TimelineContext, health: Health, planner: Planner, world: LoopWorld) {
    this.#context = context;
    this.#health = health;
    this.#planner = planner;
    this.#world = world;
    this.#backOff = new BackOff(context.host.timers, () => this.wake());
    let last = health.state;
    health.watch(() => {
      // The disk has room again, for all that is known.
      if (last === "full" && health.state === "open" && this.#backOff.end()) this.wake();
      last = health.state;
    });
  }

  /** What it does, or why it does nothing. */
  get state(): LoopState {
    return this.#state;
  }

  /** Whether a job of it is done or waits for its turn, and not for something that it cannot do without (L1). */
  get isAtWork(): boolean {
    return this.#running !== undefined && this.#state === "queued";
  }

  /** What failed last, until something succeeds. */
  get cause(): Error | undefined {
    return this.#backOff.cause;
  }

  /** How long it waits before it tries again, in milliseconds; 0 if it does not wait. */
  get retryMilliseconds(): number {
    return this.#backOff.isOn ? this.#backOff.milliseconds : 0;
  }

  /** Something has changed that a plan may follow from: goes on, if it is to. */
  wake(): void {
    this.#planner.changed();
    if (!this.#isWanted || this.#running !== undefined || this.#backOff.isOn) return;
    if (!this.#hasWork()) return this.#rest();
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#world.changed();
      // Something may have come since it last looked.
      this.wake();
    });
  }

  /** Takes note that nothing is left to do of what it waited for. */
  #rest(): void {
    if (this.#state === "ended") return;
    this.#state = "idle";
    this.#backOff.succeeded();
  }

  /** Begins no job until what is returned is disposed of. */
  hold(): Disposable {
    this.#holds++;
    return {
      [Symbol.dispose]: () => {
        this.#holds--;
        this.wake();
      },
    };
  }

  /** Waits no longer before it tries again. */
  endWait(): void {
    this.#backOff.end();
  }

  /** Waits for what it does. */
  async idle(): Promise<void> {
    await this.#running;
  }

  get #isWanted(): boolean {
    return this.#context.upkeep.mode !== "manual" && !this.#context.readOnly && this.#holds === 0 &&
      !this.#world.closing.aborted && (this.#health.cause === undefined || isShortage(this.#health.cause));
  }

  /** Whether there is something to do: nothing is, where a plan is our own fault, which ends upkeep. */
  #hasWork(): boolean {
    try {
      return this.#planner.hasWork;
    } catch (error) {
      this.#giveUp(error as Error);
      return false;
    }
  }

  /** Has done what is planned until nothing is, or nothing can be. It never rejects. */
  async #run(): Promise<void> {
    const { upkeep } = this.#context, { closing, changed } = this.#world;
    while (this.#isWanted && this.#hasWork()) {
      this.#state = "queued";
      try {
        await upkeep.run(() => this.#next(), closing);
        this.#backOff.succeeded();
      } catch (error) {
        if (!this.#giveUp(error as Error)) return;
      }
      changed();
    }
    if (this.#state !== "ended") this.#state = "idle";
  }

  /** Has the next job done. */
  async #next(): Promise<void> {
    // Others had their turn meanwhile: what was planned before is stale.
    this.#planner.changed();
    if (this.#isWanted) await this.#world.work(this.#planner.plan.job);
  }

  /** Takes note of why a job ended early; returns whether another one may be begun. */
  #giveUp(error: Error): boolean {
    this.#planner.changed();
    if (this.#world.closing.aborted || this.#health.state === "poisoned") {
      this.#state = "ended";
      return false;
    }
    if (error instanceof CorruptionError) return true;
    if (!(error instanceof VarveError)) {
      // It is our own fault: nothing may hide it.
      this.#health.fail(error);
      this.#state = "ended";
      return false;
    }
    this.#state = isShortage(error) || error instanceof MemoryError ? "full" : "failed";
    this.#backOff.begin(error);
    return false;
  }
}
