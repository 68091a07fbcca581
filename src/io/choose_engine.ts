/**
 * Chooses an engine: `uring`, else `threads`, else `node`, from the one that was asked for on.
 *
 * @module
 */

import { DirectIoError } from "../base/mod.ts";
import type { IoEngine } from "./engine.ts";
import { Libc, openLibc } from "./libc.ts";
import { NodeEngine } from "./node_engine.ts";
import { ThreadsEngine } from "./threads_engine.ts";
import { openUringEngine } from "./uring_engine.ts";

/** What can be asked for by name. */
export type EngineChoice = "auto" | "uring" | "threads" | "node";

/** An engine that was chosen. */
export interface ChosenEngine {
  /** The engine. Whoever chose it shuts it down. */
  readonly engine: IoEngine;
  /** The C library, which the engine owns, if it has one. */
  readonly libc: Libc | undefined;
  /** Why an engine before it was not taken. */
  readonly notes: readonly string[];
}

/**
 * Makes the engine that was asked for, or the next that works.
 *
 * @param wanted What was asked for.
 * @param strict Whether an engine asked for by name must be had.
 * @throws {DirectIoError} If `strict` and the engine named cannot be had.
 */
export async function chooseEngine(wanted: EngineChoice, strict: boolean): Promise<ChosenEngine> {
  if (wanted === "node") return nodeEngine([]);
  const libc = openLibc();
  if (!(libc instanceof Libc)) return nodeEngine(giveUp(wanted, strict, ["uring", "threads"], libc.reason));
  if (wanted === "threads") return { engine: new ThreadsEngine(libc), libc, notes: [] };
  return await uringOrThreads(libc, wanted, strict);
}

async function uringOrThreads(libc: Libc, wanted: EngineChoice, strict: boolean): Promise<ChosenEngine> {
  try {
    const uring = await openUringEngine(libc);
    if (!("reason" in uring)) return { engine: uring, libc, notes: [] };
    const notes = giveUp(wanted, strict, ["uring"], uring.reason);
    return { engine: new ThreadsEngine(libc), libc, notes };
  } catch (error) {
    libc[Symbol.dispose]();
    throw error;
  }
}

function nodeEngine(notes: readonly string[]): ChosenEngine {
  return { engine: new NodeEngine(), libc: undefined, notes };
}

/** Notes why `engines` are passed over, as far as `wanted` would have taken them. */
function giveUp(wanted: EngineChoice, strict: boolean, engines: EngineChoice[], reason: string): string[] {
  const passed = engines.slice(wanted === "threads" ? engines.indexOf("threads") : 0);
  if (strict && wanted !== "auto") throw new DirectIoError(`Cannot use IO engine "${wanted}": ${reason}`);
  return passed.map((name) => `Cannot use IO engine "${name}": ${reason}`);
}
