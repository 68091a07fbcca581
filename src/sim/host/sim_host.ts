/**
 * A machine on which the same choices lead to the same run.
 *
 * ```
 *   program ──► operations, turns ──► parked ──┐
 *      ▲        timers ──────────────► waiting ─┤ one is chosen
 *      └── all that can go on without does ◄────┘ when nothing else can
 * ```
 *
 * Promises settle in an order that is fixed; what is free is when the world answers, and that is chosen here. A timer may
 * come before what is parked; when nothing is parked, time jumps to the next one.
 *
 * @module
 */

import { type Random, SlicedTurns, type Turns, VarveError } from "../../base/mod.ts";
import type { Host } from "../../io/mod.ts";
import { chance, type Choices, dullChoices, SeededChoices } from "../choices.ts";
import { SimEngine, type SimEngineOptions } from "../engine/sim_engine.ts";
import { randomOf } from "./sim_random.ts";
import { ChosenSchedule } from "./sim_schedule.ts";
import { SimTime } from "./sim_time.ts";
import { type SimServe, SimWorkers } from "./sim_workers.ts";
import { Trace } from "./trace.ts";

/** What a simulated machine is made of. */
export interface SimHostOptions extends Omit<SimEngineOptions, "schedule"> {
  /** What decides. The default is always the first that came. */
  choices?: Choices | undefined;
  /** Where its random bytes come from; they are the same for the same seed. The default is 1. */
  seed?: number | undefined;
  /** One in so many times that somebody asks, a turn of the event loop is due. The default is never. */
  turnOneIn?: number | undefined;
  /** What Workers run. The default is that there are none. */
  serve?: SimServe | undefined;
  /** The most steps of a run; one that takes more is said to go round in circles. The default is 1,000,000. */
  maxSteps?: number | undefined;
}

/** A run that can come to no end, or in which a promise was rejected that nobody looked at. */
export class SimError extends VarveError {
  /** The name of the class. */
  override name = "SimError";

  /** Makes an error from why, and from what happened last. */
  constructor(why: string, trace: Trace, options?: ErrorOptions) {
    const last = trace.last.map((label) => `\n  ${label}`).join("");
    super(`Cannot go on after ${trace.steps} steps: ${why}; the last were${last}`, options);
  }
}

/** What became of a program that may end, fail, or go on for ever. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** See the top of the file. */
export class SimHost implements Host {
  /** See {@linkcode Host.engine}. */
  readonly engine: SimEngine;
  /** See {@linkcode Host.clock}. */
  readonly clock: SimTime;
  /** See {@linkcode Host.timers}. */
  readonly timers: SimTime;
  /** See {@linkcode Host.random}. */
  readonly random: Random;
  /** See {@linkcode Host.turns}. */
  readonly turns: Turns;
  /** See {@linkcode Host.workers}. */
  readonly workers: SimWorkers | undefined;
  /** What happened so far. */
  readonly trace: Trace = new Trace();
  readonly #choices: Choices;
  readonly #schedule = new ChosenSchedule();
  readonly #maxSteps: number;

  /** Makes a machine that does nothing until a program is run. */
  constructor(options: SimHostOptions = {}) {
    const { choices = dullChoices, seed = 1, turnOneIn = 0, maxSteps = 1_000_000 } = options;
    this.#choices = choices;
    this.#maxSteps = maxSteps;
    this.engine = new SimEngine({ ...options, schedule: this.#schedule });
    this.clock = this.timers = new SimTime();
    const { serve } = options, schedule = this.#schedule, { disk } = this.engine;
    const engine = (faults = this.engine.faults) => new SimEngine({ ...options, disk, schedule, faults });
    this.workers = serve && new SimWorkers({ serve, engine, schedule });
    this.random = randomOf(new SeededChoices(seed));
    this.turns = {
      due: () => turnOneIn > 0 && chance(choices, 1, turnOneIn),
      turn: () => this.#schedule.park("turn"),
      awaiting: () => {},
      answered: () => {},
    };
  }

  /**
   * Runs a program to its end.
   *
   * @param program What is run; it must wait for nothing but this machine.
   * @returns What it returns.
   * @throws {SimError} If it waits for what never comes, takes too many steps, or leaves a rejection unhandled.
   */
  async run<T>(program: () => Promise<T>): Promise<T> {
    const outcome = await this.#drive(program, Infinity);
    if (outcome === undefined) throw new SimError("the machine was killed", this.trace);
    return outcome.value;
  }

  /**
   * Runs a program for so many steps and kills it then, unless it has come to its end.
   *
   * @returns Whether it has.
   */
  async runFor(steps: number, program: () => Promise<unknown>): Promise<boolean> {
    return await this.#drive(program, this.trace.steps + steps) !== undefined;
  }

  /** Kills the process: nothing that it waits for ever comes. */
  kill(): void {
    this.engine.kill();
    this.workers?.kill();
    this.#schedule.clear();
    this.timers.clear();
  }

  async #drive<T>(program: () => Promise<T>, end: number): Promise<{ readonly value: T } | undefined> {
    const eventLoop = new SlicedTurns();
    using rejections = new UnhandledRejections();
    let outcome: Outcome<T> | undefined;
    Promise.try(program).then((value) => outcome = { value }, (error) => outcome = { error });
    const most = this.trace.steps + this.#maxSteps;
    for (;;) {
      // All that can go on without the world does, and rejections come to light that nobody looks at.
      await eventLoop.turn();
      rejections.check(this.trace);
      if (outcome !== undefined) break;
      if (this.trace.steps >= end) return void this.kill();
      if (this.trace.steps >= most) throw new SimError("it goes round in circles", this.trace);
      this.#step();
    }
    if ("error" in outcome) throw outcome.error;
    return outcome;
  }

  #step(): void {
    const parked = this.#schedule.size, waiting = this.timers.size > 0 ? 1 : 0;
    if (parked + waiting === 0) throw new SimError("it waits for what never comes", this.trace);
    const chosen = this.#choices.choose(parked + waiting);
    if (chosen < parked) return this.trace.add(this.#schedule.release(chosen));
    this.timers.fire();
    this.trace.add(`timer ${this.clock.monotonic()}`);
  }
}

/** Takes note of rejections that nobody handles. */
class UnhandledRejections implements Disposable {
  readonly #seen: unknown[] = [];
  readonly #note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    this.#seen.push(event.reason);
  };

  constructor() {
    globalThis.addEventListener("unhandledrejection", this.#note);
  }

  /** Throws if there was one. */
  check(trace: Trace): void {
    if (this.#seen.length === 0) return;
    throw new SimError(`a rejection was not handled: ${this.#seen[0]}`, trace, { cause: this.#seen[0] });
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unhandledrejection", this.#note);
  }
}
