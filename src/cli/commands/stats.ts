/** `varve stats`. */

import type { Store } from "../../store/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { escapeText } from "../terminal/escape.ts";
import { exitOk } from "../exit_code.ts";
import { openTimeline } from "../open_timeline.ts";
import { renderTable } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Shows what a store holds and how it does its IO. */
export const statsCommand: Command = {
  name: "stats",
  positionals: ["<store>"],
  summary: "show what a store holds and how it does IO",
  details: `
Shows how IO is done (what was asked for and what was obtained), every timeline, the sums over the layers of the
timeline of --timeline, and the metrics of the store since this command opened it. Sizes are in bytes.`,
  options: { "json": { describe: "show one JSON object" } },
  run: runStats,
};

async function runStats(args: Arguments, terminal: Terminal): Promise<number> {
  await using open = await openTimeline(args, { for: "read" });
  const { store, timeline } = open;
  const stats = {
    path: store.path,
    io: store.io,
    timelines: timelinesByName(store),
    layers: sumLayers(timeline.layers()),
    metrics: store.metrics(),
  };
  const text = args.flag("json") ? `${JSON.stringify(stats)}\n` : renderTable([...flatRows(stats, "")]);
  await terminal.output.write(text);
  return exitOk;
}

function timelinesByName(store: Store): Record<string, unknown> {
  return Object.fromEntries(store.timelines().map(({ name, ...rest }) => [name, rest]));
}

/** What layers have that can be summed up. */
interface Countable {
  readonly versions: number;
  readonly tombstones: number;
  readonly byteLength: number;
}

function sumLayers(layers: readonly Countable[]): Record<string, number> {
  const sum = { count: layers.length, versions: 0, deletions: 0, byteLength: 0 };
  for (const layer of layers) {
    sum.versions += layer.versions;
    sum.deletions += layer.tombstones;
    sum.byteLength += layer.byteLength;
  }
  return sum;
}

/** Turns nested fields into rows such as `io.engine  threads`. */
function* flatRows(fields: object, prefix: string): Generator<string[]> {
  for (const [name, field] of Object.entries(fields)) {
    const path = escapeText(prefix + name);
    if (Array.isArray(field)) {
      for (const item of field) yield [path, escapeText(String(item))];
    } else if (field instanceof Date) {
      yield [path, field.toISOString()];
    } else if (typeof field === "object" && field !== null) {
      yield* flatRows(field, `${prefix}${name}.`);
    } else if (field !== undefined) {
      yield [path, escapeText(String(field))];
    }
  }
}
