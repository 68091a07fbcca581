/**
 * What processes that read a store and the one that writes it tell each other: a reader holds a shared lease on the
 * directory of each timeline; the writer removes what others may still read only while nobody holds one.
 *
 * ```
 *   reader    ──lease──read manifest──────────────reads──────────────release──►
 *   writer            ──edit──► remove? no: it is leased …………………………………………► remove
 * ```
 *
 * K4  What a manifest names that was read under a lease is there until the lease is given up.
 *
 * A lease ends with the process that holds it, and writes nothing.
 *
 * @module
 */

import { hasCode, LockedError } from "../base/mod.ts";
import type { PathLock } from "../io/mod.ts";
import type { ObjectsContext } from "./context.ts";
import { timelineName } from "./object_id.ts";

/** How long a reader waits for a writer that is removing files, in milliseconds. */
const patienceMilliseconds = 30_000;

/** Leases on the timelines of a store. */
export class Leases {
  readonly #context: ObjectsContext;
  /** By timeline. */
  readonly #taken = new Map<number, PathLock>();

  /** Made by `Objects` only. */
  constructor(context: ObjectsContext) {
    this.#context = context;
  }

  /**
   * Takes leases for a reader, on timelines that it has none on. Those without a directory that may be read are passed over.
   *
   * @param timelines The timelines.
   * @returns Whether there were any: what was read before of what exists must be read anew then.
   * @throws {LockedError} If somebody holds a directory alone, for very long.
   */
  async take(timelines: Iterable<number>): Promise<boolean> {
    let isAny = false;
    for (const timeline of timelines) {
      const lease = this.#taken.has(timeline) ? undefined : await this.#takeOne(timeline);
      if (lease === undefined) continue;
      this.#taken.set(timeline, lease);
      isAny = true;
    }
    return isAny;
  }

  /** Gives up the lease on a timeline of which nothing is read any more, if there is one. */
  async giveUp(timeline: number): Promise<void> {
    await this.#taken.get(timeline)?.release();
    this.#taken.delete(timeline);
  }

  /** Gives all of them up. */
  async release(): Promise<void> {
    const taken = [...this.#taken.values()];
    this.#taken.clear();
    for (const lease of taken) await lease.release();
  }

  async #takeOne(timeline: number): Promise<PathLock | undefined> {
    const { clock, turns } = this.#context.host, end = clock.monotonic() + patienceMilliseconds;
    for (;;) {
      try {
        return await this.#lease(timeline, "shared");
      } catch (error) {
        // What is not there, or is not to be read, is for whoever reads it to tell.
        if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return undefined;
        if (!(error instanceof LockedError) || clock.monotonic() > end) throw error;
      }
      await turns.turn();
    }
  }

  /**
   * Does work while no reader holds a lease.
   *
   * @param timeline The timeline.
   * @param work What to do.
   * @returns Whether it was done.
   */
  async whileNone(timeline: number, work: () => Promise<void>): Promise<boolean> {
    let alone: PathLock;
    try {
      alone = await this.#lease(timeline, "alone");
    } catch (error) {
      if (error instanceof LockedError) return false;
      throw error;
    }
    try {
      await work();
      return true;
    } finally {
      await alone.release();
    }
  }

  #lease(timeline: number, kind: "shared" | "alone"): Promise<PathLock> {
    const { host: { engine }, files, directory } = this.#context;
    return files.spare(() => engine.lease(`${directory}/${timelineName(timeline)}`, kind));
  }
}
