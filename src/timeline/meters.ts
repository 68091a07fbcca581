/**
 * What is measured while timelines work, for all those of a store together.
 *
 * @module
 */

import { type Clock, LatencyWindow } from "../base/mod.ts";
import { HeldMemory } from "./upkeep/held_memory.ts";

/** How long operations take, and what upkeep holds. */
export class Meters {
  /** Appends without `sync`, from the call to the promise's end: what encoding and waiting for room take. */
  readonly append: LatencyWindow = new LatencyWindow();
  /** Syncs that had something to make durable. */
  readonly sync: LatencyWindow = new LatencyWindow();
  /** Gets that memory did not answer in the turn of the call. */
  readonly get: LatencyWindow = new LatencyWindow();
  /** Appends that were refused since a key had moved on. */
  conflicts = 0;
  /** The memory that jobs of upkeep hold. */
  readonly upkeep: HeldMemory = new HeldMemory();
}

/** Of so many appends that need not wait one is timed: a look at the clock takes some 80 ns, an append may take 1 µs. */
const oneOf = 16;

/** Times appends: each that waits, and of those that do not one for all. */
export class AppendTimer {
  readonly #clock: Clock;
  readonly #window: LatencyWindow;
  /** Appends that did not wait since the last one of them that was timed. */
  #passed = 0;
  /** How many of those to come are not timed. */
  #left = 0;

  /** Starts with the next append. */
  constructor(clock: Clock, window: LatencyWindow) {
    this.#clock = clock;
    this.#window = window;
  }

  /** Begins an append; returns when, or −1 if it is not timed unless it waits. */
  begin(): number {
    return this.#left > 0 ? -1 : this.#clock.monotonic();
  }

  /** Ends an append that did not wait. */
  pass(began: number): void {
    this.#passed++;
    if (this.#left-- > 0) return;
    this.#window.record(began, this.#clock.monotonic(), this.#passed);
    this.#passed = 0;
    this.#left = oneOf - 1;
  }

  /** Begins the wait of an append; returns from when on it counts. */
  wait(began: number): number {
    return began < 0 ? this.#clock.monotonic() : began;
  }

  /** Ends an append that waited. */
  waited(since: number): void {
    this.#window.record(since, this.#clock.monotonic());
  }
}
