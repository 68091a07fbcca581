/**
 * Workers of a simulated machine: on the same thread, with an engine of their own on the same disk. Every message is
 * parked by the schedule, so that a seed chooses when it arrives, and a Worker may end at any of them.
 *
 * ```
 *   main ──post──► cloned ─► parked ─► taken by the Worker        message `crashAt`, counted over both ways:
 *        ◄─────────────────────────────────────────── post        the Worker ends instead, its engine is killed
 * ```
 *
 * @module
 */

import { type MessageLink, SharedMemoryPool, type WorkerLink, type Workers } from "../../io/mod.ts";
import type { FaultPlan } from "../engine/faults.ts";
import type { SimEngine } from "../engine/sim_engine.ts";
import type { SimSchedule } from "./sim_schedule.ts";

/** What a Worker runs, whatever module it is started with. */
export type SimServe = (parent: MessageLink, engine: SimEngine) => void;

/** What simulated Workers are made of. */
export interface SimWorkersOptions {
  /** What they run. */
  readonly serve: SimServe;
  /** Makes the engine of one. */
  readonly engine: (faults: FaultPlan | undefined) => SimEngine;
  /** When messages arrive. */
  readonly schedule: SimSchedule;
}

/** What memory that was given back holds. */
const usedUp = 0xa5;

/** See the top of the file. */
export class SimWorkers implements Workers {
  /** Every job is worth a Worker. */
  worthBytes = 0;
  /** Why none starts; left out, they do. */
  refusal: string | undefined;
  /** What goes wrong in their engines; left out, what goes wrong in that of the main thread. */
  faults: FaultPlan | undefined;
  /** The messages, counted from 1, at which a Worker ends. */
  readonly crashAt: Set<number> = new Set();
  /** How many messages there were, both ways. */
  messages = 0;
  /** How many Workers were started. */
  started = 0;
  readonly #options: SimWorkersOptions;
  readonly #running = new Set<SimWorker>();
  readonly #memory = new SharedMemoryPool(Infinity);
  #takenBytes = 0;

  /** Starts none. */
  constructor(options: SimWorkersOptions) {
    this.#options = options;
  }

  /** How many Workers run. */
  get running(): number {
    return this.#running.size;
  }

  /** The bytes of shared memory that were taken and not given back. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** See {@linkcode Workers.start}. */
  start(): WorkerLink | { readonly refusal: string } {
    const { refusal } = this, { serve, engine, schedule } = this.#options;
    if (refusal !== undefined) return { refusal };
    this.started++;
    const own = engine(this.faults);
    const worker: SimWorker = new SimWorker(own, schedule, {
      isLast: () => this.crashAt.has(++this.messages),
      ended: () => void this.#running.delete(worker),
    });
    this.#running.add(worker);
    serve(worker.parent, own);
    return worker;
  }

  /** Ends all of them, and says so to nobody. */
  kill(): void {
    for (const worker of this.#running) worker.terminate();
  }

  /** See {@linkcode Workers.spareBytes}. */
  get spareBytes(): number {
    return this.#memory.spareBytes;
  }

  /** See {@linkcode Workers.takeMemory}. */
  takeMemory(byteLength: number): SharedArrayBuffer {
    const memory = this.#memory.take(byteLength);
    this.#takenBytes += memory.byteLength;
    return memory;
  }

  /** See {@linkcode Workers.takeZeros}. */
  takeZeros(byteLength: number): SharedArrayBuffer {
    const memory = this.#memory.takeZeros(byteLength);
    this.#takenBytes += memory.byteLength;
    return memory;
  }

  /** See {@linkcode Workers.giveBack}. Whoever looks at it after that sees nonsense. */
  giveBack(memory: SharedArrayBuffer): void {
    this.#takenBytes -= memory.byteLength;
    new Uint8Array(memory).fill(usedUp);
    this.#memory.giveBack(memory);
  }
}

/** What a Worker tells those that started it. */
interface Watch {
  /** Counts a message; whether the Worker ends with it. */
  isLast(): boolean;
  ended(): void;
}

class SimWorker implements WorkerLink {
  /** What the Worker speaks to. */
  readonly parent: MessageLink;
  readonly #engine: SimEngine;
  readonly #schedule: SimSchedule;
  readonly #watch: Watch;
  readonly #toWorker = new Queue();
  readonly #toMain = new Queue();
  #ended: (reason: Error) => void = () => {};
  #isOver = false;

  constructor(engine: SimEngine, schedule: SimSchedule, watch: Watch) {
    this.#engine = engine;
    this.#schedule = schedule;
    this.#watch = watch;
    this.parent = {
      post: (message) => this.#send(this.#toMain, message),
      listen: (take) => this.#toWorker.listen(take),
    };
  }

  post(message: unknown): void {
    this.#send(this.#toWorker, message);
  }

  listen(take: (message: unknown) => void): void {
    this.#toMain.listen(take);
  }

  watch(ended: (reason: Error) => void): void {
    this.#ended = ended;
  }

  terminate(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#engine.kill();
    this.#watch.ended();
  }

  #send(queue: Queue, message: unknown): void {
    if (this.#isOver) return;
    const copy = structuredClone(message);
    queue.add(async () => {
      await this.#schedule.park("message");
      if (this.#isOver) return undefined;
      if (!this.#watch.isLast()) return { message: copy };
      this.terminate();
      this.#ended(new Error("the Worker was killed"));
      return undefined;
    });
  }
}

/** Messages one way, in order. */
class Queue {
  readonly #listener: PromiseWithResolvers<(message: unknown) => void> = Promise.withResolvers();
  #last: Promise<unknown> = Promise.resolve();

  listen(take: (message: unknown) => void): void {
    this.#listener.resolve(take);
  }

  add(arrive: () => Promise<{ readonly message: unknown } | undefined>): void {
    this.#last = this.#last.then(async () => {
      const arrived = await arrive();
      if (arrived !== undefined) (await this.#listener.promise)(arrived.message);
    });
  }
}
