/**
 * Trials on real files, for as long as one likes.
 *
 * ```
 * deno task reliability:real [all|kill|races|full|readers|syscalls] [minutes] [seed]
 * ```
 *
 * What was counted is printed as JSON. A trial that failed is run again by its seed.
 */

// deno-lint-ignore-file no-console
import type { Counts } from "./counts.ts";
import { sumCounts } from "./counts.ts";
import { killLoop, killPart } from "./kill_loop.ts";
import { fillDisks, fullDiskPart } from "./full_disk.ts";
import { raceForStores, racePart } from "./race.ts";
import { readerPart, traceReaders } from "./reader_trace.ts";
import { syscallPart, syscallSweep } from "./syscall_sweep.ts";
import type { Budget, TrialOptions } from "./trials.ts";

/** Every part by its name. */
const parts: Readonly<Record<string, (budget: Budget, options: TrialOptions) => Promise<Counts>>> = {
  [killPart]: killLoop,
  [racePart]: raceForStores,
  [fullDiskPart]: fillDisks,
  [readerPart]: traceReaders,
  [syscallPart]: syscallSweep,
};

async function main(): Promise<void> {
  const [name = "all", minutes = "1", only] = Deno.args;
  const chosen = name === "all" ? Object.keys(parts) : [name];
  for (const part of chosen) {
    if (!(part in parts)) {
      throw new TypeError(`Expected all or one of ${Object.keys(parts).join(", ")}, found "${part}"`);
    }
  }
  const milliseconds = Number(minutes) * 60_000 / chosen.length;
  const seed = only === undefined ? undefined : Number(only);
  const all: Counts[] = [];
  for (const part of chosen) all.push(await parts[part]({ milliseconds }, { seed }));
  const sum = sumCounts(all);
  console.log(JSON.stringify(sum, null, 2));
  Deno.exit(sum.failures.length === 0 ? 0 : 1);
}

await main();
