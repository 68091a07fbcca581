/** Mutants that redo too little or too much, or give up what patches stand on. */

import type { Mutant } from "../mutant.ts";

const patchesTest = "tests/store/patches/patches_test.ts";
const retentionTest = "tests/store/patches/retention_test.ts";

/** See the top of the file. */
export const patches: readonly Mutant[] = [
  {
    name: "patch-in-memory-needs-nothing",
    breaks: "Q1: a key goes on from a patch in memory to what it stands on.",
    file: "src/timeline/read/lookup.ts",
    before: "      if ((flags & terminalFlag) !== 0) return true;\n    }\n    return false;",
    after: "      if ((flags & terminalFlag) !== 0) return true;\n    }\n    return true;",
    caughtBy: patchesTest,
    filter: "redone through layers",
  },
  {
    name: "patch-hides-what-it-stands-on",
    breaks: "A record of patches needs older versions.",
    file: "src/layer/formats/run_format.ts",
    before: "if (kind === RecordKind.PATCH) return 0;",
    after: "if (kind === RecordKind.PATCH) return terminalFlag;",
    caughtBy: patchesTest,
    filter: "redone through layers",
  },
  {
    name: "patches-of-a-batch-apart",
    breaks: "B1: of a key that has a patch in a batch the batch has one record.",
    file: "src/timeline/write/timeline_writer.ts",
    before: "emptyBatch() : joinPatches(batch);",
    after: "(joinPatches(batch), emptyBatch()) : batch;",
    caughtBy: patchesTest,
    filter: "Patches of a batch apply in order",
  },
  {
    name: "redo-gives-out-memory-of-others",
    breaks: "H2: what redo returns is copied before it is given out.",
    file: "src/timeline/read/records/chains.ts",
    before: "value: this.#copies.copy(value, 0, value.length) };",
    after: "value: value as Uint8Array<ArrayBuffer> };",
    caughtBy: patchesTest,
    filter: "Entries own what redo returned",
  },
  {
    name: "patches-newest-first",
    breaks: "H1: patches are redone in the order in which they were written.",
    file: "src/timeline/read/records/patch_chain.ts",
    before: "this.#links.toReversed().flatMap",
    after: "this.#links.flatMap",
    caughtBy: patchesTest,
    filter: "redone through layers",
  },
  {
    name: "layer-removed-under-patches",
    breaks: "R3: what patches stand on is not removed for them.",
    file: "src/timeline/upkeep/retain/reclaim.ts",
    before: "firstLsn > layer.lastLsn && patches === 0",
    after: "firstLsn > layer.lastLsn && patches >= 0",
    caughtBy: retentionTest,
    filter: "is not removed for newer patches",
  },
  {
    name: "image-redoes-above-its-lsn",
    breaks: "Only what nothing reads any more between becomes one value.",
    file: "src/timeline/upkeep/merge/redone_chains.ts",
    before: "while (to < end && rows.lsn[to] <= imageLsn) to++;",
    after: "while (to < end && rows.lsn[to] <= imageLsn + 1) to++;",
    caughtBy: retentionTest,
    filter: "become whole values, and reads are as before",
  },
  {
    name: "retention-drops-under-patches",
    breaks: "Below a horizon a version stays that a patch stands on.",
    file: "src/timeline/upkeep/merge/retained.ts",
    before: "if (isTerminal && isSameKey) {",
    after: "if (isSameKey) {",
    caughtBy: retentionTest,
    filter: "chains of patches are kept",
  },
];
