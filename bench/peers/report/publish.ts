/**
 * Takes the results of a run into the documentation: `docs/performance.json` whole, `docs/performance.svg`, the
 * tables of `docs/performance.md` and of the README. Those of an old store go whole to `docs/performance_old.json`,
 * and to their own section of the page.
 *
 * `deno run -A bench/peers/report/publish.ts bench/out/results.json [rows measured again.json …]`
 */

import { runChild } from "../machine/child.ts";
import { thisCheckout } from "../machine/machine.ts";
import { mergeResults, type PeersResult, readResult } from "../result.ts";
import { drawChart } from "./chart.ts";
import { renderGoals, renderMachine, renderOld, renderReadme, replaceSection, replaceTable } from "./page.ts";

/** The headings under which figures stand. */
export const headings = {
  machine: "## What it ran on",
  figures: "## Figures",
  old: "## Figures of an old store",
  readme: "## How fast",
} as const;

const page = `${thisCheckout}/docs/performance.md`;

async function publishOld(result: PeersResult): Promise<void> {
  const json = `${thisCheckout}/docs/performance_old.json`;
  await Deno.writeTextFile(json, formatResult(result));
  await edit(page, (text) => replaceSection(text, headings.old, renderOld(result)));
  await formatFiles([json, page]);
}

async function publish(result: PeersResult): Promise<void> {
  const json = `${thisCheckout}/docs/performance.json`;
  const svg = `${thisCheckout}/docs/performance.svg`;
  const readme = `${thisCheckout}/README.md`;
  await Deno.writeTextFile(json, formatResult(result));
  await Deno.writeTextFile(svg, drawChart(result));
  await edit(page, (text) => replaceSection(text, headings.machine, renderMachine(result)));
  await edit(page, (text) => replaceTable(text, headings.figures, renderGoals(result)));
  await edit(readme, (text) => replaceTable(text, headings.readme, renderReadme(result)));
  await formatFiles([json, svg, page, readme]);
}

async function formatFiles(paths: readonly string[]): Promise<void> {
  const { code, stderr } = await runChild([Deno.execPath(), "fmt", ...paths], { cwd: thisCheckout });
  if (code !== 0) throw new Error(`Cannot format what was written: ${stderr}`);
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
}

/** JSON with figures of six digits, and small objects on a line each. */
function formatResult(result: PeersResult): string {
  const round = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
  return JSON.stringify(result, round, 2).replace(/\{[^{}[\]]*\}|\[[^{}[\]]*\]/g, (small) => {
    const line = small.replace(/\s*\n\s*/g, " ");
    return line.length <= 100 ? line : small;
  }) + "\n";
}

if (import.meta.main) {
  const [first, ...later] = await Promise.all(Deno.args.map(readResult));
  if (first === undefined) throw new TypeError("Cannot publish: name the results.json of a run");
  if (first.quick) {
    throw new TypeError("Cannot publish a quick run: its sizes are too small to mean anything");
  }
  const other = later.find((result) => (result.old === undefined) !== (first.old === undefined));
  if (other !== undefined) {
    throw new TypeError(`Cannot publish results of two benches as one: ${other.command}`);
  }
  const result = mergeResults(first, later);
  await (first.old === undefined ? publish(result) : publishOld(result));
}
