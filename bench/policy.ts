/**
 * `deno task bench:policy`: what policies of upkeep cost, by a model of a store of any size that moves fractions of
 * keys and counts of bytes instead of records. It runs the very planner that is shipped.
 *
 * For each policy: layers over a key when upkeep has the most to do and, after filters, read for it (mean / most);
 * bytes written per byte of payload; bytes stored per byte that is needed (mean / most /
 * in the end, at rest); the most that upkeep had to
 * write after one segment (debt); the most that one merge took in.
 *
 * Options: `--size 100GB,10TB` (of payload), `--workload uniform,zipfian,hot-set,time-ordered,sequential`, `--history 1,0.1`
 * (the share of history that is kept), `--segment 64MiB`, `--only RocksDB,hybrid` (policies whose names begin with one of these).
 */

import { parseArgs } from "node:util";
import { align } from "./peers/report/table.ts";
import { print } from "./peers/print.ts";
import { policies } from "./policy/policies.ts";
import { recordBytes } from "./policy/sim_layer.ts";
import { type Outcome, simulate } from "./policy/simulate.ts";
import { workloadOf, workloads } from "./policy/workload.ts";

const units: Readonly<Record<string, number>> = { MiB: 2 ** 20, GiB: 2 ** 30, GB: 1e9, TB: 1e12 };

function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(MiB|GiB|GB|TB)$/.exec(text) ?? [];
  if (unit === undefined) throw new TypeError(`Cannot read size "${text}": expected such as 64MiB or 10TB`);
  return Number(number) * units[unit];
}

const columns = ["policy", "layers/get", "after filters", "written", "space", "debt", "one merge", "layers"];

function size(bytes: number): string {
  return bytes >= 1e12
    ? `${(bytes / 1e12).toFixed(1)} TB`
    : bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : `${(bytes / 1e6).toFixed(0)} MB`;
}

function cellsOf(name: string, outcome: Outcome): string[] {
  const { depth, read, written, space, debt, largestMerge, layers } = outcome;
  return [
    name,
    `${depth.mean.toFixed(1)} / ${depth.max}`,
    `${read.mean.toFixed(2)} / ${read.max.toFixed(2)}`,
    written.toFixed(1),
    `${space.mean.toFixed(2)} / ${space.max.toFixed(2)} / ${space.end.toFixed(2)}`,
    size(debt),
    size(largestMerge),
    String(layers),
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      size: { type: "string", default: "100GB" },
      workload: { type: "string", default: workloads.join(",") },
      history: { type: "string", default: "1,0.1" },
      segment: { type: "string", default: "64MiB" },
      only: { type: "string", default: "" },
    },
  });
  const segmentBytes = parseBytes(values.segment);
  const chosen = policies.filter(({ name }) =>
    values.only.split(",").some((start) => name.startsWith(start))
  );
  for (const text of values.size.split(",")) {
    const bytes = parseBytes(text);
    for (const name of values.workload.split(",")) {
      const workload = workloadOf(name, bytes / recordBytes);
      for (const history of values.history.split(",").map(Number)) {
        const rows = chosen.map((policy) => {
          return cellsOf(policy.name, simulate(policy, { workload, bytes, segmentBytes, history }));
        });
        print(
          `${text}, ${name}, ${history === 1 ? "all history" : `the last ${history * 100} % of history`}`,
        );
        print([...align([columns, ...rows]), ""].join("\n"));
      }
    }
  }
}
