/** Mutants that forget whose a file is, or give up writing too soon or too late. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const ownership: readonly Mutant[] = [
  {
    name: "lease-ends-before-its-read",
    breaks: "A lease keeps the file of an object open while a batch of reads is in flight.",
    file: "src/objects/read/range_read.ts",
    before: `      await engine.read(batch);
      reads.record(began, clock.monotonic());
    }
    files.release(leases);`,
    after: `      const reading = engine.read(batch);
      files.release(leases);
      await reading;
      reads.record(began, clock.monotonic());
    } else files.release(leases);`,
    caughtBy: "tests/objects/objects_test.ts",
    filter: "lets the read end",
  },
  {
    name: "removed-file-closed-under-a-lease",
    breaks: "F3: the file of an object that was removed is closed when its last lease ends.",
    file: "src/objects/read/open_files.ts",
    before: "if (object.own.leases === 0) await this.#close(object);",
    after: "await this.#close(object);",
    caughtBy: "tests/objects/read/open_files_test.ts",
    filter: "closes the file of a removed object",
  },
  {
    name: "leased-file-closed-for-room",
    breaks: "A file with a lease is never closed because room is needed.",
    file: "src/objects/read/open_files.ts",
    before: "      if (own.leases > 0) continue;\n",
    after: "",
    caughtBy: "tests/objects/read/open_files_test.ts",
    filter: "never one with a lease",
  },
  {
    name: "lock-not-taken",
    breaks: "One process at a time may write to a store.",
    file: "src/io/posix/path_lock.ts",
    before: 'const isLocked = await locked.tryLock(kind === "alone");',
    after: 'const isLocked = await locked.tryLock(kind === "alone") || isDirectory;',
    caughtBy: "tests/io/posix/path_lock_test.ts",
    filter: "lets nobody in when its file was removed or replaced",
  },
  {
    name: "lock-is-only-a-file",
    breaks: "The lock is on the directory itself: unlinking its file lets nobody in.",
    file: "src/io/posix/path_lock.ts",
    before: "const locked = await Deno.open(path, { read: true });",
    after: `const lockFile = isDirectory ? \`\${path}/lock.held\` : path;
  const locked = await Deno.open(lockFile, { read: true, write: true, create: true });
  if (isDirectory) await Deno.remove(lockFile);`,
    caughtBy: "tests/io/posix/path_lock_test.ts",
    filter: "lets nobody in when its file was removed or replaced",
  },
  {
    name: "reader-takes-appends",
    breaks: "Nothing can be appended to a store that is open read only.",
    file: "src/timeline/append.ts",
    before: "    if (!readOnly) return;\n",
    after: '    if (!readOnly || objects.directory !== "") return;\n',
    caughtBy: "tests/store/read_only_test.ts",
    filter: "refuses to write with ReadOnlyError",
  },
  {
    name: "reader-settles-the-manifest",
    breaks: "A reader writes nothing, and opens nothing to write.",
    file: "src/manifest/read_manifest.ts",
    before: "if (!readOnly) await home.root.settle(name);",
    after: "await home.root.settle(name);",
    caughtBy: "tests/manifest/objects_test.ts",
    filter: "reads it only when it is read only",
  },
  {
    name: "reader-writes-the-manifest",
    breaks: "A manifest that is read only is not written.",
    file: "src/manifest/manifest.ts",
    before: "const log = options.readOnly ? undefined : await ManifestLog.reopen(home, contents, older);",
    after: "const log = await ManifestLog.reopen(home, contents, older);",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "refuses to write when it is read only",
  },
  {
    name: "no-descriptor-poisons",
    breaks: "That there is no descriptor is survived as a full disk is.",
    file: "src/base/errors.ts",
    before: 'return hasCode(error, "ENOSPC", "EDQUOT") || isOutOfDescriptors(error);',
    after: 'return hasCode(error, "ENOSPC", "EDQUOT");',
    caughtBy: "tests/attack/descriptors_test.ts",
    filter: "is refused with EMFILE, and not for good",
  },
  {
    name: "full-disk-poisons",
    breaks: "A full disk is survived: when there is room again, writing goes on.",
    file: "src/base/health.ts",
    before: 'if (!isShortage(error)) this.#become(isOpen ? "poisoned" : this.#state);',
    after: 'if (!isShortage(error) || isOpen) this.#become(isOpen ? "poisoned" : this.#state);',
    caughtBy: "tests/base/health_test.ts",
    filter: "Health goes on from",
  },
  {
    name: "failure-does-not-poison",
    breaks: "H1: after the first failure other than a full disk every later write rejects.",
    file: "src/base/health.ts",
    before: '    if (this.#state !== "full") return;\n',
    after: "",
    caughtBy: "tests/base/health_test.ts",
    filter: "Health goes on from",
  },
  {
    name: "written-on-after-a-failure",
    breaks: "W2: nothing is written while the health has a cause.",
    file: "src/io/stream/flusher.ts",
    before: "return this.#isEnded || this.#health.cause !== undefined;",
    after: "return this.#isEnded;",
    caughtBy: "tests/io/stream/buffered_writer_test.ts",
    filter: "rejects every write after one that failed",
  },
  {
    name: "upkeep-goes-on-after-a-failure",
    breaks: "U1: after a job that failed none is begun.",
    file: "src/segment/tail/upkeep.ts",
    before: "job = this.#jobs.shift()) await job();",
    after:
      "job = this.#jobs.shift()) {\n        await job().catch((error) => this.#health.fail(error));\n      }",
    caughtBy: "tests/segment/tail/upkeep_test.ts",
    filter: "begins no job behind one that failed",
  },
  {
    name: "moved-directory-written-to",
    breaks: "Nothing of ours happens to a directory that took the place of our own.",
    file: "src/objects/context.ts",
    before: "if (this.#lock === undefined || await this.#lock.holds()) return;",
    after: 'if (this.#lock === undefined || await this.#lock.holds() || operation !== "") return;',
    caughtBy: "tests/store/directory_test.ts",
    filter: "in a directory that took the place of its own",
  },
  {
    name: "foreign-folder-taken-for-a-store",
    breaks: "D1: what is not a store is refused and not touched.",
    file: "src/manifest/directory.ts",
    before: "    for (const name of names) await refuseForeign(engine, directory, name, kind);\n",
    after: "",
    caughtBy: "tests/store/directory_test.ts",
    filter: "refuses a folder that is not a store",
  },
  {
    name: "pages-of-a-removed-object-kept",
    breaks: "What was read of an object is gone from the cache when the object is removed.",
    file: "src/objects/objects.ts",
    before: `    this.context.cache.drop(object.own.cached);
`,
    after: "",
    caughtBy: "tests/objects/objects_test.ts",
    filter: "closes the file of an object and drops its pages",
  },
  {
    name: "closed-under-a-read",
    breaks: "Closing waits until every view was disposed of.",
    file: "src/timeline/read/view.ts",
    before: `    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle = resolve);
`,
    after: "",
    caughtBy: "tests/timeline/read/view_test.ts",
    filter: "stops reads that nobody asks, and waits for the others",
  },
  {
    name: "late-full-disk-counts",
    breaks: "H3: a full disk that was met before the last try says nothing of the disk since.",
    file: "src/base/health.ts",
    before: `    if (isShortage(error) && attempt < this.#attempt) return error;
`,
    after: "",
    caughtBy: "tests/base/health_test.ts",
    filter: "is not full again of what was begun before",
  },
  {
    name: "gives-up-late-while-closing",
    breaks: "H2: whoever waits for what met a full disk late is not left waiting when it is being closed.",
    file: "src/base/health.ts",
    before: 'if (this.#state !== "open" && this.#cause !== undefined) throw this.refusal();',
    after: 'if (this.#state !== "open") throw reason;',
    caughtBy: "tests/base/health_test.ts",
    filter: "while it is being closed",
  },
  {
    name: "shared-memory-used-while-it-leaves",
    breaks: "Memory that is being given back to the system is nobody's until that is done.",
    file: "src/io/workers/shared_memory.ts",
    before: "    this.#remove(this.#free.indexOf(free));\n",
    after: "    this.#remove(this.#free.indexOf(free));\n    this.#add(free);\n",
    caughtBy: "tests/io/workers/shared_memory_test.ts",
    filter: "hands nothing out that is being given back",
  },
  {
    name: "slots-of-another-index",
    breaks: "Memory that is to hold zeros holds nothing of what used it before.",
    file: "src/io/workers/shared_memory.ts",
    before: "if (isSpare) new Int32Array(memory).fill(0);",
    after: "if (isSpare) new Int32Array(memory, 4096).fill(0);",
    caughtBy: "tests/io/workers/shared_memory_test.ts",
    filter: "takeZeros() has zeros",
  },
];
