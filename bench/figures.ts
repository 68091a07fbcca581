/** Figures of whole runs, by name, for benches of files: what they are measured with, and how they are shown. */

import { print } from "./peers/print.ts";

/** What a run says, by name. */
export type Figures = Record<string, number>;

/** What all runs of a bench are told. */
export interface RunOptions {
  /** How often all of it is done. */
  readonly runs: number;
  /** Where its directory is made; where the system makes such, if left out. */
  readonly dir: string | undefined;
}

/**
 * Does all of a bench so many times, in a directory that is removed in the end, and prints of each figure the median, the
 * least and the most.
 */
export async function printRuns(
  { runs, dir }: RunOptions,
  work: (directory: string) => Promise<Figures>,
): Promise<void> {
  const all = await within(dir, async (directory) => {
    const found: Figures[] = [];
    for (let run = 0; run < runs; run++) found.push(await work(directory));
    return found;
  });
  for (const name of Object.keys(all[0])) {
    const found = all.map((figures) => figures[name]).sort((a, b) => a - b);
    print(`${text(shareOf(found, 0.5))}  ${text(found[0])} –${text(found[found.length - 1])}  ${name}`);
  }
}

function text(figure: number): string {
  return (figure < 100 ? figure.toPrecision(4) : figure.toFixed(0)).padStart(10);
}

/** What a share of sorted numbers is not above: of 0.5 the median. */
export function shareOf(sorted: readonly number[] | Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Does something in a directory of its own, which is removed in the end. */
export async function within<T>(
  dir: string | undefined,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "varve_bench_", ...(dir ? { dir } : {}) });
  try {
    return await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What another program says. */
export async function outputOf(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** What fio takes for a new file of so many MiB, in direct writes of 1 MiB and a sync, in seconds. */
export async function fioSeconds(path: string, mebibytes: number): Promise<number> {
  const job = ["--name=x", "--direct=1", "--rw=write", "--bs=1M", `--size=${mebibytes}M`];
  const how = ["--ioengine=io_uring", "--iodepth=3", "--thread", "--end_fsync=1", "--output-format=json"];
  const report = JSON.parse(await outputOf("fio", ...job, ...how, `--filename=${path}`));
  return Math.max(report.jobs[0].write.runtime, 1) / 1000;
}

/** What this process had written to disks, by the system's own account. */
export function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)/m.exec(Deno.readTextFileSync("/proc/self/io"))?.[1]);
}
