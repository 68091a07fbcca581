/** The results as text in columns. */

import { judgeGoals } from "./goals.ts";
import type { Latency } from "./measurement.ts";
import { findResult, type PeerResult, type PeersResult, type RowResult, timesBetter } from "./result.ts";

const MiB = 1024 * 1024;

/** The heads of the columns, in order. */
export const columns: readonly string[] = [
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

/** Writes a number with three or four digits that mean something, and separators. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The cells of a peer, in the order of {@linkcode columns}. */
export function cellsOf(result: PeersResult, row: RowResult, peer: PeerResult): string[] {
  const ours = findResult(result, row.id, "varve")?.figure?.median;
  const theirs = peer.figure?.median;
  const times = ours === undefined || theirs === undefined
    ? undefined
    : timesBetter(row.better, theirs, ours);
  const number = (value: number | undefined) => value === undefined ? "" : formatNumber(value);
  return [
    peer.peer,
    theirs === undefined ? "failed" : formatNumber(theirs),
    number(peer.figure?.min),
    number(peer.figure?.max),
    number(times),
    formatLatency(row, peer),
    number(peer.cpuSeconds),
    number(peer.peakBytes === undefined ? undefined : peer.peakBytes / MiB),
    number(peer.writtenPerPayload),
  ];
}

/** Writes the table, and after it the goals. */
export function formatTable(result: PeersResult): string {
  const lines: string[] = [];
  for (const row of result.rows) {
    if (row.peers.length === 0) continue;
    lines.push(`${row.title}`, `  ${row.id}: ${row.unit}, ${row.better} is better`);
    lines.push(...align([columns, ...row.peers.map((peer) => cellsOf(result, row, peer))]));
    for (const peer of row.peers) {
      for (const note of [...peer.notes, ...peer.errors.map((error) => `failed: ${error}`)]) {
        lines.push(`    ${peer.peer}: ${note}`);
      }
    }
    lines.push("");
  }
  const goals = result.quick ? "Goals (a quick run: its sizes are too small to mean anything)" : "Goals";
  return [...lines, goals, ...goalLines(result)].join("\n");
}

function goalLines(result: PeersResult): string[] {
  return align(
    judgeGoals(result).map(({ text, reached, met }) => [
      met === undefined ? "not measured" : met ? "met" : "missed",
      text,
      reached ?? "",
    ]),
  );
}

function formatLatency(row: RowResult, peer: PeerResult): string {
  const latency: Latency | undefined = row.figure === "loopDelay" ? peer.loopDelay : peer.latency;
  if (latency === undefined) return "";
  return [latency.p50, latency.p99, latency.p999].map(formatNumber).join(" / ");
}

/** Pads cells to columns: the first to the left, figures to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const figures = rows[0].length === columns.length;
  return rows.map((row) =>
    "    " +
    row.map((text, column) =>
      column === 0 || !figures ? text.padEnd(widths[column]) : text.padStart(widths[column])
    ).join("  ").trimEnd()
  );
}
