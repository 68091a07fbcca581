/**
 * Renders the results of a run as Markdown, so that no figure is ever copied by hand:
 *
 * `deno run --allow-read bench/peers/report.ts bench/out/results.json >tables.md`
 */

import { judgeGoals } from "./goals.ts";
import { print } from "./print.ts";
import type { PeersResult, RowResult } from "./result.ts";
import { resultFormat } from "./result.ts";
import { cellsOf, columns } from "./table.ts";

const GiB = 2 ** 30;
const MiB = 2 ** 20;

/** Renders everything: machine, versions, settings, goals, rows. */
export function renderReport(result: PeersResult): string {
  return [
    ...renderMachine(result),
    ...renderGoals(result),
    ...result.rows.filter((row) => row.peers.length > 0).flatMap((row) => renderRow(result, row)),
    ...renderPeers(result),
  ].join("\n");
}

function renderMachine(result: PeersResult): string[] {
  const { machine, scale, quick, runs, when, command, cachesDropped, absent } = result;
  const sizes = [
    `${(scale.sizeBytes / MiB).toFixed(0)} MiB of payload for an ingest of 8 KiB values`,
    `a quarter for 100 B values`,
    `${(scale.memoryBytes / GiB).toFixed(2)} GiB where memory is watched and for the store that is opened`,
  ];
  return [
    "## Machine and run",
    "",
    `- ${machine.processors} × ${machine.processor}, ${
      (machine.memoryBytes / GiB).toFixed(1)
    } GiB of memory, load ${machine.load.toFixed(2)} before the run`,
    `- ${machine.kernel}; ${machine.disk}, write cache: ${machine.writeCache}`,
    `- ${machine.deno}; commit ${machine.commit}; ${when}`,
    `- ${runs} run${runs === 1 ? "" : "s"} of each work, peers in turn; ${sizes.join(", ")}`,
    ...(quick ? ["- **a quick run: its sizes are too small to mean anything**"] : []),
    `- page cache ${cachesDropped ? "dropped before each run" : "not dropped (a quick run, or not root)"}`,
    ...absent.map(({ name, reason }) => `- absent: ${name}: ${reason}`),
    "",
    "```sh",
    command,
    "```",
    "",
  ];
}

function renderGoals(result: PeersResult): string[] {
  const rows = judgeGoals(result).map(({ text, reached, met }) => [
    text,
    reached ?? "–",
    met === undefined ? "not measured" : met ? "met" : "**missed**",
  ]);
  return ["## Goals", "", ...markdownTable(["goal", "reached", ""], rows), ""];
}

function renderRow(result: PeersResult, row: RowResult): string[] {
  const remarks = row.peers.flatMap((peer) => [
    ...peer.notes.map((note) => `- ${peer.peer}: ${note}`),
    ...peer.errors.map((error) => `- ${peer.peer} failed: ${error.replaceAll("\n", " ")}`),
  ]);
  return [
    `### ${row.title}`,
    "",
    `\`${row.id}\`: ${row.unit}, ${row.better} is better.`,
    "",
    ...markdownTable(columns, row.peers.map((peer) => cellsOf(result, row, peer))),
    "",
    ...remarks,
    ...(remarks.length > 0 ? [""] : []),
  ];
}

function renderPeers({ peers }: PeersResult): string[] {
  return [
    "## Settings",
    "",
    ...peers.flatMap(({ name, version, settings, notes }) => [
      `**${name}** ${version}`,
      "",
      ...[...settings, ...notes].map((line) => `- ${line}`),
      "",
    ]),
  ];
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map((_, column) => column === 0 ? "---" : "---:")), ...rows.map(line)];
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) {
    throw new TypeError("Cannot render: name the results.json of a run");
  }
  const result: PeersResult = JSON.parse(await Deno.readTextFile(path));
  if (result.format !== resultFormat) {
    throw new TypeError(`Cannot render "${path}": expected ${resultFormat}, found ${result.format}`);
  }
  print(renderReport(result));
}
