/** What work costs, whoever else keeps the machine busy meanwhile. */

import { existsSync } from "node:fs";
import process from "node:process";

/** The processor time of the process so far, in milliseconds. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Where Linux tells of the thread that reads it, first for how many nanoseconds it has run. */
const threadStatistics = "/proc/thread-self/schedstat";
const isThreadTold = existsSync(threadStatistics);

/**
 * The processor time of the thread that asks so far, in milliseconds: without that of threads beside it, and without what
 * it waited for. Where the system does not tell, it is that of the process.
 */
export function threadMilliseconds(): number {
  if (!isThreadTold) return cpuMilliseconds();
  return parseInt(Deno.readTextFileSync(threadStatistics)) / 1e6;
}
