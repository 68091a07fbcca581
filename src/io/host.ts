/**
 * The outside world as one value, which a store hands down to everything in it.
 *
 * @module
 */

import {
  type Clock,
  type Random,
  SlicedTurns,
  systemClock,
  systemRandom,
  systemTimers,
  type Timers,
  type Turns,
} from "../base/mod.ts";
import type { IoEngine } from "./engine.ts";
import { systemWorkers } from "./workers/system_workers.ts";
import type { Workers } from "./workers/workers.ts";

/** The outside world: files, time, timers, randomness, turns of the event loop and other threads. */
export interface Host {
  /** Files. */
  readonly engine: IoEngine;
  /** Time. */
  readonly clock: Clock;
  /** Calls that are made later. */
  readonly timers: Timers;
  /** Randomness. */
  readonly random: Random;
  /** Turns of the event loop. */
  readonly turns: Turns;
  /** Other threads; none where there are none, or none that could have an engine like this one's. */
  readonly workers?: Workers | undefined;
}

/**
 * The machine itself, with the files of `engine`.
 *
 * @param engine The engine.
 * @param workers Whether other threads may be started, which open an engine of their own.
 */
export function systemHost(engine: IoEngine, workers: boolean = false): Host {
  return {
    engine,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    turns: new SlicedTurns({ answers: engine.answers }),
    workers: workers ? systemWorkers(engine) : undefined,
  };
}
