/** `varve layers`. */

import type { LayerInfo } from "../../timeline/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { escapeBytes } from "../terminal/escape.ts";
import { exitOk } from "../exit_code.ts";
import { openTimeline } from "../open_timeline.ts";
import { formatCount, formatMebibytes } from "../terminal/quantity.ts";
import { renderTable } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

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
  run: runLayers,
};

async function runLayers(args: Arguments, terminal: Terminal): Promise<number> {
  await using open = await openTimeline(args, { for: "read" });
  const layers = open.timeline.layers();
  if (args.flag("json")) {
    for (const layer of layers) await terminal.output.write(`${JSON.stringify(jsonLayer(layer))}\n`);
  } else {
    const head = ["kind", "LSNs", "keys", "versions", "deletions", "size", "first key", "last key", "file"];
    await terminal.output.write(
      renderTable([head, ...layers.map((layer) => tableRow(layer, open.store.path))]),
    );
  }
  return exitOk;
}

function tableRow(layer: LayerInfo, storePath: string): string[] {
  return [
    layer.kind,
    `${layer.firstLsn}–${layer.lastLsn}`,
    formatCount(layer.keys),
    formatCount(layer.versions),
    formatCount(layer.tombstones),
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
