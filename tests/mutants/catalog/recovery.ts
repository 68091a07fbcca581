/** Mutants that lose or invent history when a store is opened. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const recovery: readonly Mutant[] = [
  {
    name: "damage-taken-for-a-torn-tail",
    breaks: "T1: damage in the midst of what was durable is never cut off in silence.",
    file: "src/timeline/write/recover.ts",
    before: "    checkProofs(path, segment, scanned);\n",
    after: "",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "pads-prove-nothing",
    breaks: "A pad behind the end says that bytes before it were durable.",
    file: "src/segment/proof.ts",
    before: "if (pad.durableOffset > this.#end) this.proof ??= { offset, pad };",
    after: "",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "ends in front of any byte that is wrong",
  },
  {
    name: "witness-of-the-manifest-ignored",
    breaks: "A segment that the manifest says was longer is damaged.",
    file: "src/timeline/write/recover.ts",
    before: "if (witness === undefined || end >= witness.offset) return;",
    after: "if (witness === undefined || end >= 0) return;",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "later-segment-proves-nothing",
    breaks:
      "A later segment that says how far the timeline was durable proves that an earlier one is damaged.",
    file: "src/timeline/write/recover.ts",
    before: "    checkClaim(path, durableLsn, end);\n",
    after: "",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "half-a-batch-counts",
    breaks: "V1: a batch that its end cuts is not part of history.",
    file: "src/segment/scan.ts",
    before: "if (header.flags === lastOfBatch) this.#acceptBatch();",
    after: "if (header.flags <= lastOfBatch) this.#acceptBatch();",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "finds all of a segment",
  },
  {
    name: "segment-goes-on-at-any-lsn",
    breaks: "S1: batches stand in the order of their LSNs; one that does not is not part of history.",
    file: "src/segment/scan.ts",
    before: "if (inBatch ? header.lsn !== this.#batchLsn : header.lsn <= this.#lastLsn) return this.#stop();",
    after: "if (inBatch && header.lsn !== this.#batchLsn) return this.#stop();",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "ends at a record that cannot stand there",
  },
  {
    name: "header-of-another-file-accepted",
    breaks: "V3: a header that checks and is of another store, timeline or file is no torn write.",
    file: "src/segment/scan.ts",
    before: "    this.#checkHeader(header);\n",
    after: "",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "refuses a header that checks and is of another file",
  },
  {
    name: "pad-of-another-file-accepted",
    breaks: "A pad of another file ends a segment and proves nothing.",
    file: "src/segment/scan.ts",
    before:
      "if (this.#at !== this.#batchStart || pad.fileId !== this.#expected.header.fileId) return this.#stop();",
    after: "if (this.#at !== this.#batchStart) return this.#stop();",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "ends at a record that cannot stand there",
  },
  {
    name: "segment-behind-a-gap-counts",
    breaks:
      "T1: history has no hole: a segment that does not go on where the one before it ends is none of it.",
    file: "src/timeline/write/recover.ts",
    before: "return isNext ? header.previousLsn === lastLsn : header.previousLsn <= lastLsn;",
    after: "return isNext || header.previousLsn <= lastLsn;",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "torn-segment-goes-on",
    breaks: "T2: a segment that was torn is never written behind its end again; it is sealed.",
    file: "src/timeline/write/recover.ts",
    before: "const isClean = witness !== undefined && !witness.isEnd && witness.offset === end && !hasRest;",
    after: "const isClean = witness === undefined || !witness.isEnd && witness.offset === end && !hasRest;",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "recovery-does-not-settle",
    breaks: "T2: where a torn segment ends is in a durable manifest before anything is written.",
    file: "src/timeline/write/recover.ts",
    before: "  if (edits.length > 0) await manifest.commit(edits);\n",
    after: "",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "recovery-shortens-the-file",
    breaks: "T2: opening shortens no segment that it reads back.",
    file: "src/timeline/write/recover.ts",
    before: "  const dropped = recovery.dropped.map(",
    after: `  for (const { object, end } of recovery.segments) {
    const { context: { files }, host: { engine } } = objects;
    await files.closing(files.openApart(object, "write"), (file) => engine.truncate(file, end));
  }
  const dropped = recovery.dropped.map(`,
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "recovered-bytes-not-synced",
    breaks: "Opening makes durable what it reads back before it trusts it.",
    file: "src/timeline/write/recover.ts",
    before: "  if (!readOnly) await objects.datasync(object);\n",
    after: "",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "makes a segment durable before it reads it",
  },
  {
    name: "unnamed-segment-removed-unproven",
    breaks:
      "O1: a segment with data that the manifest cannot have named proves that the manifest is too old.",
    file: "src/timeline/write/orphans.ts",
    before: "    if (await hasData(objects, objects.object(orphan))) throw unnamed(context, orphan);\n",
    after: "    objects.object(orphan);\n",
    caughtBy: "tests/timeline/write/orphans_test.ts",
    filter: "findOrphans() of",
  },
  {
    name: "unnamed-timeline-ignored",
    breaks: "A timeline with files that the manifest does not name proves that the manifest is too old.",
    file: "src/store/open_store.ts",
    before: "  await refuseUnnamedTimelines(objects, named);\n",
    after: "",
    caughtBy: "tests/store/opening_test.ts",
    filter: "refuses a timeline that the manifest does not name",
  },
  {
    name: "settled-end-ignored",
    breaks: "T2: where a segment was found to end once, it ends for ever.",
    file: "src/timeline/write/recover.ts",
    before: "end: witness?.isEnd ? witness.offset : undefined,",
    after: "end: undefined,",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "index-over-the-last-block",
    breaks: "S2: the index of a recovered segment starts behind the block that its batches end in.",
    file: "src/timeline/write/open_layer.ts",
    before: "const position = Math.ceil(end / blockBytes) * blockBytes;",
    after: "const position = Math.floor(end / blockBytes) * blockBytes;",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "witness-proves-nothing-of-others",
    breaks: "A segment that was closed cleanly proves that all before it was durable.",
    file: "src/timeline/write/recover.ts",
    before: "durableLsn = Math.max(durableLsn, scanned.durableLsn, scanned.restDurableLsn, witnessed);",
    after: "durableLsn = Math.max(durableLsn, scanned.durableLsn, scanned.restDurableLsn);",
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "recoverSegments() of",
  },
  {
    name: "dropped-before-it-is-settled",
    breaks: "A segment is removed only after the edit that no longer names it is durable.",
    file: "src/timeline/write/recover.ts",
    before: `  if (edits.length > 0) await manifest.commit(edits);
  const dropped = recovery.dropped.map((segment) => objectOf(context, segment));
  for (const object of [...dropped, ...orphans]) await objects.remove(object);`,
    after: `  const dropped = recovery.dropped.map((segment) => objectOf(context, segment));
  for (const object of [...dropped, ...orphans]) await objects.remove(object);
  if (edits.length > 0) await manifest.commit(edits);`,
    caughtBy: "tests/timeline/write/recover_test.ts",
    filter: "removes nothing that a durable manifest still names",
  },
  {
    name: "generation-stays",
    breaks: "Whatever opened the store earlier can be told from this opening by its generation.",
    file: "src/store/open_store.ts",
    before: "  if (generation < maxGeneration) return generation + 1;\n",
    after: "  if (generation < maxGeneration) return generation;\n",
    caughtBy: "tests/store/opening_test.ts",
    filter: "a generation of its own",
  },
  {
    name: "reader-believes-in-damage-at-once",
    breaks: "What a reader finds while somebody writes is damage only if it is found again.",
    file: "src/timeline/write/recover.ts",
    before:
      "if (!readOnly || proof === undefined && restDurableLsn <= (scanned.lastLsn ?? previousLsn)) return scanned;",
    after: "if (scanned.end >= 0) return scanned;",
    caughtBy: "tests/store/read_only_test.ts",
    filter: "when a writer syncs at every turn of the reader",
  },
  {
    name: "reader-accepts-an-older-manifest",
    breaks: "O1: a segment with data that no manifest names is damage for a reader too.",
    file: "src/timeline/write/timeline_writer.ts",
    before: `    if (context.readOnly) await checkNamed(context);
    else await settleRecovery(context, recovery);`,
    after: "    if (!context.readOnly) await settleRecovery(context, recovery);",
    caughtBy: "tests/store/read_only_test.ts",
    filter: "reports that a segment is named by no manifest",
  },
  {
    name: "pad-in-the-place-of-others-accepted",
    breaks:
      "A pad that says that bytes behind it were durable was written further on, and is damage where it stands.",
    file: "src/segment/scan.ts",
    before: "    if (pad.durableOffset > this.#base + this.#at) return this.#stop();\n",
    after: "",
    caughtBy: "tests/segment/scan_test.ts",
    filter: "when a whole group stands in the place of an earlier one",
  },
];
