/** Mutants of sorted layers: what runs of records say, and who believes it. */

import type { Mutant } from "../mutant.ts";

const sorted = "tests/layer/tree/sorted_layer_test.ts";
const reads = "tests/timeline/read/runs_test.ts";

/** See the top of the file. */
export const runs: readonly Mutant[] = [
  {
    name: "run-sum-unchecked",
    breaks: "A range that has not its checksum is told from one that has, and is not kept.",
    file: "src/objects/read/summed_range.ts",
    before: "range.isIntact = crc32(copy) === sum;",
    after: "range.isIntact = true;",
    caughtBy: "tests/objects/read/page_set_test.ts",
    filter: "keeps those that have their checksum",
  },
  {
    name: "run-heads-unchecked",
    breaks: "N3: a run whose heads do not check is not believed.",
    file: "src/layer/formats/run_format.ts",
    before: "return checkedHeads.sum() === headSum;",
    after: "return true;",
    caughtBy: sorted,
    filter: "a byte that is flipped in a run",
  },
  {
    name: "cursor-believes-runs",
    breaks: "D2: a cursor hands on no record of a run that does not check as one that does.",
    file: "src/layer/tree/stretches.ts",
    before: "const isIntact = crc32(bytes.subarray(start, end)) === (slots.sum?.[slot] ?? 0);",
    after: "const isIntact = true;",
    caughtBy: sorted,
    filter: "a byte that is flipped in a run",
  },
  {
    name: "neighbours-across-sectors",
    breaks: "N3: records on both sides of the end of a sector need not be neighbours.",
    file: "src/layer/formats/run_format.ts",
    before: "return before < 0 || isSplit ?",
    after: "return before < 0 ?",
    caughtBy: sorted,
    filter: "believes no run that stands in the place of another",
  },
  {
    name: "damaged-record-is-no-neighbour",
    breaks: "N3: what a damaged record may be is not taken for absent.",
    file: "src/layer/formats/run_format.ts",
    before: "      before = -1;\n",
    after: "",
    caughtBy: sorted,
    filter: "a byte that is flipped in a run",
  },
  {
    name: "run-too-long",
    breaks: "N1: a run has 4080 bytes at the most.",
    file: "src/layer/tree/run_builder.ts",
    before: "this.#end - this.#start + length[row] > mostRunBytes",
    after: "this.#end - this.#start > mostRunBytes",
    caughtBy: sorted,
    filter: "a run that is one byte too long",
  },
  {
    name: "run-before-the-range-skipped",
    breaks: "C1: a run that starts in front of a range may have rows in it.",
    file: "src/layer/tree/page_cursor.ts",
    before: "this.#slot = !reverse && isRun(slots, first - 1) ? first - 1 : first;",
    after: "this.#slot = first;",
    caughtBy: sorted,
    filter: "holds what a sorted array holds",
  },
  {
    name: "run-before-the-range-skipped-backwards",
    breaks: "C1: a run that starts in front of a range that is walked backwards may have rows in it.",
    file: "src/layer/tree/page_cursor.ts",
    before: "this.#slotsEnd = reverse && isRun(slots, end) ? end + 1 : end;",
    after: "this.#slotsEnd = end;",
    caughtBy: sorted,
    filter: "holds what a sorted array holds",
  },
  {
    name: "value-read-again",
    breaks: "A value that was met in a run is not read again.",
    file: "src/timeline/read/lookup.ts",
    before: "if (memory === undefined || (flags & tombstoneFlag) !== 0) {",
    after: "if (memory !== undefined || (flags & tombstoneFlag) !== 0) {",
    caughtBy: reads,
    filter: "reads one run",
  },
  {
    name: "held-value-of-an-older-version",
    breaks: "What is held is the value of the newest place.",
    file: "src/timeline/read/records/places.ts",
    before: "    this.letGo(place);\n",
    after: "",
    caughtBy: reads,
    filter: "find what was appended",
  },
  {
    name: "copied-records-keep-their-seed",
    breaks: "R3: a record that was copied from a run checks with the seed of its new file.",
    file: "src/timeline/upkeep/merge/merge_window.ts",
    before: "this.#view.getUint32(to, true) ^ seed ^ this.#seed",
    after: "this.#view.getUint32(to, true)",
    caughtBy: "tests/timeline/upkeep/merge/merge_layers_test.ts",
    filter: "of two layers over each other",
  },
];
