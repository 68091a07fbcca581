/** The results as the Markdown of `docs/performance.md` and of the README, so that no figure is ever copied by hand. */

import type { PeersResult } from "../result.ts";
import { judgeGoals } from "./goals.ts";
import { formatNumber } from "./number.ts";

const GiB = 2 ** 30;
const MiB = 2 ** 20;

/** What was measured, on what. */
export function renderMachine(result: PeersResult): string {
  const { machine, runs, when, command, cachesDropped, peers, absent } = result;
  const again = new Set(result.rows.map((row) => row.command).filter((found) => found !== undefined));
  const versions = peers.filter(({ name }) => !name.startsWith("varve")).map((p) => `${p.name} ${p.version}`);
  return [
    `- ${machine.processors} × ${machine.processor}, ${
      formatNumber(machine.memoryBytes / GiB)
    } GiB of memory; ` +
    `${machine.disk}, write cache: ${machine.writeCache}; ${machine.kernel}; ${machine.deno}`,
    `- ${when.slice(0, 10)}, commit ${machine.commit}, load ${
      machine.load.toFixed(2)
    } before the run; page cache ` +
    `${cachesDropped ? "dropped before each run" : "not dropped"}`,
    `- medians of ${runs} runs, peers in turn; ${sizesOf(result)}`,
    `- beside ${[...versions, ...absent.map(({ name }) => `${name} absent`)].join(", ")}`,
    "",
    "```sh",
    command,
    ...[...again].map((found) => found.split("; ").join("\n")),
    "```",
  ].join("\n");
}

/** How much was measured. */
function sizesOf({ scale, old }: PeersResult): string {
  if (old !== undefined) {
    return `${old.records.toLocaleString("en")} records of 18 + 100 B; ` +
      `${formatNumber(old.overwriteBytes / GiB)} GiB over an eighth of that where space is looked at; ` +
      `young stores of ${formatNumber(scale.sizeBytes / 4 / MiB)} MiB`;
  }
  return `${formatNumber(scale.sizeBytes / MiB)} MiB of 8 KiB values, a quarter of that of 100 B values, ` +
    `${formatNumber(scale.memoryBytes / GiB)} GiB where memory is watched and for the store that is opened`;
}

/** An old store: what was reached, and what it ran on. */
export function renderOld(result: PeersResult): string {
  return `${renderGoals(result)}\n\n${renderMachine(result)}`;
}

/** What was reached, with goals met and missed. */
export function renderGoals(result: PeersResult): string {
  const rows = judgeGoals(result).map(({ work, ours, beside, ratio, goal, verdict }) => {
    return [work, ours, beside, ratio, goal, verdict === "missed" ? "**missed**" : verdict];
  });
  return markdownTable(["work", "Varve", "beside it", "ratio", "goal", ""], rows);
}

/** The lines that the README has, those of them that were measured. */
export function renderReadme(result: PeersResult): string {
  const rows = judgeGoals(result)
    .filter(({ first, ratio }) => first && ratio !== "")
    .map(({ work, ours, beside, ratio }) => [work, ours, beside, ratio]);
  return markdownTable(["work", "Varve", "beside it", "ratio"], rows);
}

/** Puts `body` in place of what stands under a heading, up to the next heading. */
export function replaceSection(text: string, heading: string, body: string): string {
  const { start, end } = sectionOf(text, heading);
  return `${text.slice(0, start)}\n\n${body}\n\n${text.slice(end)}`;
}

/** Puts a table in place of the first one under a heading. */
export function replaceTable(text: string, heading: string, table: string): string {
  const { start, end } = sectionOf(text, heading);
  const found = text.slice(start, end).match(/^\|.*\n(?:\|.*\n?)*/m);
  if (found?.index === undefined) throw new TypeError(`Cannot find a table under "${heading}"`);
  const at = start + found.index;
  return `${text.slice(0, at)}${table}\n${text.slice(at + found[0].length)}`;
}

function sectionOf(text: string, heading: string): { start: number; end: number } {
  const at = text.indexOf(`\n${heading}\n`);
  if (at < 0) throw new TypeError(`Cannot find the heading "${heading}"`);
  const start = at + 1 + heading.length;
  const next = text.indexOf("\n## ", start);
  return { start, end: next < 0 ? text.length : next + 1 };
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
