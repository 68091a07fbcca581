/** What work costs, whoever else keeps the machine busy meanwhile. */

import process from "node:process";

/** The processor time of the process so far, in milliseconds. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
