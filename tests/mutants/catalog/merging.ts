/** Mutants that lose, double or mistake what is merged, or remove it too early. */

import type { Mutant } from "../mutant.ts";

const merges = "tests/timeline/upkeep/merge/merge_layers_test.ts";
const compactions = "tests/timeline/upkeep/compactor_test.ts";

/** See the top of the file. */
export const merging: readonly Mutant[] = [
  {
    name: "merged-records-keep-their-seed",
    breaks: "R3: a record that was copied checks with the seed of its new file, and with no other.",
    file: "src/timeline/upkeep/merge/merge_window.ts",
    before: "view.getUint32(at, true) ^ seed ^ this.#seed, true)",
    after: "view.getUint32(at, true) ^ this.#seed, true)",
    caughtBy: merges,
    filter: "mergeLayers() cuts outputs between keys",
  },
  {
    name: "merged-records-unchecked",
    breaks: "W1: a record is checked before it is copied, or its damage would be given a checksum that fits.",
    file: "src/timeline/upkeep/merge/merge_window.ts",
    before: "if (header === undefined || !checkRecord(bytes, view, at, length, seed)) {",
    after: "if (header === undefined || !checkRecord(bytes, view, at, length, seed) && at < 0) {",
    caughtBy: merges,
    filter: "rejects when a record of an input is damaged",
  },
  {
    name: "merged-records-exchanged",
    breaks: "W1: what is copied is the record of its key and LSN.",
    file: "src/timeline/upkeep/merge/merge_window.ts",
    before: "if (!isIt) throw",
    after: "if (!isIt && at < 0) throw",
    caughtBy: merges,
    filter: "rejects when records of an input stand in each other's places",
  },
  {
    name: "merged-versions-twice",
    breaks: "G1: a version that two inputs have is merged once.",
    file: "src/timeline/upkeep/merge/merge_layers.ts",
    before: "if (window.isLast(block, row)) continue;",
    after: "",
    caughtBy: merges,
    filter: "brings every version once",
  },
  {
    name: "merged-versions-skipped",
    breaks: "G1: a row that does not fit a window is the first of the next one.",
    file: "src/timeline/upkeep/merge/merge_layers.ts",
    before: "          merged.step(row - at);",
    after: "          merged.step(row - at + 1);",
    caughtBy: merges,
    filter: "brings every version once",
  },
  {
    name: "merged-marks-forgotten",
    breaks: "The last LSN of history is kept when it is that of a batch without changes.",
    file: "src/timeline/upkeep/merge/merge_layers.ts",
    before: "await this.#finish(this.#output ?? await this.#open(), lastLsn);",
    after: "await this.#finish(this.#output ?? await this.#open(), lastLsn * 0);",
    caughtBy: merges,
    filter: "keeps the last LSN of each output",
  },
  {
    name: "merged-files-left-behind",
    breaks: "G3: what a merge wrote that rejects is removed.",
    file: "src/timeline/upkeep/merge/merge_layers.ts",
    before: "    await merge.abandon();\n",
    after: "",
    caughtBy: merges,
    filter: "rejects with what stopped it",
  },
  {
    name: "merged-layers-removed-before-the-edit",
    breaks: "G5: inputs are removed only after the edit is durable.",
    file: "src/timeline/upkeep/compactor.ts",
    before: '    try {\n      await this.#commit({ type: "replaceLayers"',
    after:
      '    for (const { object } of inputs) await objects.remove(object.id);\n    try {\n      await this.#commit({ type: "replaceLayers"',
    caughtBy: compactions,
    filter: "removes what was merged only when an edit without it is durable",
  },
  {
    name: "merged-layers-removed-under-a-view",
    breaks: "K2: a layer that an edit took out is removed only when every view that may need it has ended.",
    file: "src/timeline/upkeep/compactor.ts",
    before: "    this.#layers.replace(inputs, added);\n",
    after: "    this.#layers.replace(inputs, added);\n    this.#merged.push(...inputs);\n",
    caughtBy: compactions,
    filter: "keeps files for as long as a snapshot from before needs them",
  },
  {
    name: "merged-before-segments-are-named",
    breaks:
      "Files are named in the order of their numbers: a merge waits for segments that are opened before it.",
    file: "src/timeline/upkeep/compactor.ts",
    before: "    await orAborted(this.#unlessFull(this.#layers.named()), stop);\n",
    after: "",
    caughtBy: compactions,
    filter: "writes nothing before segments of smaller numbers are named",
  },
  {
    name: "merging-without-end",
    breaks: "G7: layers that one key fills are left alone, or they would be merged again and again.",
    file: "src/timeline/upkeep/merge/next_merge.ts",
    before: "layer.description.versions > 0 && !isSettled(layer, full)",
    after: "layer.description.versions > 0 && (full.bytes > 0 || !isSettled(layer, full))",
    caughtBy: "tests/timeline/upkeep/merge/next_merge_test.ts",
    filter: "leaves alone what one key fills",
  },
  {
    name: "merging-what-comes-meanwhile",
    breaks: "A compaction ends although appends go on.",
    file: "src/timeline/upkeep/compactor.ts",
    before: 'kind !== "L0" || sequence <= last',
    after: 'kind !== "L0" || sequence <= last || true',
    caughtBy: compactions,
    filter: "leaves what is sealed meanwhile to the next call",
  },
  {
    name: "older-version-in-place-of-damage",
    breaks: "Damage is never absence: where a newer version may be lost, no older one is given.",
    file: "src/timeline/read/records/places.ts",
    before: `    this.clear(key);
    this.#failures ??=`,
    after: `    this.#failures ??=`,
    caughtBy: "tests/timeline/read/records/entry_read_test.ts",
    filter: "behind an older version that it had found",
  },
];
