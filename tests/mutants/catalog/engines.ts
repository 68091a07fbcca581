/** Mutants below the objects: buffers, transfers, and what engines call durable. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const engines: readonly Mutant[] = [
  {
    name: "durable-batch-not-synced",
    breaks: "Where the system has no durable write, a durable batch is synced once it is written.",
    file: "src/io/transfer/transfer_queue.ts",
    before: "durable && !this.#calls.writesDurably ? void syncWritten(transfers, sync).then(done) : done();",
    after: "done();",
    caughtBy: "tests/io/transfer/transfer_queue_test.ts",
    filter: "syncs a durable batch once all of it is written",
  },
  {
    name: "failed-sync-of-a-batch-ignored",
    breaks: "A durable write whose sync failed has failed.",
    file: "src/io/transfer/transfer.ts",
    before: 'for (const transfer of written) if (transfer.file === file) fail(transfer, "datasync", error);',
    after: 'for (const transfer of written) if (transfer.file !== file) fail(transfer, "datasync", error);',
    caughtBy: "tests/io/transfer/sync_written_test.ts",
    filter: "fails the transfers of a file that cannot be synced",
  },
  {
    name: "durable-write-beside-others",
    breaks: "A durable write is one alone: what is in flight beside it would not be covered.",
    file: "src/io/stream/flusher.ts",
    before:
      "const isIdle = this.#flights.count === 0 && !this.#tailInFlight && this.#flights.issued === from;",
    after: "const isIdle = this.#flights.count === 0 && this.#flights.issued === from;",
    caughtBy: "tests/io/stream/durable_write_test.ts",
    filter: "refuses what is not one small write",
  },
  {
    name: "stale-memory-behind-the-tail",
    breaks: "What is written behind the last byte is zeros, and not what a buffer held before.",
    file: "src/io/stream/flusher.ts",
    before: `    copy.bytes.fill(0, chunk.filled - from, length);
`,
    after: "",
    caughtBy: "tests/io/stream/buffered_writer_test.ts",
    filter: "writes the tail block padded",
  },
  {
    name: "write-overtakes-the-tail",
    breaks: "Nothing is written beside the tail, whose block it may share.",
    file: "src/io/stream/flusher.ts",
    before: "if (this.#flights.isSettling || this.#tailInFlight) return;",
    after: "if (this.#flights.isSettling) return;",
    caughtBy: "tests/io/stream/buffered_writer_test.ts",
    filter: "lets appends go on while it writes",
  },
  {
    name: "write-beside-a-void-one",
    breaks: "F2: while a void write is in flight nothing is issued: its bytes come again.",
    file: "src/io/stream/flusher.ts",
    before: "if (this.#flights.isSettling || this.#tailInFlight) return;",
    after: "if (this.#tailInFlight) return;",
    caughtBy: "tests/io/stream/buffered_writer_test.ts",
    filter: "keeps memory that the engine still reads",
  },
];
