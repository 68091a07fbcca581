/** What the timed part of a worker used: the process measures itself, so that its start is not counted. */

import { readFileSync } from "node:fs";
import process from "node:process";

/**
 * Begins an account.
 *
 * @returns {{ end(): { seconds: number, cpuSeconds: number, peakBytes: number | undefined, writtenBytes:
 * number | undefined } }} What ends it. The peak of memory is that of the whole process.
 */
export function beginAccount() {
  const cpu = process.cpuUsage();
  const written = fieldOf("/proc/self/io", /^write_bytes: (\d+)$/m);
  const begin = performance.now();
  return {
    end() {
      const seconds = (performance.now() - begin) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      const writtenNow = fieldOf("/proc/self/io", /^write_bytes: (\d+)$/m);
      const peak = fieldOf("/proc/self/status", /^VmHWM:\s+(\d+) kB$/m);
      return {
        seconds,
        cpuSeconds: (user + system) / 1e6,
        peakBytes: peak === undefined ? undefined : peak * 1024,
        writtenBytes: writtenNow === undefined ? undefined : writtenNow - (written ?? 0),
      };
    },
  };
}

/**
 * Reads the resident set of this process.
 *
 * @returns {number} Bytes.
 */
export function residentBytes() {
  return (fieldOf("/proc/self/status", /^VmRSS:\s+(\d+) kB$/m) ?? 0) * 1024;
}

function fieldOf(path, pattern) {
  try {
    const match = readFileSync(path, "utf8").match(pattern);
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}
