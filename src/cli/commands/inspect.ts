/** `varve layers` and `varve stats`. */

import type { LayerInfo } from "../../timeline/mod.ts";
import type { Command } from "../command.ts";
import { openForReading } from "../open_timeline.ts";
import { escapeBytes, escapeText } from "../terminal/escape.ts";
import { formatCount, formatMebibytes } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";

/** Keys are shown up to this many characters. */
const maxKeyCharacters = 24;

/** Shows the layers of a timeline. */
export const layersCommand: Command = {
  name: "layers",
  positionals: ["<store>"],
  summary: "show the layers of a timeline, newest first",
  details: `
open: in memory, over the segment that is being written; frozen: being sealed; L0: a sealed segment.
Keys of a layer that is not sealed are not shown. Long keys are cut short, but not by --json, which shows
"firstKeyBase64" and "lastKeyBase64".`,
  options: { "json": { describe: "show a JSON object on each line" } },
  async run(args, { output }) {
    await using open = await openForReading(args);
    const layers = open.timeline.layers();
    if (args.flag("json")) {
      for (const layer of layers) await output.write(`${JSON.stringify(jsonLayer(layer))}\n`);
    } else {
      const head = ["kind", "LSNs", "keys", "versions", "deletions", "size", "first key", "last key", "file"];
      await output.write(renderTable([head, ...layers.map((layer) => tableRow(layer, open.store.path))]));
    }
  },
};

function tableRow(layer: LayerInfo, storePath: string): string[] {
  return [
    layer.kind,
    `${layer.firstLsn}–${layer.lastLsn}`,
    ...[layer.keys, layer.versions, layer.tombstones].map(formatCount),
    formatMebibytes(layer.byteLength),
    shownKey(layer.firstKey),
    shownKey(layer.lastKey),
    layer.path.startsWith(storePath) ? layer.path.slice(storePath.length + 1) : layer.path,
  ];
}

function shownKey(key: Uint8Array): string {
  const characters = Array.from(escapeBytes(key));
  if (characters.length <= maxKeyCharacters) return characters.join("");
  return `${characters.slice(0, maxKeyCharacters - 1).join("")}…`;
}

function jsonLayer({ firstKey, lastKey, ...layer }: LayerInfo): Record<string, unknown> {
  // A layer whose index is in memory does not tell its keys.
  if (firstKey.length === 0) return layer;
  return { ...layer, firstKeyBase64: firstKey.toBase64(), lastKeyBase64: lastKey.toBase64() };
}

/** Shows what a store holds and how it does its IO. */
export const statsCommand: Command = {
  name: "stats",
  positionals: ["<store>"],
  summary: "show what a store holds and how it does IO",
  details: `
Shows how IO is done (what was asked for and what was obtained), every timeline, the sums over the layers of the
timeline of --timeline, and the metrics of the store since this command opened it. Sizes are in bytes.`,
  options: { "json": { describe: "show one JSON object" } },
  async run(args, { output }) {
    await using open = await openForReading(args);
    const { store, timeline } = open;
    const stats = {
      path: store.path,
      io: store.io,
      timelines: Object.fromEntries(store.timelines().map(({ name, ...rest }) => [name, rest])),
      layers: sumLayers(timeline.layers()),
      metrics: store.metrics(),
    };
    await output.write(
      args.flag("json") ? `${JSON.stringify(stats)}\n` : renderTable([...flatRows(stats, "")]),
    );
  },
};

function sumLayers(layers: readonly LayerInfo[]): Record<string, number> {
  const sum = (count: (layer: LayerInfo) => number) =>
    layers.reduce((total, layer) => total + count(layer), 0);
  return {
    count: layers.length,
    versions: sum(({ versions }) => versions),
    deletions: sum(({ tombstones }) => tombstones),
    byteLength: sum(({ byteLength }) => byteLength),
  };
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
