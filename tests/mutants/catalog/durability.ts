/** Mutants that call durable what is not, or write what nobody may rely on yet. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const durability: readonly Mutant[] = [
  {
    name: "segment-not-synced",
    breaks: "A sync that took plain writes is acknowledged only after a datasync.",
    file: "src/objects/write/object_writer.ts",
    before: "if (durably === undefined && offset > this.#durableOffset) await this.#datasync();",
    after: "",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "counts for itself only",
  },
  {
    name: "durable-write-is-plain",
    breaks: "A sync that is one write is one that is durable when it is done.",
    file: "src/io/stream/flusher.ts",
    before: "this.#issue(chunk, offset, true);",
    after: "this.#issue(chunk, offset, false);",
    caughtBy: "tests/io/stream/durable_write_test.ts",
    filter: "writes what is missing in one durable write",
  },
  {
    name: "segment-directory-not-synced",
    breaks: "N1: nothing is written to a new file before its name is durable.",
    file: "src/objects/write/object_file.ts",
    before: "if (this.#isNew) await this.patiently(() => this.#nameDurably());",
    after: "",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "writes nothing before the name is durable",
  },
  {
    name: "segment-written-before-it-is-named",
    breaks: "O1: nothing is written to a segment before a durable manifest names it.",
    file: "src/objects/write/object_file.ts",
    before: "await this.patiently(async () => await this.#options.ready?.());",
    after: "this.patiently(async () => await this.#options.ready?.()).catch(() => {});",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "writes nothing before the name is durable",
  },
  {
    name: "parent-directory-not-synced",
    breaks: "The name of every directory that is made on the way to a store is durable.",
    file: "src/io/posix/namespace.ts",
    before: "  await syncName(names, path);",
    after: "",
    caughtBy: "tests/store/directory_test.ts",
    filter: "makes the name of every directory durable",
  },
  {
    name: "found-directory-not-synced",
    breaks: "A store's directory that stands already is made durable: whoever made it may have been killed.",
    file: "src/store/directory.ts",
    before: "await engine.makeDirectory(directory ?? path);",
    after: "if (directory === undefined) await engine.makeDirectory(path);",
    caughtBy: "tests/store/directory_test.ts",
    filter: "makes the name of a directory durable that somebody else made",
  },
  {
    name: "acknowledged-before-synced",
    breaks: "T4: the durable LSN grows only after every byte up to it is synced.",
    file: "src/timeline/write/durability.ts",
    before: `        await segment.sync(this.#lsn);
        this.reached(lastLsn);`,
    after: `        const synced = segment.sync(this.#lsn);
        this.reached(lastLsn);
        await synced;`,
    caughtBy: "tests/timeline/write/timeline_writer_test.ts",
    filter: "covers what was appended during another",
  },
  {
    name: "append-does-not-await-its-sync",
    breaks: "An append that was asked to sync resolves when its batch is durable.",
    file: "src/timeline/append.ts",
    before: "return sync ? this.#answerSynced(lsn) : this.#answer(lsn, began);",
    after: "if (sync) this.#answerSynced(lsn).catch(() => {});\n    return this.#answer(lsn, began);",
    caughtBy: "tests/timeline/append_test.ts",
    filter: "makes each chunk durable before the next",
  },
  {
    name: "only-the-open-segment-is-synced",
    breaks: "A sync covers every segment that is not sealed, oldest first.",
    file: "src/timeline/write/durability.ts",
    before: "of this.#layers.unsealed) {",
    after: "of this.#layers.unsealed.slice(-1)) {",
    caughtBy: "tests/timeline/write/timeline_writer_test.ts",
    filter: "leaves nothing of several segments to be lost",
  },
  {
    name: "durable-lsn-grows-after-a-failed-sync",
    breaks: "T4: a sync that failed makes nothing durable.",
    file: "src/timeline/write/durability.ts",
    before: `      const reason = this.#health.fail(error as Error, attempt);
`,
    after: `      const reason = this.#health.fail(error as Error, attempt);
      for (const { layer: { lastLsn } } of this.#layers.unsealed) this.reached(lastLsn);
`,
    caughtBy: "tests/timeline/write/failing_test.ts",
    filter: "makes nothing durable when its",
  },
  {
    name: "failed-sync-is-retried",
    breaks: "S5: after a sync that failed nothing of the object counts as durable any more.",
    file: "src/objects/write/object_file.ts",
    before: `      await this.#once(sync);
`,
    after: `      await this.#once(sync).catch(() => this.#once(sync));
`,
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "trusts no sync after one that failed",
  },
  {
    name: "sync-beside-a-failed-one-is-trusted",
    breaks: "S5: a sync that went well while another one failed is not trusted.",
    file: "src/objects/write/object_file.ts",
    before: `      throw this.#options.health.fail(new PoisonedError(message, { cause }));
    }
    this.checkTrusted();`,
    after: `      throw this.#options.health.fail(new PoisonedError(message, { cause }));
    }`,
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "finish() trusts no sync that went well",
  },
  {
    name: "flushed-counts-as-durable",
    breaks: "T7: nothing that is only written counts as durable.",
    file: "src/objects/write/object_writer.ts",
    before: "if (position > this.#tailOffset) this.#tailOffset = position;",
    after: `if (position > this.#tailOffset) this.#tailOffset = position;
    this.#durableOffset = Math.max(this.#durableOffset, this.#writer.written);`,
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "so that a sync behind it syncs",
  },
  {
    name: "acknowledged-block-written-again",
    breaks: "S2: a block that holds durable bytes is never written again.",
    file: "src/segment/segment_writer.ts",
    before: "if (this.#lastLsn === undefined || this.#end === this.#padEnd) return;",
    after: "if (this.#lastLsn === undefined) return;",
    caughtBy: "tests/segment/segment_writer_test.ts",
    filter: "pads nothing twice",
  },
  {
    name: "pad-claims-too-much",
    breaks: "S3: a pad says how far the file was known durable before it.",
    file: "src/segment/segment_writer.ts",
    before: "durableOffset: this.writer.durableOffset, durableLsn };",
    after: "durableOffset: this.#end, durableLsn };",
    caughtBy: "tests/segment/segment_writer_test.ts",
    filter: "says what was durable",
  },
  {
    name: "written-skips-a-gap",
    breaks: "F1: what counts as written is a contiguous prefix.",
    file: "src/io/stream/flights.ts",
    before: "while (this.#row.length > 0 && this.#row[0].isDone) {",
    after: `if (this.#row.length > 0 && this.#row.every(({ start }) => start <= flight.start)) {
      this.#written = flight.end;
    }
    while (this.#row.length > 0 && this.#row[0].isDone) {`,
    caughtBy: "tests/io/stream/flights_test.ts",
    filter: "Flights knows what is written when",
  },
  {
    name: "sealed-before-its-bytes-are-durable",
    breaks: "A layer is in the manifest only when its object is durable, exactly as long.",
    file: "src/timeline/upkeep/runner/sliced_upkeep.ts",
    before: "    await writer.finish();\n    return layer;",
    after: "    writer.finish().catch(() => {});\n    return layer;",
    caughtBy: "tests/timeline/upkeep/seal_test.ts",
    filter: "names a layer in the manifest only when all of it is durable",
  },
  {
    name: "sealed-in-a-worker-before-it-is-durable",
    breaks: "X1: a Worker says that a layer is sealed only when its object is durable, exactly as long.",
    file: "src/timeline/upkeep/worker/tasks.ts",
    before: "    await writer.finish();\n    return layer;",
    after: "    await writer.settle();\n    return layer;",
    caughtBy: "tests/timeline/upkeep/worker/worker_upkeep_test.ts",
    filter: "leaves what was acknowledged when the machine stops at any step",
  },
  {
    name: "shortened-before-it-is-durable",
    breaks: "S6: the file is shortened only after every byte of the object is durable.",
    file: "src/objects/write/object_writer.ts",
    before: "    if (this.#durableOffset < length) await this.#datasync();\n",
    after: "",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "shortens the file only after everything is durable",
  },
  {
    name: "segments-named-out-of-order",
    breaks: "T5: segments are named in the manifest in the order of history.",
    file: "src/timeline/write/open_layer.ts",
    before: "      await previousNamed;\n",
    after: "",
    caughtBy: "tests/timeline/write/open_layer_test.ts",
    filter: "names segments in the order of history",
  },
  {
    name: "written-on-behind-half-a-batch",
    breaks:
      "A batch for which there is no memory poisons: what is written behind half of it would not be found.",
    file: "src/timeline/write/timeline_writer.ts",
    before: `      throw this.health.fail(error as Error);
    }
    this.#lastLsn = lsn;`,
    after: `      throw error;
    }
    this.#lastLsn = lsn;`,
    caughtBy: "tests/timeline/write/failing_test.ts",
    filter: "is poisoned when there is no memory for a batch",
  },
  {
    name: "durable-write-over-plain-ones",
    breaks: "A sync is one durable write only if all before it in the file is durable already.",
    file: "src/objects/write/object_writer.ts",
    before:
      "const durably = writer.written === this.#durableOffset ? writer.flushDurably(offset) : undefined;",
    after: "const durably = writer.flushDurably(offset);",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "trusts no sync that went well while another one failed",
  },
  {
    name: "full-disk-leaves-segments-unproven",
    breaks: "T8: once closing has resolved, the manifest says how long every segment is that is not sealed.",
    file: "src/timeline/write/timeline_writer.ts",
    before: "await proveEnds(this.#context, this.layers);",
    after: "if (this.health.cause === undefined) await proveEnds(this.#context, this.layers);",
    caughtBy: "tests/timeline/write/closing_test.ts",
    filter: "has the manifest prove all of",
  },
  {
    name: "frozen-segments-unproven",
    breaks: "T8: once closing has resolved, the manifest says how long frozen segments are too.",
    file: "src/timeline/write/prove_ends.ts",
    before: "unproven = unprovenOf(context, layers.unsealed);",
    after: "unproven = unprovenOf(context, open === undefined ? [] : [open]);",
    caughtBy: "tests/timeline/write/closing_test.ts",
    filter: "has the manifest prove all of",
  },
  {
    name: "durable-lsn-goes-back",
    breaks: "T4: the durable LSN only grows.",
    file: "src/timeline/write/durability.ts",
    before: "if (lsn > this.#lsn) this.#lsn = lsn;",
    after: "this.#lsn = lsn;",
    caughtBy: "tests/timeline/write/timeline_writer_test.ts",
    filter: "stays when older segments are sealed behind a sync",
  },
  {
    name: "full-disk-of-a-sync-survived",
    breaks: "S5: a sync that failed poisons, even if the disk was only full.",
    file: "src/objects/write/object_file.ts",
    before: "if (cause instanceof Deno.errors.BadResource || isOutOfDescriptors(cause)) throw cause;",
    after: "if (cause instanceof Deno.errors.BadResource || isShortage(cause)) throw cause;",
    caughtBy: "tests/objects/write/object_writer_test.ts",
    filter: "not even if the disk was only full",
  },
];
