/** What people are shown of a mixed soak. */

import type { Seen } from "./bounds.ts";
import type { SoakState } from "./mixed_soak.ts";

const MiB = 1024 * 1024;

/** How a soak stands, in a line. */
export function lineOf({ counts, violations, last }: SoakState, minutes: number, cores: number): string {
  const store = last === undefined ? [] : [
    `${mebibytes(last.seen.mostResidentBytes)} resident`,
    `${mebibytes(last.diskBytes)} on disk`,
    `${last.seen.descriptors} descriptors`,
    `depth ${last.told.lines.map(({ depth }) => depth).join(" and ")}`,
    `debt ${mebibytes(last.told.lines.reduce((sum, { debtBytes }) => sum + debtBytes, 0))}`,
    `loop late by ${last.told.late.map((late) => late.toFixed(1)).join(" / ")} ms`,
  ];
  const all = [
    `${counts.lives} lives, ${counts.kills} kills`,
    `batch ${counts.batches}`,
    `${counts.reads} reads`,
    `${Math.round(cores * 100)} % of a core`,
    ...store,
    `${violations.length} violations`,
  ];
  return `${minutes.toFixed(1).padStart(5)} min: ${all.join(", ")}`;
}

/** What came of a soak, as a table in Markdown. */
export function tableOf({ bounds, openings, late, counts }: SoakState): string[] {
  const rows = bounds.map(({ name, unit, value, limit, looks }) => {
    const share = limit === 0 ? "" : `${Math.round(100 * value / limit)} %`;
    return [name, show(value, unit), show(limit, unit), share, `${looks}`];
  });
  const at = (share: number) =>
    openings[Math.min(openings.length - 1, Math.floor(share * openings.length))] ?? 0;
  return [
    ...table(["bound", "most seen", "of at most", "share", "looks"], rows),
    "",
    `openings: ${openings.length}, ${at(0.5).toFixed(0)} ms p50, ${at(1).toFixed(0)} ms at the most`,
    `event loop late by ${
      late.map((each) => each.toFixed(1)).join(" / ")
    } ms at p50, p99, p99.9 of the worst life`,
    Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", "),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i])].map((cell) => cell.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

function show(value: number, unit: Seen["unit"]): string {
  return unit === "bytes" ? mebibytes(value) : `${value}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}
