/** Mutants that break the one commit point. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const manifest: readonly Mutant[] = [
  {
    name: "commit-not-synced",
    breaks: "A commit resolves when its frame is durable.",
    file: "src/objects/root_files.ts",
    before: "await this.#write(await this.#openToAppend(name), offset, bytes, true);",
    after: "await this.#write(await this.#openToAppend(name), offset, bytes, false);",
    caughtBy: "tests/objects/root_files_test.ts",
    filter: "writes whole blocks durably",
  },
  {
    name: "new-manifest-not-synced",
    breaks: "M4: a new manifest gets its name only once it is durable.",
    file: "src/objects/root_files.ts",
    before: "      await engine.sync(file);\n",
    after: "",
    caughtBy: "tests/objects/root_files_test.ts",
    filter: "gives a file its name only once it is whole and durable",
  },
  {
    name: "new-manifest-renamed-before-it-is-synced",
    breaks: "M4: a new manifest gets its name only once it is durable.",
    file: "src/objects/root_files.ts",
    before: `      await engine.sync(file);
    });
    await this.#context.checkNames("rename", aside);
    await engine.rename(aside, path);`,
    after: `      await this.#context.checkNames("rename", aside);
      await engine.rename(aside, path);
      await engine.sync(file);
    });`,
    caughtBy: "tests/objects/root_files_test.ts",
    filter: "gives a file its name only once it is whole and durable",
  },
  {
    name: "store-directory-not-synced",
    breaks: "The name of a new manifest is durable before the old one goes.",
    file: "src/objects/root_files.ts",
    before: `    await engine.rename(aside, path);
    await files.spare(() => engine.syncDirectory(directory));`,
    after: "    await engine.rename(aside, path);",
    caughtBy: "tests/objects/root_files_test.ts",
    filter: "gives a file its name only once it is whole and durable",
  },
  {
    name: "found-manifest-not-settled",
    breaks: "Whoever may write makes a manifest durable before it is trusted.",
    file: "src/manifest/read_manifest.ts",
    before: "      if (!readOnly) await home.root.settle(name);\n",
    after: "",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "settles what it trusts",
  },
  {
    name: "edit-published-before-it-is-durable",
    breaks: "M3: an edit is durable first and published after.",
    file: "src/manifest/manifest.ts",
    before: "    if (body.position > 0) await log.append(body.written, this.#state);\n",
    after: `    const before = this.#state;
    this.#state = next;
    if (body.position > 0) await log.append(body.written, before);
`,
    caughtBy: "tests/manifest/failure_test.ts",
    filter: "applies nothing while the disk stays full",
  },
  {
    name: "superseded-manifest-accepted",
    breaks: "M4: a manifest that says that a later one took its place never counts without that.",
    file: "src/manifest/read_manifest.ts",
    before:
      '    if (frame.kind === "superseded") throw fault("that a later version took its place, which is not there");\n',
    after: "",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "reports that the newest file is gone",
  },
  {
    name: "older-manifest-taken-for-a-damaged-one",
    breaks: "M4: the newest version counts, damaged or not.",
    file: "src/manifest/read_manifest.ts",
    before: "      if (!mayPass || error.message === known) throw error;\n",
    after: `      if (!readOnly && older.length > 0) {
        const [before] = older.slice(-1), at = \`\${home.directory}/\${manifestName(before)}\`;
        const bytes = await home.root.read(manifestName(before), maxManifestBytes);
        if (bytes === undefined) throw error;
        return { contents: await readManifest(at, bytes, before, home.host.turns), older: older.slice(0, -1) };
      }
      if (!mayPass || error.message === known) throw error;
`,
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "never takes an older file for a newest one",
  },
  {
    name: "manifest-goes-on-behind-an-unclosed-end",
    breaks: "M6: a new file is made when nobody closed the last one.",
    file: "src/manifest/manifest_log.ts",
    before: 'if (isFull || this.#ending === "unclosed" || this.#isInDoubt) await this.#startFile(state);',
    after: "if (isFull || this.#isInDoubt) await this.#startFile(state);",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "goes on in a new file when nobody closed the last one",
  },
  {
    name: "manifest-goes-on-before-a-newer-one",
    breaks: "M7: once a newer file may be there, the old one is not appended to.",
    file: "src/manifest/manifest_log.ts",
    before: "return this.#others.some((version) => version > this.version);",
    after: "return this.#others.some((version) => version > Infinity);",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "that a newer one may stand behind",
  },
  {
    name: "commit-after-a-failed-one",
    breaks: "M5: after a failure other than a full disk nothing is written any more.",
    file: "src/manifest/manifest.ts",
    before: "const reason = isRefusal(error) ? error : this.#health.fail(error as Error);",
    after: "const reason = error;",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "rejects for good after any other failure",
  },
  {
    name: "cut-manifest-accepted",
    breaks: "M12: a manifest that is shorter than any frame says was cut.",
    file: "src/manifest/frame.ts",
    before:
      "  if (length < head.room) throw faultAt(file, place, `${length} bytes of a file of ${head.room}`);\n",
    after: "",
    caughtBy: "tests/manifest/read_manifest_test.ts",
    filter: "notices every byte that is missing",
  },
  {
    name: "damaged-frame-taken-for-a-torn-one",
    breaks: "M10: the head of any later frame proves that what is before it was durable.",
    file: "src/manifest/frame.ts",
    before:
      "if (ordinal > place.ordinal) throw faultAt(file, place, `damage, but frame ${ordinal} at ${later}`);",
    after: "if (ordinal < place.ordinal) continue;",
    caughtBy: "tests/manifest/read_manifest_test.ts",
    filter: "tells a torn frame from a damaged one",
  },
  {
    name: "superseded-manifest-does-not-say-so",
    breaks: "M4: the file before a new one says that it is superseded.",
    file: "src/manifest/manifest_log.ts",
    before: `    await this.#append(before, "superseded", nothing).catch((error) => {
      if (!isRefusal(error)) throw error;
    });
`,
    after: "",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "reports that the newest file is gone",
  },
  {
    name: "old-manifest-removed-at-once",
    breaks: "M4: the file before the newest stays until the next version is durable.",
    file: "src/manifest/manifest_log.ts",
    before: "this.#others = [...await removeAll(this.#home, gone), before.version];",
    after: "this.#others = await removeAll(this.#home, [...gone, before.version]);",
    caughtBy: "tests/manifest/manifest_test.ts",
    filter: "and keeps the one before",
  },
  {
    name: "name-of-a-found-manifest-not-synced",
    breaks: "A manifest that is trusted has a durable name.",
    file: "src/objects/root_files.ts",
    before: `(file) => engine.sync(file));
    await files.spare(() => engine.syncDirectory(directory));`,
    after: "(file) => engine.sync(file));",
    caughtBy: "tests/objects/root_files_test.ts",
    filter: "makes a file and its name durable",
  },
];
