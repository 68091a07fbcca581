/**
 * A small history of files that is the same every time, for where there is no repository to import.
 *
 * It can be given to `git fast-import`, which makes a repository of it, or be written to a timeline where there is
 * no git at all.
 */

import type { Change } from "../mod.ts";

const commitCount = 240;
const pathCount = 120;
const encoder = new TextEncoder();

/** One commit: the files that it writes, and the path that it removes. */
export interface MadeCommit {
  /** Paths and contents. */
  files: Map<string, string>;
  /** A path that goes, if one does. */
  removed: string | undefined;
}

/** Makes the commits, the first one first. */
export function* madeCommits(): Generator<MadeCommit> {
  const next = numbers(1);
  const present = new Set<string>();
  for (let commit = 1; commit <= commitCount; commit++) {
    const files = new Map<string, string>();
    for (let i = 0; i <= commit % 7; i++) files.set(pathOf(next() % pathCount), contentOf(commit, next));
    const removed = commit % 9 === 0 ? [...present].find((path) => !files.has(path)) : undefined;
    for (const path of files.keys()) present.add(path);
    if (removed !== undefined) present.delete(removed);
    yield { files, removed };
  }
}

/** Writes the history as `git fast-import` reads it. */
export function fastImport(): Uint8Array {
  const lines: string[] = [];
  let time = 1_700_000_000;
  for (const { files, removed } of madeCommits()) {
    lines.push(
      "commit refs/heads/main",
      `committer Varve <varve@example.org> ${time++} +0000`,
      "data 4\nmade",
    );
    for (const [path, content] of files) {
      lines.push(`M 100644 inline ${path}`, `data ${content.length}\n${content}`);
    }
    if (removed !== undefined) lines.push(`D ${removed}`);
  }
  return encoder.encode(lines.join("\n") + "\ndone\n");
}

/** The changes of a commit. */
export function changesOf({ files, removed }: MadeCommit): Change[] {
  const changes: Change[] = [];
  for (const [key, value] of files) changes.push({ key, value });
  if (removed !== undefined) changes.push({ key: removed, delete: true });
  return changes;
}

function pathOf(number: number): string {
  return `layer-${number % 8}/grain-${number}.txt`;
}

/** Text of 0 to some 20,000 characters, all of them ASCII. */
function contentOf(commit: number, next: () => number): string {
  const lines = Array.from(
    { length: next() % 400 },
    (_, line) => `${commit}:${line}: ${"silt ".repeat(next() % 16)}`,
  );
  return lines.join("\n");
}

/** Pseudo-random numbers, by a linear congruence. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
}
