/**
 * The life of a call to a simulated engine: recorded, failed if it is to fail, under way, parked, over.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import type { Asked } from "../disk/asked.ts";
import type { SimDisk } from "../disk/sim_disk.ts";
import type { SimSchedule } from "../host/sim_schedule.ts";
import { type Fault, type FaultPlan, isChange, type Operation } from "./faults.ts";

/** What can be made durable up to a time. */
interface Settling {
  settle(before: number): void;
  drop?(before: number): void;
}

/** The words for operations in errors, where they are not their names. */
const wordsOf: Readonly<Partial<Record<Operation, string>>> = {
  nextData: "measure",
  freeBytes: "measure",
  makeDirectory: "make directory",
  syncDirectory: "sync directory",
};

/** What is never answered: whoever asked is dead. */
const never: Promise<never> = new Promise(() => {});

/** See the top of the file. */
export class Calls {
  /** What was asked for, without what changes nothing. */
  readonly log: string[] = [];
  /** What goes wrong. */
  faults: FaultPlan;
  /** Called when an operation is under way, and when it is over. */
  observe: (operation: string) => void = () => {};
  readonly #disk: SimDisk;
  readonly #schedule: SimSchedule;
  readonly #counts = new Map<Operation, number>();
  readonly #idle: PromiseWithResolvers<void> = Promise.withResolvers();
  #inside = 0;
  #state: "running" | "shut down" | "dead" = "running";

  /** Starts without a call. */
  constructor(disk: SimDisk, faults: FaultPlan, schedule: SimSchedule) {
    this.#disk = disk;
    this.faults = faults;
    this.#schedule = schedule;
  }

  /** Whether the process was killed. */
  get isDead(): boolean {
    return this.#state === "dead";
  }

  /** Throws if the engine is shut down. */
  checkRunning(): void {
    if (this.#state !== "shut down") return;
    throw new Deno.errors.BadResource(`Cannot use IO engine "sim": it is shut down`);
  }

  /** Nothing is answered any more. */
  kill(): void {
    this.#state = "dead";
  }

  /** Refuses further calls, and waits for those that are under way. */
  async shutdown(): Promise<void> {
    if (this.isDead) return await never;
    this.#state = "shut down";
    if (this.#inside > 0) await this.#idle.promise;
  }

  /**
   * Makes a call.
   *
   * @param operation Which.
   * @param path What on.
   * @param words What the log says after the operation.
   * @param asked What changes on the disk, if anything does.
   * @param work What the operation does, unless it fails.
   */
  run<T>(
    operation: Operation,
    path: string,
    words: string,
    asked: Asked | undefined,
    work: () => T,
  ): Promise<T> {
    return this.pass(operation, path, words, asked, (fault) => {
      this.throwError(fault, operation, path);
      return work();
    });
  }

  /** Makes a call that settles what was done before it. */
  sync(
    operation: "datasync" | "sync" | "syncDirectory",
    path: string,
    words: string,
    find: () => Settling,
  ): Promise<void> {
    const before = this.#disk.time;
    return this.pass(operation, path, words, undefined, (fault) => {
      if (fault?.kind === "lost sync") find().drop?.(before);
      this.throwError(fault, operation, path);
      find().settle(before);
    });
  }

  /**
   * Makes a call that sees itself to what goes wrong.
   *
   * @param wait Waits until it may go on, instead of the schedule; begun in the turn of the call.
   */
  async pass<T>(
    operation: Operation,
    path: string,
    words: string,
    asked: Asked | undefined,
    work: (fault: Fault | undefined) => T | Promise<T>,
    wait: (fault: Fault | undefined) => Promise<void> = () =>
      this.park(`${operation} ${path} ${words}`.trimEnd()),
  ): Promise<T> {
    if (this.isDead) return await never;
    this.checkRunning();
    this.#inside++;
    const label = `${operation} ${words}`.trimEnd();
    if (isChange(operation)) this.log.push(label);
    const fault = this.#faultOf(operation, path);
    if (asked !== undefined) this.#disk.underWay.add(asked);
    this.observe(label);
    try {
      await wait(fault);
      if (this.isDead) await never;
      return await work(fault);
    } finally {
      if (asked !== undefined) this.#disk.underWay.delete(asked);
      this.observe(label);
      this.#leave();
    }
  }

  /** Waits until an operation may go on; for ever, if the process is killed meanwhile. */
  async park(label: string): Promise<void> {
    await this.#schedule.park(label);
    if (this.isDead) await never;
  }

  #faultOf(operation: Operation, path: string): Fault | undefined {
    const nth = (this.#counts.get(operation) ?? 0) + 1;
    this.#counts.set(operation, nth);
    const fault = this.faults.faultOf(operation, path, nth);
    // What was interrupted is done again, as if nothing had been.
    return fault !== undefined && "code" in fault && fault.code === "EINTR" ? undefined : fault;
  }

  /** Throws what an operation is to fail with, if it is to fail. */
  throwError(fault: Fault | undefined, operation: Operation, path: string, offset?: number): void {
    if (fault?.kind !== "error" && fault?.kind !== "lost sync") return;
    throw new IoError({ code: fault.code, operation: wordsOf[operation] ?? operation, path, offset });
  }

  #leave(): void {
    this.#inside--;
    if (this.#inside === 0 && this.#state === "shut down") this.#idle.resolve();
  }
}
