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

/** The outside world: files, time, timers, randomness and turns of the event loop. */
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
}

/** The machine itself, with the files of `engine`. */
export function systemHost(engine: IoEngine): Host {
  return {
    engine,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    turns: new SlicedTurns(),
  };
}
