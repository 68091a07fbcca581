/**
 * The results as a picture: for each row a group of horizontal bars, longest for the largest figure, with the figure
 * and how it compares with Varve beside each.
 *
 * ```
 *   Ingest of 100B values, random keys, batches of 256, log durable
 *   records/s, more is better
 *            varve ████████████████████████├─┤  2.31 M
 *          rocksdb ███┤                          0.21 M   0.09 × Varve
 * ```
 *
 * @module
 */

import { findResult, type PeerResult, type PeersResult, type RowResult, timesBetter } from "../result.ts";

const layout = {
  width: 1240,
  margin: 28,
  gap: 36,
  header: 92,
  title: 42,
  bar: 17,
  groupGap: 16,
  nameWidth: 164,
  labelWidth: 160,
} as const;

const font = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'";
const ink = "#1f2933";
const faint = "#66727f";

const colours: Readonly<Record<string, string>> = {
  "varve": "#0b7a75",
  "rocksdb": "#d1660f",
  "before": "#6d7fb8",
  "lmdb": "#7d5ba6",
  "classic-level": "#b08bd0",
  "fio": "#8a949e",
};
const variantColour = "#6db8b3";

/** One row, placed. */
interface Group {
  row: RowResult;
  peers: PeerResult[];
  height: number;
}

/**
 * Draws the results as SVG.
 *
 * @param result The results.
 * @returns The text of an SVG file.
 */
export function drawChart(result: PeersResult): string {
  const groups = result.rows.map(groupOf).filter((group) => group.peers.length > 0);
  const columns = splitInTwo(groups);
  const height = layout.header + layout.margin + Math.max(...columns.map(heightOf), 0);
  const columnWidth = (layout.width - 2 * layout.margin - layout.gap) / 2;
  const parts = columns.flatMap((column, index) =>
    drawColumn(result, column, layout.margin + index * (columnWidth + layout.gap), columnWidth)
  );
  return [
    `<svg xmlns='http://www.w3.org/2000/svg' width='${layout.width}' height='${height}' viewBox='0 0 ${layout.width} ${height}' ${font}>`,
    `<rect width='100%' height='100%' fill='#fbfbf9'/>`,
    ...drawHeader(result),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function groupOf(row: RowResult): Group {
  const peers = row.peers.filter((peer) => peer.figure !== undefined);
  return { row, peers, height: layout.title + peers.length * layout.bar + layout.groupGap };
}

function heightOf(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + group.height, 0);
}

/** Splits the groups, in order, into two columns of about the same height. */
function splitInTwo(groups: readonly Group[]): [Group[], Group[]] {
  const half = heightOf(groups) / 2;
  let height = 0;
  let at = 0;
  while (at < groups.length && height + groups[at].height / 2 <= half) height += groups[at++].height;
  return [groups.slice(0, at), groups.slice(at)];
}

function drawHeader({ machine, runs, when, quick, peers }: PeersResult): string[] {
  const versions = peers.filter(({ name }) => !name.startsWith("varve"))
    .map(({ name, version }) => `${name} ${version}`).join(" · ");
  const title = "Varve and its peers" +
    (quick ? " (a quick run: its sizes are too small to mean anything)" : "");
  const place = [
    `${machine.processors} × ${machine.processor}`,
    machine.disk,
    machine.kernel,
    machine.deno,
    `commit ${machine.commit}`,
  ];
  const how = `bar: median of ${runs} run${runs === 1 ? "" : "s"} · line: smallest to largest · ${
    when.slice(0, 10)
  } · "0.5 × Varve" is half as good as what Varve does by default`;
  return [
    text(layout.margin, 36, title, 20, ink, "font-weight='bold'"),
    text(layout.margin, 56, how, 11, faint),
    text(layout.margin, 71, place.join(" · "), 11, faint),
    text(layout.margin, 86, versions, 11, faint),
  ];
}

function drawColumn(result: PeersResult, groups: readonly Group[], x: number, width: number): string[] {
  let y = layout.header + layout.groupGap;
  return groups.flatMap((group) => {
    const parts = drawGroup(result, group, x, y, width);
    y += group.height;
    return parts;
  });
}

function drawGroup(
  result: PeersResult,
  { row, peers }: Group,
  x: number,
  y: number,
  width: number,
): string[] {
  const largest = Math.max(...peers.map((peer) => peer.figure!.max));
  const barX = x + layout.nameWidth;
  const barWidth = width - layout.nameWidth - layout.labelWidth;
  const scale = (value: number) => barX + (largest > 0 ? value / largest : 0) * barWidth;
  const ours = findResult(result, row.id, "varve")?.figure?.median;
  return [
    text(x, y + 12, row.title, 12, ink, "font-weight='bold'"),
    text(x, y + 27, `${row.unit}, ${row.better} is better`, 10.5, faint),
    `<line x1='${barX}' y1='${y + 33}' x2='${barX}' y2='${
      y + 37 + peers.length * layout.bar
    }' stroke='#c9cfd4'/>`,
    ...peers.flatMap((peer, index) =>
      drawBar(row, peer, barX, y + 36 + index * layout.bar, scale, barX + barWidth + 10, ours)
    ),
  ];
}

function drawBar(
  row: RowResult,
  peer: PeerResult,
  x: number,
  y: number,
  scale: (value: number) => number,
  labelX: number,
  ours: number | undefined,
): string[] {
  const { median, min, max } = peer.figure!;
  const middle = y + layout.bar / 2 - 1;
  const isVarve = peer.peer === "varve";
  const ratio = isVarve || ours === undefined
    ? ""
    : `${compact(timesBetter(row.better, median, ours))} × Varve`;
  const weight = isVarve ? "font-weight='bold'" : "";
  return [
    text(x - 8, middle + 4, peer.peer, 11, ink, `text-anchor='end' ${weight}`),
    rect(x, y, Math.max(1, scale(median) - x), layout.bar - 4, colours[peer.peer] ?? variantColour),
    `<path d='M${fixed(scale(min))} ${middle}H${
      fixed(scale(max))
    }' stroke='${ink}' stroke-width='1.2' opacity='0.65'/>`,
    text(labelX, middle + 4, compact(median), 11, ink, weight),
    text(labelX + layout.labelWidth - 12, middle + 4, ratio, 10.5, faint, "text-anchor='end'"),
  ];
}

/** Writes a number in three digits: `2.31 M`, `482 k`, `0.09`. */
export function compact(value: number): string {
  for (const [unit, size] of [[" M", 1e6], [" k", 1e3]] as const) {
    if (value >= size * 0.9995) return three(value / size) + unit;
  }
  return three(value);
}

function three(value: number): string {
  if (value === 0) return "0";
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  if (value >= 0.0995) return value.toFixed(2);
  return value.toPrecision(2);
}

function rect(x: number, y: number, width: number, height: number, colour: string): string {
  return `<rect x='${fixed(x)}' y='${fixed(y)}' width='${
    fixed(width)
  }' height='${height}' fill='${colour}' rx='1.5'/>`;
}

function text(x: number, y: number, content: string, size: number, colour: string, rest = ""): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x='${fixed(x)}' y='${
    fixed(y)
  }' font-size='${size}' fill='${colour}' ${rest}>${escaped}</text>`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}
