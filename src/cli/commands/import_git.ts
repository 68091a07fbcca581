/** `varve import git`. */

import { systemClock } from "../../base/mod.ts";
import { findCommit, type GitImportReport, importGit } from "../../git/mod.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { openForWriting, toldMilliseconds } from "../open_timeline.ts";
import { writeOptions } from "../options.ts";
import { Progress, type ProgressStatus } from "../terminal/progress.ts";
import { formatCount, formatCounted, formatWork } from "../terminal/quantity.ts";

/** Imports the history of a git repository. */
export const importGitCommand: Command = {
  name: "import git",
  positionals: ["<repository>", "<store>"],
  summary: "import the first-parent history of a git repository",
  details: `
A key is a path, a value is a file's content (of a symbolic link: its target), and the LSN is the position of the
commit, from 1 at the root; a path that goes is deleted. The key "\\x00varve/commit" holds the id of the commit.
Submodules, paths over 512 bytes and files over 64 MiB are left out and counted.
Ctrl-C ends the import after the commit at hand (exit code 130); the same command goes on with the rest, and
imports only what is new once all was imported.`,
  options: {
    "wait": writeOptions.wait,
    "ref": { value: "REF", describe: "the last commit to import (HEAD)" },
  },
  async run(args, terminal) {
    const [repository, path] = args.positionals;
    // Before the store is made, so that a mistyped repository or ref leaves nothing behind.
    const ref = await findCommit(repository, args.text("ref") ?? "HEAD");
    using interrupt = listenForInterrupt();
    await using open = await openForWriting(args, {
      metricsMilliseconds: toldMilliseconds,
      path,
      create: "missing",
      upkeep: "slices",
      signal: interrupt.signal,
    });
    using progress = new Progress(terminal, systemClock);
    const onProgress = (report: GitImportReport) => progress.update(() => importStatus(report));
    const report = await importGit(open.timeline, repository, { ref, signal: interrupt.signal, onProgress });
    progress[Symbol.dispose]();
    await terminal.output.write(importSummary(report));
    return report.interrupted ? exitInterrupted : exitOk;
  },
};

/** Says in one line how far an import has come. */
export function importStatus(report: Readonly<GitImportReport>): ProgressStatus {
  const done = report.resumedCommits + report.commits;
  const parts = [
    `${formatCount(done)}/${formatCount(report.totalCommits)} commits`,
    formatCounted(report.blobs, "blob"),
  ];
  const text = formatWork(parts, report.bytes, report.milliseconds);
  return { fraction: done / report.totalCommits, text };
}

function importSummary(report: GitImportReport): string {
  const commits = formatCounted(report.commits, "commit");
  const deletions = formatCounted(report.deletions, "deletion");
  const resumed = formatCounted(report.resumedCommits, "commit was", "commits were");
  const left = [
    { count: report.submodules, one: "submodule", several: "submodules" },
    {
      count: report.longPaths,
      one: "change of a path over 512 bytes",
      several: "changes of paths over 512 bytes",
    },
    { count: report.largeBlobs, one: "file over 64 MiB", several: "files over 64 MiB" },
  ].filter(({ count }) => count > 0).map(({ count, one, several }) => formatCounted(count, one, several));
  return `${report.interrupted ? "Interrupted" : "Imported"}: ${importStatus(report).text}
${commits} and ${deletions} are new, ${resumed} there
${left.length > 0 ? `Left out: ${left.join(", ")}\n` : ""}`;
}
