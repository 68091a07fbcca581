/**
 * Chooses an engine: `uring`, else `threads`, else `node`, from the one that was asked for on.
 *
 * @module
 */

import { DirectIoError } from "../base/mod.ts";
import type { IoEngine } from "./engine.ts";
import { nodeEngine } from "./node/node_engine.ts";
import { Libc, openLibc } from "./posix/libc.ts";
import { threadsEngine } from "./threads/threads_engine.ts";
import { openUringEngine } from "./uring/uring_engine.ts";

/** What can be asked for by name. */
export type EngineChoice = "auto" | "uring" | "threads" | "node";

/** An engine that was chosen, before any directory is touched. */
export interface OpenEngine {
  /** The engine. */
  readonly engine: IoEngine;
  /** Why an engine before it was not taken. */
  readonly notes: readonly string[];
  /** Whether whoever opened this shuts the engine down. */
  readonly ownsEngine: boolean;
}

/**
 * Makes the engine that was asked for, or the next that works.
 *
 * @param wanted What was asked for.
 * @param strict Whether an engine asked for by name must be had.
 * @throws {DirectIoError} If `strict` and the engine named cannot be had.
 */
export async function chooseEngine(wanted: EngineChoice, strict: boolean): Promise<OpenEngine> {
  const own = (engine: IoEngine, notes: string[] = []) => ({ engine, notes, ownsEngine: true });
  if (wanted === "node") return own(nodeEngine());
  const libc = openLibc();
  if (!(libc instanceof Libc)) {
    return own(nodeEngine(), giveUp(wanted, strict, ["uring", "threads"], libc.reason));
  }
  if (wanted === "threads") return own(threadsEngine(libc));
  try {
    const uring = await openUringEngine(libc);
    if (!("reason" in uring)) return own(uring);
    return own(threadsEngine(libc), giveUp(wanted, strict, ["uring"], uring.reason));
  } catch (error) {
    libc[Symbol.dispose]();
    throw error;
  }
}

/** Notes why `engines` are passed over, as far as `wanted` would have taken them. */
function giveUp(wanted: EngineChoice, strict: boolean, engines: EngineChoice[], reason: string): string[] {
  const passed = engines.slice(wanted === "threads" ? engines.indexOf("threads") : 0);
  if (strict && wanted !== "auto") {
    const next = engines.includes("threads") ? "node" : "threads";
    throw new DirectIoError(`Cannot use IO engine "${wanted}": ${reason}; choose ioEngine "${next}"`);
  }
  return passed.map((name) => `Cannot use IO engine "${name}": ${reason}`);
}
