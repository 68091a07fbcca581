/** What `varve top` shows of a store: a screen, a line, or a line of JSON. */

import { escapeText } from "../terminal/escape.ts";
import { formatBytes, formatCount, formatCounted } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";
import { type Look, type Rates, sumsByKind, sumsByLevel } from "./look.ts";
import { perSecond, processText, processWords } from "./process_text.ts";

const unknown = "–";
const untold =
  "No process tells reads, cache and latencies (its option metricsMilliseconds, varve load does).";

/** All that is known of a store, in lines. Without rates there was no look before. */
export function topScreen(look: Look, rates: Rates | undefined, time: Date): string {
  const { path, timeline, lookMilliseconds, lastLsn, durableLsn, sums, layers, depth } = look;
  const head = `${escapeText(path)}  ${escapeText(timeline)}  ${clockText(time)}  a look takes ${
    Math.ceil(lookMilliseconds)
  } ms\n`;
  const facts = [
    [
      "history",
      `LSN ${formatCount(lastLsn)}`,
      perSecond(rates?.lsns),
      `synced up to ${formatCount(durableLsn)}`,
    ],
    ["versions", formatCount(sums.versions), perSecond(rates?.versions), ""],
    ["written", formatBytes(look.unsealedBytes), bytesPerSecond(rates?.writtenBytes), "not sealed yet"],
    ["merged", formatBytes(mergedBytes(look)), bytesPerSecond(rates?.mergedBytes), unmergedText(look)],
    [
      "debt",
      formatBytes(look.debtBytes),
      "",
      `to be written by merges, pressure ${look.pressure.toFixed(1)}`,
    ],
    ["files", formatBytes(sums.byteLength), "", `on disk ${diskText(look)}`],
    ["a get", `${formatCounted(depth, "layer")} at the most`, "", ""],
    ["held by", holdersText(look), "", ""],
  ];
  const levels = sumsByLevel(layers).map(({ level, kind, count, versions, byteLength }) => [
    level === undefined ? "memory" : `level ${level}`,
    kind,
    formatCounted(count, "layer"),
    formatCounted(versions, "version"),
    formatBytes(byteLength),
  ]);
  const { published } = look, told = published && processText(published, timeline, rates?.process);
  return [head, renderTable(facts), told ?? `${untold}\n`, renderTable(levels)].join("\n");
}

/** The same in one line. */
export function topLine(look: Look, rates: Rates | undefined, time: Date): string {
  const { lastLsn, depth, unsealedBytes, layers, published, timeline } = look;
  const kinds = Object.entries(sumsByKind(layers)).map(([kind, { count }]) => `${count} ${kind}`);
  return [
    clockText(time),
    `LSN ${lastLsn} ${perSecond(rates?.lsns)}`,
    `versions ${perSecond(rates?.versions)}`,
    `written ${bytesPerSecond(rates?.writtenBytes)}`,
    `merged ${bytesPerSecond(rates?.mergedBytes)}`,
    `not sealed ${formatBytes(unsealedBytes)}`,
    `debt ${formatBytes(look.debtBytes)}`,
    `layers ${kinds.join(", ") || "none"}, ${depth} over a key`,
    `on disk ${diskText(look)}`,
    ...(published === undefined ? [] : processWords(published, timeline, rates?.process)),
    `held by ${holdersText(look)}`,
  ].join("  ") + "\n";
}

/** The same as one line of JSON. Rates are by the second; what is not known is left out. */
export function topJson(look: Look, rates: Rates | undefined, time: Date): string {
  const { layers, at: _at, holders, published, sums: { versions, byteLength }, ...rest } = look;
  const sums = { layers: sumsByKind(layers), levels: sumsByLevel(layers) };
  const fields = {
    time,
    ...rest,
    versions,
    byteLength,
    ...holders,
    ...sums,
    rates,
    metrics: published?.metrics,
  };
  return `${JSON.stringify(fields)}\n`;
}

function clockText(time: Date): string {
  return time.toISOString().slice(11, 19);
}

function diskText({ allocatedBytes }: Look): string {
  return allocatedBytes === undefined ? unknown : formatBytes(allocatedBytes);
}

function mergedBytes({ layers }: Look): number {
  const { delta, image } = sumsByKind(layers);
  return (delta?.byteLength ?? 0) + (image?.byteLength ?? 0);
}

function unmergedText({ layers }: Look): string {
  return `${formatBytes(sumsByKind(layers).L0?.byteLength ?? 0)} in L0s not merged yet`;
}

function holdersText({ holders }: Look): string {
  if (holders === undefined) return `${unknown} (the system does not tell)`;
  const { writer, readers } = holders;
  const writing = writer === undefined ? "no writer" : writer === 0 ? "a writer" : `writer ${writer}`;
  return `${writing}, ${formatCounted(readers, "reader")}`;
}

function bytesPerSecond(rate: number | undefined): string {
  return rate === undefined ? unknown : `+${formatBytes(Math.round(rate))}/s`;
}
