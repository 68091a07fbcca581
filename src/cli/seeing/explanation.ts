/** What a read cost, as `varve get --explain` shows it. */

import { isUtf8 } from "node:buffer";
import type { Explanation, KeyExplanation, LayerVisit } from "../../timeline/mod.ts";
import { formatKeyParts } from "../key_parts.ts";
import { escapeText } from "../terminal/escape.ts";
import { jsonSafe } from "../terminal/json_line.ts";
import { formatBytes, formatCount, formatCounted } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";

/** How keys and files are shown. */
export interface ExplanationText {
  /** A key. */
  readonly showKey: (key: Uint8Array) => string;
  /** A file by its path. */
  readonly showPath: (path: string) => string;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Shows what a read cost: for each key the layers that it was looked for in, and the sums. */
export function explanationText(explanation: Explanation, shown: ExplanationText): string {
  const keys = explanation.keys.map((key) => `${keyText(key, shown)}\n`);
  return `${keys.join("")}${renderTable(sumRows(explanation))}`;
}

function keyText(explained: KeyExplanation, { showKey, showPath }: ExplanationText): string {
  const { key, visits, excusedByRange, excusedByLsn, excusedByAge } = explained;
  const rows = visits.map((visit) => ["  ", ...visitRow(visit), showPath(visit.path)]);
  const excused = [
    `${formatCount(excusedByRange)} by their keys`,
    `${formatCount(excusedByLsn)} by their LSNs`,
    `${formatCount(excusedByAge)} as older`,
  ];
  return `${showKey(key)}: ${outcomeText(explained, showPath)}\n${renderTable(rows)}` +
    `    passed over: ${excused.join(", ")}\n`;
}

function outcomeText(
  { valueBytes, found, patches, error }: KeyExplanation,
  showPath: (path: string) => string,
): string {
  const place = found === undefined ? "" : ` at LSN ${found.lsn}, ${found.kind} ${showPath(found.path)}`;
  if (error !== undefined) return `unreadable${place}: ${escapeText(error.message)}`;
  if (found === undefined) return "absent";
  if (found.deleted) return `deleted${place}`;
  const record = `record of ${formatBytes(found.byteLength)} at ${found.offset}, from ${found.source}`;
  const redone = patches === 0 ? "" : `, redone of ${formatCounted(patches, "patched version")}`;
  return `${formatBytes(valueBytes ?? 0)}${place}, ${record}${redone}`;
}

function visitRow(visit: LayerVisit): string[] {
  const { kind, firstLsn, lastLsn, imageLsn, outcome, falsePositive, cachedPages, readPages } = visit;
  const isInMemory = kind === "open" || kind === "frozen";
  const pages = isInMemory ? "in memory" : `pages: ${cachedPages} cached, ${readPages} read`;
  // Nothing at or below the LSN of an image is looked for behind it.
  const shown = imageLsn === undefined ? kind : `${kind} at ${imageLsn}`;
  return [shown, `${firstLsn}–${lastLsn}`, outcomeWords[outcome] + (falsePositive ? " in vain" : ""), pages];
}

const outcomeWords: Readonly<Record<LayerVisit["outcome"], string>> = {
  found: "found",
  filter: "excused by its filter",
  absent: "looked through",
  damaged: "damaged",
};

function sumRows({ lsn, memoryLayers, storedLayers, visits, index, values, milliseconds }: Explanation) {
  const layers = `${formatCount(memoryLayers)} in memory, ${formatCount(storedLayers)} stored`;
  const visited = `${formatCounted(visits.memory + visits.stored, "visit")}, ${
    formatCount(visits.excusedByFilter)
  } ended by a filter, ${formatCount(visits.falsePositives)} passed in vain`;
  const pages = `${formatCount(index.cachedPages)} cached, ${formatCount(index.readPages)} read, ${
    formatCounted(index.readFooters, "footer")
  }, ${formatCount(index.sharedPages)} brought by others`;
  const records = `${formatCount(values.memoryRecords)} in memory, ${
    formatCount(values.cachedRecords)
  } cached, ${formatCount(values.readRecords)} read`;
  const reads = (costs: Pick<Explanation["index"], "reads" | "readBytes" | "rounds">) =>
    `${formatCounted(costs.reads, "read")} of ${formatBytes(costs.readBytes)} in ${
      formatCounted(costs.rounds, "round")
    }`;
  const { walk, pages: waiting, values: reading, total } = milliseconds;
  return [
    ["as of", `LSN ${lsn}`],
    ["layers", `${layers}: ${visited}`],
    ["pages", `${pages}: ${reads(index)}`],
    ["records", `${records}: ${reads(values)}, for ${formatBytes(values.valueBytes)}`],
    ["time", `walk ${ms(walk)}, pages ${ms(waiting)}, values ${ms(reading)}, in all ${ms(total)}`],
  ];
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(3)} ms`;
}

/** What a read cost as one line of JSON. Keys are shown as those of other lines are. */
export function explanationJson({ keys, ...sums }: Explanation, asParts: boolean): string {
  const each = keys.map(({ key, error, ...rest }) => {
    const fields = JSON.stringify({ ...rest, error: error?.message }).slice(1, -1);
    return `{${jsonKey(key, asParts)},${fields}}`;
  });
  return `{${jsonSafe(JSON.stringify(sums)).slice(1, -1)},"keys":[${jsonSafe(each.join(","))}]}\n`;
}

function jsonKey(key: Uint8Array, asParts: boolean): string {
  const parts = asParts ? formatKeyParts(key) : undefined;
  if (parts !== undefined) return `"keyParts":${parts}`;
  return isUtf8(key) ? `"key":${JSON.stringify(decoder.decode(key))}` : `"keyBase64":"${key.toBase64()}"`;
}
