/** The first-parent history of a git repository: its commits, and what each of them changed. */

import { GitError, GitProcess, runGit } from "./process.ts";

/** Longer pieces of git's output than this are no paths; they are refused instead of collected. */
const maxPieceBytes = 1024 * 1024;

const nul = 0;
const lineFeed = 10;
const colon = 58;
const modeAbsent = "000000";
const modeSubmodule = "160000";

const decoder = new TextDecoder();

/** What became of one path in one commit. */
export interface PathChange {
  /** The path, as git stores it: any bytes but NUL. */
  path: Uint8Array;
  /** The blob that it holds since, or `undefined` if it holds none: it is gone, or a submodule. */
  blob: string | undefined;
  /** Whether it held a blob before. */
  heldBlob: boolean;
  /** Whether it is a submodule since. */
  submodule: boolean;
}

/** One commit and what it changed against its first parent. */
export interface CommitChanges {
  /** The commit's id. */
  commit: string;
  /** The changes, in git's order; no path comes twice. */
  changes: PathChange[];
}

/**
 * Finds the commit that a name stands for.
 *
 * @param repository A folder of the repository.
 * @param ref A name, such as `HEAD`.
 * @returns The commit's id.
 * @throws {GitError} If there is no such repository or commit.
 */
export async function findCommit(repository: string, ref: string): Promise<string> {
  return await runGit(repository, ["rev-parse", "--verify", "--end-of-options", `${ref}^{commit}`]);
}

/** Counts the commits from the root to `head` along first parents, both included. */
export async function countCommits(repository: string, head: string): Promise<number> {
  return Number(await runGit(repository, ["rev-list", "--count", "--first-parent", head]));
}

/** Walks the commits from the root to `head` along first parents. */
export async function* walkCommits(repository: string, head: string): AsyncGenerator<string> {
  await using git = new GitProcess(repository, ["rev-list", "--first-parent", "--reverse", head]);
  await git.endInput().catch(() => {});
  const next = () => git.output.readUntil(lineFeed, maxPieceBytes);
  for (let line = await next(); line !== undefined; line = await next()) yield decoder.decode(line);
  await git.finish();
}

/**
 * Finds what each of a line of commits changed.
 *
 * @param repository A folder of the repository.
 * @param commits Commits of which each is the first parent of the next.
 * @param parent The first parent of the first one, or `undefined` if it is a root.
 */
export async function* walkChanges(
  repository: string,
  commits: AsyncIterable<string>,
  parent: string | undefined,
): AsyncGenerator<CommitChanges> {
  const args = "diff-tree --stdin -r -z --root --no-renames --always --ignore-submodules=none".split(" ");
  await using git = new GitProcess(repository, args);
  const fed = feedCommits(git, commits, parent);
  // Its failure is thrown below; until then nobody waits for it.
  fed.catch(() => {});
  yield* parseChanges(() => git.output.readUntil(nul, maxPieceBytes));
  await git.finish();
  await fed;
}

async function feedCommits(git: GitProcess, commits: AsyncIterable<string>, parent: string | undefined) {
  let previous = parent;
  try {
    for await (const commit of commits) {
      await git.write(previous === undefined ? `${commit}\n` : `${commit} ${previous}\n`);
      previous = commit;
    }
  } finally {
    await git.endInput().catch(() => {});
  }
}

/**
 * Parses `git diff-tree --stdin -r -z --always`: a commit's id, then for each path a line of modes, ids and
 * status, and the path; every piece ends with NUL.
 *
 * @param nextPiece Gives the next piece, or `undefined` at the end.
 * @throws {GitError} If a piece is not what git writes.
 */
export async function* parseChanges(
  nextPiece: () => Promise<Uint8Array | undefined>,
): AsyncGenerator<CommitChanges> {
  let current: CommitChanges | undefined;
  for (;;) {
    const piece = await nextPiece();
    if (piece === undefined || piece[0] !== colon) {
      if (current !== undefined) yield current;
      if (piece === undefined) return;
      current = { commit: parseId(decoder.decode(piece)), changes: [] };
      continue;
    }
    const path = await nextPiece();
    if (current === undefined || path === undefined) throw unexpected(decoder.decode(piece));
    const change = parseChange(decoder.decode(piece), path);
    if (change !== undefined) current.changes.push(change);
  }
}

/** Parses `:<old mode> <new mode> <old id> <new id> <status>`; a change of mode alone is none. */
function parseChange(line: string, path: Uint8Array): PathChange | undefined {
  const fields = /^:([0-7]{6}) ([0-7]{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [A-Z][0-9]*$/.exec(line);
  if (fields === null || path.length === 0) throw unexpected(line);
  const [, oldMode, newMode, oldId, newId] = fields;
  const [heldBlob, holds] = [oldMode, newMode].map((mode) => mode !== modeAbsent && mode !== modeSubmodule);
  if (heldBlob && holds && oldId === newId) return undefined;
  return { path, blob: holds ? newId : undefined, heldBlob, submodule: newMode === modeSubmodule };
}

function parseId(text: string): string {
  if (!/^[0-9a-f]{40,64}$/.test(text)) throw unexpected(text);
  return text;
}

function unexpected(found: string): GitError {
  return new GitError(`Cannot read what git wrote: expected a commit or a change, found "${found}"`);
}
