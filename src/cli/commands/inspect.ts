/** `varve layers` and `varve stats`. */

import type { LayerInfo } from "../../timeline/mod.ts";
import type { Command } from "../command.ts";
import { formatKeyParts } from "../key_parts.ts";
import { drawLayers } from "../layers/picture.ts";
import { summaryRows } from "../layers/summary.ts";
import { sumLayers } from "../layers/sums.ts";
import { writePicture } from "../layers/write_picture.ts";
import { fileIn, openForReading, type OpenTimeline } from "../open_timeline.ts";
import { partsOption } from "../options.ts";
import { allocatedBytesOf } from "../seeing/look.ts";
import { escapeBytes, escapeText } from "../terminal/escape.ts";
import { jsonSafe } from "../terminal/json_line.ts";
import { formatCount, formatMebibytes } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";
import { UsageError } from "../usage_error.ts";

/** More layers are summed up unless all are asked for. */
const mostListed = 50;
/** Keys are shown up to this many characters. */
const maxKeyCharacters = 24;

/** Shows the layers of a timeline. */
export const layersCommand: Command = {
  name: "layers",
  positionals: ["<store>"],
  summary: "show the layers of a timeline, newest first",
  details: `
open: in memory, over the segment that is being written; frozen: being sealed; L0: a sealed segment. A level from 1 on
has one layer of a key at the most; 8 is for versions of one key that fill a layer. "image at N": reads of its keys as
of LSN N or before need no other layer; with --json "imageLsn".
The size is that of its file up to its end; what it takes on disk is shown beside it where that differs.
Keys of a layer that is not sealed are not shown. Long keys are cut short, but not by --json, which shows
"firstKeyBase64" and "lastKeyBase64". --parts shows keys that are structured as JSON arrays, and with --json as
"firstKeyParts" and "lastKeyParts".
More than ${mostListed} layers are summed up by their kinds and the sizes of their files, unless --all or --json is
given. --svg draws them instead, as rectangles of keys and LSNs, into a file, or to standard output if FILE is "-". A
file that is there is written over. A browser shows more of a layer where the mouse is on it.`,
  options: {
    "all": { describe: "list all layers, however many" },
    "svg": { value: "FILE", describe: "draw the layers as an SVG picture" },
    "json": { describe: "show a JSON object on each line" },
    "parts": partsOption,
  },
  async run(args, { output }) {
    const picture = args.text("svg");
    if (picture !== undefined && args.flag("json")) {
      throw new UsageError("--svg and --json exclude each other");
    }
    await using open = await openForReading(args);
    const layers = open.timeline.layers();
    const asParts = args.flag("parts");
    if (picture !== undefined) {
      await writePicture(picture, open.store.path, pictureOf(layers, open, asParts), output);
    } else if (args.flag("json")) {
      for (const layer of layers) await output.write(jsonLayer(layer, asParts));
    } else if (layers.length > mostListed && !args.flag("all")) {
      const hint = "--all lists them, --svg FILE draws them";
      await output.write(
        `${renderTable(summaryRows(layers))}${formatCount(layers.length)} layers: ${hint}\n`,
      );
    } else {
      await output.write(renderTable(await layerRows(layers, open.store.path, asParts)));
    }
  },
};

function pictureOf(
  layers: readonly LayerInfo[],
  { store, timeline }: OpenTimeline,
  asParts: boolean,
): string {
  const info = store.timelines().find(({ name }) => name === timeline.name);
  return drawLayers(layers, {
    title: escapeText(`Layers of ${timeline.name} in ${store.path}`),
    // A horizon of 0 is none.
    horizon: info?.horizon || undefined,
    showKey: (key) => keyText(key, asParts),
    showPath: (path) => escapeText(fileIn(store.path, path)),
  });
}

/** A head, and a row for each layer. What files take on disk is shown if it is something else than their size. */
async function layerRows(
  layers: readonly LayerInfo[],
  storePath: string,
  asParts: boolean,
): Promise<string[][]> {
  const onDisk: (number | undefined)[] = [];
  for (const { path } of layers) onDisk.push(await allocatedBytesOf(path));
  const differs = onDisk.some((bytes, i) => bytes !== undefined && bytes !== layers[i].byteLength);
  const diskCell = (cell: string) => differs ? [cell] : [];
  const head = ["kind", "level", "LSNs", "keys", "versions", "deletions", "size", ...diskCell("on disk")];
  return [
    [...head, "first key", "last key", "file"],
    ...layers.map((layer, i) => [
      ...countCells(layer),
      ...diskCell(onDisk[i] === undefined ? "" : formatMebibytes(onDisk[i])),
      shownKey(layer.firstKey, asParts),
      shownKey(layer.lastKey, asParts),
      fileIn(storePath, layer.path),
    ]),
  ];
}

function countCells(layer: LayerInfo): string[] {
  return [
    // What reads find of its keys at or below this LSN is in it.
    layer.imageLsn === undefined ? layer.kind : `${layer.kind} at ${layer.imageLsn}`,
    `${layer.level ?? ""}`,
    `${layer.firstLsn}–${layer.lastLsn}`,
    ...[layer.keys, layer.versions, layer.tombstones].map(formatCount),
    formatMebibytes(layer.byteLength),
  ];
}

function shownKey(key: Uint8Array, asParts: boolean): string {
  const characters = Array.from(keyText(key, asParts));
  if (characters.length <= maxKeyCharacters) return characters.join("");
  return `${characters.slice(0, maxKeyCharacters - 1).join("")}…`;
}

function keyText(key: Uint8Array, asParts: boolean): string {
  const parts = partsOf(key, asParts);
  return parts === undefined ? escapeBytes(key) : escapeText(parts);
}

function jsonLayer({ firstKey, lastKey, ...layer }: LayerInfo, asParts: boolean): string {
  const keys = [jsonKey("firstKey", firstKey, asParts), jsonKey("lastKey", lastKey, asParts)];
  // A layer whose index is in memory does not tell its keys.
  const fields = firstKey.length === 0 ? [] : keys;
  return `{${[JSON.stringify(layer).slice(1, -1), ...fields].join(",")}}\n`;
}

function jsonKey(name: string, key: Uint8Array, asParts: boolean): string {
  const parts = partsOf(key, asParts);
  return parts === undefined ? `"${name}Base64":"${key.toBase64()}"` : `"${name}Parts":${jsonSafe(parts)}`;
}

/** The parts of a key, if they are asked for and it has any. */
function partsOf(key: Uint8Array, asParts: boolean): string | undefined {
  return asParts && key.length > 0 ? formatKeyParts(key) : undefined;
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
