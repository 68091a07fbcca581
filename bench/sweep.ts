/**
 * Does some works with Varve in every mode and engine, each in a process of its own, and prints a table with a line
 * for each variant: the medians of several runs. Runs of the variants take turns.
 */

import { parseArgs } from "node:util";
import { dropCaches } from "./peers/machine/cache.ts";
import type { Measurement } from "./peers/measurement.ts";
import { parseBytes } from "./peers/options.ts";
import { print, progress } from "./peers/print.ts";
import { spreadOf } from "./peers/result.ts";
import { formatNumber } from "./peers/report/number.ts";
import { VarvePeer } from "./peers/varve/varve.ts";
import type { Variant } from "./peers/varve/request.ts";
import { datasetName, datasetOf, type Work } from "./peers/work.ts";
import { Workspace } from "./peers/machine/workspace.ts";
import { variantName, variants } from "./variants.ts";

/** A column: a figure of a work. Columns with equal work share its runs. */
export interface Column {
  /** Its head. */
  title: string;
  /** What is done. */
  work: Work;
  /** The figure that is taken. */
  of(measurement: Measurement): number | undefined;
}

/** The arguments of a sweep. */
export interface SweepOptions {
  /** The payload of 8 KiB values in bytes; of 100 B values it is a quarter. */
  sizeBytes: number;
  /** How many runs. */
  runs: number;
  /** Only variants whose names hold this. */
  only: string;
  /** Where the data go. */
  dir: string | undefined;
  /** Whether memory is watched over growing sizes instead. */
  memory: boolean;
}

/** Reads the arguments of a sweep. */
export function parseSweep(args: readonly string[]): SweepOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: "string", default: "1GiB" },
      runs: { type: "string", default: "3" },
      only: { type: "string", default: "" },
      dir: { type: "string" },
      memory: { type: "boolean", default: false },
    },
  });
  return {
    sizeBytes: parseBytes(values.size),
    runs: Math.max(1, Number(values.runs)),
    only: values.only,
    dir: values.dir,
    memory: values.memory,
  };
}

/** Runs the works and prints the table. */
export async function sweep(columns: readonly Column[], options: SweepOptions): Promise<void> {
  await using workspace = await Workspace.create(options.dir);
  const chosen = variants.filter((variant) => variantName(variant).includes(options.only));
  const present = await presentOf(chosen, workspace);
  const datasets = new Map<string, string>();
  const taken = new Map<Variant, Map<string, Measurement[]>>(
    present.map((variant) => [variant, new Map()]),
  );
  const works = new Map(columns.map((column) => [JSON.stringify(column.work), column.work]));
  for (const [key, work] of works) {
    for (let run = 0; run < options.runs; run++) {
      for (const variant of present) {
        const measurement = await runOnce(variant, work, datasets, workspace);
        progress(`# ${variantName(variant)} ${work.kind}: ${measurement.seconds.toFixed(3)} s`);
        const measurements = taken.get(variant)!;
        measurements.set(key, [...measurements.get(key) ?? [], measurement]);
      }
    }
  }
  printTable(columns, taken);
}

async function presentOf(chosen: readonly Variant[], workspace: Workspace): Promise<Variant[]> {
  const present: Variant[] = [];
  for (const variant of chosen) {
    const presence = await new VarvePeer(variant).probe(workspace);
    if ("absent" in presence) progress(`# ${variantName(variant)} is skipped: ${presence.absent}`);
    else present.push(variant);
  }
  return present;
}

async function runOnce(
  variant: Variant,
  work: Work,
  datasets: Map<string, string>,
  workspace: Workspace,
): Promise<Measurement> {
  const peer = new VarvePeer(variant);
  const wanted = datasetOf(work);
  if (wanted !== undefined && !datasets.has(datasetName(wanted))) {
    const path = await workspace.directory("data");
    await peer.prepare(wanted, path);
    datasets.set(datasetName(wanted), path);
  }
  const dataset = wanted === undefined ? undefined : datasets.get(datasetName(wanted));
  const directory = await workspace.directory("run");
  await dropCaches(workspace.path);
  try {
    return await peer.measure({ work, directory, dataset, accountPath: workspace.accountPath() });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function printTable(
  columns: readonly Column[],
  taken: ReadonlyMap<Variant, ReadonlyMap<string, Measurement[]>>,
): void {
  const rows = [...taken].map(([variant, measurements]) => [
    variantName(variant),
    ...columns.map((column) => {
      const runs = (measurements.get(JSON.stringify(column.work)) ?? []).map((m) => column.of(m));
      const median = spreadOf(runs.filter((n) => n !== undefined))?.median;
      return median === undefined ? "" : formatNumber(median);
    }),
  ]);
  const table = [["mode:engine", ...columns.map(({ title }) => title)], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) {
    print(row.map((c, i) => i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join("  "));
  }
}
