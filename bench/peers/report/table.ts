/**
 * The results as text in columns. As a program it prints those of a file:
 *
 * `deno run --allow-read bench/peers/report/table.ts docs/performance.json`
 */

import { print } from "../print.ts";
import type { Latency } from "../measurement.ts";
import {
  findResult,
  type PeerResult,
  type PeersResult,
  readResult,
  type RowResult,
  timesBetter,
} from "../result.ts";
import { judgeGoals } from "./goals.ts";
import { formatNumber } from "./number.ts";

const MiB = 1024 * 1024;

const columns: readonly string[] = [
  "peer",
  "median",
  "min",
  "max",
  "× varve",
  "p50/p99/p99.9 µs",
  "CPU s",
  "peak MiB",
  "written/payload",
];

/** Writes the table, and after it the goals. */
export function formatTable(result: PeersResult): string {
  const goals = result.quick ? "Goals (a quick run: its sizes are too small to mean anything)" : "Goals";
  const absent = result.absent.map(({ name, reason }) => `    ${name} was left out: ${reason}`);
  return [...rowLines(result), goals, ...goalLines(result), ...absent].join("\n");
}

/** Pads cells to columns: those named in `left` to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (text: string, column: number) =>
    left.includes(column) ? text.padEnd(widths[column]) : text.padStart(widths[column]);
  return rows.map((row) => `    ${row.map(pad).join("  ")}`.trimEnd());
}

function rowLines(result: PeersResult): string[] {
  return result.rows.filter((row) => row.peers.length > 0).flatMap((row) => [
    row.title,
    `  ${row.id}: ${row.unit}, ${row.better} is better`,
    ...row.command === undefined ? [] : [`  by ${row.command}`],
    ...align([columns, ...row.peers.map((peer) => cellsOf(result, row, peer))]),
    ...row.peers.flatMap(({ peer, notes, errors }) =>
      [...notes, ...errors.map((error) => `failed: ${error}`)].map((note) => `    ${peer}: ${note}`)
    ),
    "",
  ]);
}

/** The cells of a peer, in the order of the columns. */
function cellsOf(result: PeersResult, row: RowResult, peer: PeerResult): string[] {
  const ours = findResult(result, row.id, "varve")?.figure?.median;
  const theirs = peer.figure?.median;
  const times = ours === undefined || theirs === undefined
    ? undefined
    : timesBetter(row.better, theirs, ours);
  const number = (value: number | undefined) => value === undefined ? "" : formatNumber(value);
  return [
    peer.peer,
    theirs !== undefined ? formatNumber(theirs) : peer.errors.length > 0 ? "failed" : "left out",
    number(peer.figure?.min),
    number(peer.figure?.max),
    number(times),
    formatLatency(row, peer),
    number(peer.cpuSeconds),
    number(peer.peakBytes === undefined ? undefined : peer.peakBytes / MiB),
    number(peer.writtenPerPayload),
  ];
}

function goalLines(result: PeersResult): string[] {
  const lines = judgeGoals(result).map(({ verdict, margin, work, goal, ratio, ours, beside }) => {
    return [margin === "" ? verdict : `${verdict} by ${margin}`, work, goal, ratio, ours, beside];
  });
  return align(lines, [0, 1, 5]);
}

function formatLatency(row: RowResult, peer: PeerResult): string {
  const latency: Latency | undefined = row.figure === "loopDelay" ? peer.loopDelay : peer.latency;
  if (latency === undefined) return "";
  return [latency.p50, latency.p99, latency.p999].map(formatNumber).join(" / ");
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) throw new TypeError("Cannot print: name the results.json of a run");
  print(formatTable(await readResult(path)));
}
