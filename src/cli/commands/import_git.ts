/** `varve import git`. */

import { systemClock } from "../../base/mod.ts";
import { findCommit, type GitImportReport, importGit } from "../../git/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitInterrupted, exitOk } from "../exit_code.ts";
import { Interrupt } from "../interrupt.ts";
import { openTimeline } from "../open_timeline.ts";
import { Progress, type ProgressStatus } from "../terminal/progress.ts";
import { formatCount, formatDuration, formatMebibytes, formatRate } from "../terminal/quantity.ts";
import type { Terminal } from "../terminal/terminal.ts";

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
  options: { "ref": { value: "REF", describe: "the last commit to import (HEAD)" } },
  run: runImportGit,
};

async function runImportGit(args: Arguments, terminal: Terminal): Promise<number> {
  // Before the store is made, so that a mistyped repository or ref leaves nothing behind.
  const head = await findCommit(args.needed(0), args.text("ref") ?? "HEAD");
  using interrupt = new Interrupt();
  await using open = await openTimeline(args, { for: "create", storeAt: 1 });
  using progress = new Progress(terminal, systemClock);
  const report = await importGit(open.timeline, args.needed(0), {
    ref: head,
    signal: interrupt.signal,
    onProgress: (report) => progress.update(() => importStatus(report)),
  });
  progress[Symbol.dispose]();
  await terminal.output.write(importSummary(report));
  return report.interrupted ? exitInterrupted : exitOk;
}

/** Says in one line how far an import has come. */
export function importStatus(report: Readonly<GitImportReport>): ProgressStatus {
  const done = report.resumedCommits + report.commits;
  const text = [
    `${formatCount(done)}/${formatCount(report.totalCommits)} commits`,
    `${formatCount(report.blobs)} blobs`,
    formatMebibytes(report.bytes),
    formatRate(report.bytes, report.milliseconds),
    formatDuration(report.milliseconds),
  ].join("  ");
  return { fraction: done / report.totalCommits, text };
}

function importSummary(report: GitImportReport): string {
  const left = [
    [report.submodules, "submodules"],
    [report.longPaths, "changes of paths over 512 bytes"],
    [report.largeBlobs, "files over 64 MiB"],
  ].filter(([count]) => count !== 0).map(([count, what]) => `${formatCount(Number(count))} ${what}`);
  const lines = [
    `${report.interrupted ? "Interrupted" : "Imported"}: ${importStatus(report).text}`,
    `${formatCount(report.commits)} commits and ${formatCount(report.deletions)} deletions are new, ${
      formatCount(report.resumedCommits)
    } commits were there`,
  ];
  if (left.length > 0) lines.push(`Left out: ${left.join(", ")}`);
  return lines.join("\n") + "\n";
}
