/** Mutants of `DirectFile` that lose bytes, show others, or forget who owns the file. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const files: readonly Mutant[] = [
  {
    name: "file-claims-what-is-not-synced",
    breaks: "Y2: bytes before a durable length that was seen survive.",
    file: "src/direct/synced_writer.ts",
    before: "await this.#makeDurable(length, () => engine.datasync(file));",
    after: "await this.#makeDurable(length, () => Promise.resolve());",
    caughtBy: "tests/direct/crash_test.ts",
    filter: "a crash loses nothing that was synced",
  },
  {
    name: "file-keeps-what-stands-behind-its-length",
    breaks: "Y2: what stands behind the length that the owner recorded is not shown.",
    file: "src/direct/open_file.ts",
    before: "if (target !== undefined && length < size) await engine.truncate(target, length);",
    after: "",
    caughtBy: "tests/direct/tail_buffer_test.ts",
    filter: "a length that its owner recorded",
  },
  {
    name: "file-forgets-a-partial-block",
    breaks: "The unfinished block of a file that is opened again goes on.",
    file: "src/direct/direct_file.ts",
    before: "await file.#takeUpTail();",
    after: "",
    caughtBy: "tests/direct/tail_buffer_test.ts",
    filter: "reopening at a partial block",
  },
  {
    name: "file-shows-padding-in-its-length",
    breaks: "Closing makes the length exact.",
    file: "src/io/stream/buffered_writer.ts",
    before: "await this.#engine.truncate(await this.#file, length);",
    after: "await this.#file;",
    caughtBy: "tests/direct/tail_buffer_test.ts",
    filter: "a close that truncates to the exact length",
  },
  {
    name: "file-drops-a-tail-that-fails",
    breaks: "A tail that cannot be written poisons the writer.",
    file: "src/io/stream/flusher.ts",
    before:
      "      throw this.#health.fail(error as Error);\n    } finally {\n      this.#tailInFlight = false;",
    after: "      void error;\n    } finally {\n      this.#tailInFlight = false;",
    caughtBy: "tests/direct/failing_test.ts",
    filter: "a tail that cannot be written stays readable",
  },
  {
    name: "file-waits-for-no-room-that-is-reserved",
    breaks: "A file is cut to its length only once no room is being reserved any more.",
    file: "src/direct/direct_file.ts",
    before: "      await this.#preallocation?.end();\n",
    after: "",
    caughtBy: "tests/direct/preallocation_test.ts",
    filter: "and waits for it in the end",
  },
  {
    name: "file-takes-a-stream-as-fast-as-it-comes",
    breaks: "A sink holds a bounded queue, whatever the size of its chunks.",
    file: "src/direct/direct_file.ts",
    before: "highWaterMark: queuedBytes, size: (chunk) => chunk?.byteLength ?? 1",
    after: "highWaterMark: queuedBytes, size: () => 1",
    caughtBy: "tests/direct/streams_test.ts",
    filter: "takes a stream no faster than the disk does",
  },
];
