/** Two checkouts of Varve side by side: what each row gave before and after, and how many times better it is. */

import type { PeersResult, RowResult, Spread } from "../result.ts";
import { timesBetter } from "../result.ts";
import { formatNumber } from "./number.ts";
import { align } from "./table.ts";

/** The rows that are measured when none is named; each must be no worse beyond noise. */
export const beforeAfterRows: readonly string[] = [
  "ingest.100B.random.batch.sealed",
  "ingest.100B.random.single.sealed",
  "ingest.8KiB.random.batch.sealed",
  "delay.100B.sealed",
  "delay.8KiB.sealed",
  "vector.100B",
  "get.100B.cold",
  "get.100B.cold.p99",
  "commit.1",
  "commit.16",
  "mixed.get.p99",
  "mixed.get.delay",
  "mixed.get.written",
  "memory.peak",
];

/**
 * Writes a line for each row: medians, ratio, and whether the ranges of the runs are apart, without which a ratio
 * says little.
 */
export function formatBeforeAfter(result: PeersResult): string {
  const { machine, peers, runs } = result;
  const describe = ({ name, version }: { name: string; version: string }) =>
    `${name === "varve" ? "after" : name}: ${version}${name === "varve" ? `, ${machine.commit}` : ""}`;
  const head = ["row", "unit", "before", "min–max", "after", "min–max", "better", "ranges"];
  const lines = result.rows.map((row) => lineOf(row)).filter((line) => line !== undefined);
  const failures = result.rows.flatMap((row) =>
    row.peers.flatMap(({ peer, errors }) => errors.map((error) => `${row.id}: ${peer} failed: ${error}`))
  );
  return [
    `Medians of ${runs} run${runs === 1 ? "" : "s"} each, in turn; load ${machine.load.toFixed(2)} before`,
    ...peers.filter(({ name }) => name === "before" || name === "varve").map(describe),
    ...(result.quick ? ["A quick run: its sizes are too small to mean anything"] : []),
    ...align([head, ...lines], [0, 1, 7]),
    ...failures,
  ].join("\n");
}

function lineOf({ id, unit, better, peers }: RowResult): string[] | undefined {
  const before = peers.find(({ peer }) => peer === "before")?.figure;
  const after = peers.find(({ peer }) => peer === "varve")?.figure;
  if (before === undefined || after === undefined) return undefined;
  const times = timesBetter(better, after.median, before.median);
  const cells = (spread: Spread) => [
    formatNumber(spread.median),
    `${formatNumber(spread.min)}–${formatNumber(spread.max)}`,
  ];
  const isApart = before.min > after.max || after.min > before.max;
  return [
    id,
    unit,
    ...cells(before),
    ...cells(after),
    `${formatNumber(times)} ×`,
    isApart ? "apart" : "overlap",
  ];
}
