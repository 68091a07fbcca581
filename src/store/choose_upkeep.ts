/**
 * Chooses who does the heavy work of upkeep of a store.
 *
 * @module
 */

import type { EngineName, Host, Io, PathLock } from "../io/mod.ts";
import { SlicedUpkeep, type UpkeepRunner, WorkerUpkeep } from "../timeline/mod.ts";
import type { CheckedOptions } from "./options.ts";

/**
 * The engine of a Worker. A ring goes on writing into the memory of a thread that has ended; calls on the runtime's
 * threads hold what they were given. What upkeep moves at once is large, so that it is no slower.
 */
const engineOf: Readonly<Record<EngineName, EngineName>> = {
  uring: "threads",
  threads: "threads",
  node: "node",
  sim: "sim",
};

/**
 * Chooses.
 *
 * @param options What was asked for.
 * @param host The outside world.
 * @param directory The store's directory.
 * @param io How IO is done in it.
 * @param lock The lock on it; a reader has none.
 * @returns It must be closed.
 */
export function chooseUpkeep(
  { upkeep, redo }: Pick<CheckedOptions, "upkeep" | "redo">,
  host: Host,
  directory: string,
  io: Io,
  lock: PathLock | undefined,
): UpkeepRunner {
  const slices = new SlicedUpkeep(host.turns), { workers, timers } = host;
  if (upkeep === "slices" || lock === undefined) return slices;
  const { ticket } = lock, { readDirect, writeDirect, report } = io;
  if (workers === undefined || ticket === undefined) {
    const why = workers === undefined ? "there are no Workers on this host" : "the lock cannot be shared";
    if (upkeep === "worker") io.note(`Upkeep "worker" is not to be had, "slices" is: ${why}`);
    return slices;
  }
  const setup = {
    engine: engineOf[report.engine],
    directory,
    ticket,
    io: { readDirect, writeDirect, report },
    redo: typeof redo === "string" ? redo : undefined,
  };
  return new WorkerUpkeep({ workers, timers, setup, otherwise: slices, note: io.note });
}
