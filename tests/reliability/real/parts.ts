/** Every part of the trials on real files, by its name: a function of a budget that counts what it tried. */

import { killLogs, logKillPart } from "../log/real/log_kill.ts";
import type { Counts } from "./counts.ts";
import { fillDisks, fullDiskPart } from "./full_disk.ts";
import { killLoop, killPart } from "./kill_loop.ts";
import { raceForStores, racePart } from "./race.ts";
import { readerPart, traceReaders } from "./reader_trace.ts";
import { ringPart, ringSweep } from "./ring_sweep.ts";
import { type SweepOptions, syscallPart, syscallSweep } from "./syscall_sweep.ts";
import type { Budget } from "./trials.ts";

/** A part. */
export type Part = (budget: Budget, options?: SweepOptions) => Promise<Counts>;

/** Every part by its name. */
export const parts: Readonly<Record<string, Part>> = {
  [killPart]: killLoop,
  [logKillPart]: killLogs,
  [racePart]: raceForStores,
  [fullDiskPart]: fillDisks,
  [readerPart]: traceReaders,
  [syscallPart]: syscallSweep,
  [ringPart]: ringSweep,
};
