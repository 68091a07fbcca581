/**
 * Streams the first-parent history of a git repository into a timeline.
 *
 * ```text
 * rev-list ──ids──► diff-tree ──changes──┬──────────────────────► batch of one commit ──► timeline.writable()
 *                                        └──ids──► cat-file ──blobs──►┘
 * ```
 * A key is a path, a value is a file's content (of a symbolic link: its target), and the LSN is the position of
 * the commit, from 1 at the root. A path that goes is deleted. Each commit also writes its id under
 * {@linkcode commitKey}, so that every LSN names its commit; git allows no NUL in a path, so no path is that key.
 *
 * What has no place in a store is left out and counted: submodules, paths over 512 bytes, and blobs over 64 MiB
 * (their path reads as absent meanwhile). A commit whose changes come to more than 512 MiB is refused, since a
 * commit is one batch; all before it are kept. A change of mode alone writes nothing but the commit's id.
 *
 * An import that ended, for whatever reason, is gone on with where it ended: the timeline's last LSN says which
 * commit is next, and the id kept at it says whether it is still the same history.
 */

import {
  type Lsn,
  maxBatchBytes,
  maxBatchChanges,
  maxKeyBytes,
  maxValueBytes,
  systemClock,
} from "../base/mod.ts";
import type { Change } from "../segment/mod.ts";
import type { Timeline } from "../timeline/mod.ts";
import { GitBlobs } from "./blobs.ts";
import { type CommitChanges, countCommits, findCommit, walkChanges, walkCommits } from "./history.ts";
import { GitError } from "./process.ts";

/** The key that holds, at each LSN, the id of the commit that was imported there, in hexadecimal. */
export const commitKey = "\0varve/commit";

/** Commits and blobs that are asked of git ahead of the one at hand. */
const lookAhead = 1024;
/** What one change costs in a batch beside its key and value, at the most. */
const changeOverheadBytes = 32;

const decoder = new TextDecoder();

/** How far an import has come, and what it left out. */
export interface GitImportReport {
  /** Commits along first parents, from the root to the ref. */
  totalCommits: number;
  /** Commits that were in the timeline before. */
  resumedCommits: number;
  /** Commits imported now. */
  commits: number;
  /** Blobs imported now. */
  blobs: number;
  /** Bytes of those blobs. */
  bytes: number;
  /** Paths deleted now. */
  deletions: number;
  /** Submodules left out. */
  submodules: number;
  /** Changes left out because their path is over 512 bytes long. */
  longPaths: number;
  /** Blobs left out because they are over 64 MiB. */
  largeBlobs: number;
  /** How long it took, in milliseconds. */
  milliseconds: number;
  /** Whether it was interrupted before the end. */
  interrupted: boolean;
}

/** Options of {@linkcode importGit}. */
export interface GitImportOptions {
  /**
   * The name of the last commit to import.
   *
   * @default {"HEAD"}
   */
  ref?: string;
  /** Interrupts the import: the commit at hand is finished, and what was imported is synced. */
  signal?: AbortSignal;
  /** Called with the state of things after every commit. The report changes as the import goes on. */
  onProgress?: (report: Readonly<GitImportReport>) => void;
  /** A source of time, in milliseconds. The default is the machine's. */
  clock?: { monotonic(): number };
}

/**
 * Imports the first-parent history of a git repository, or goes on with an import that ended early.
 *
 * The timeline must be empty or hold an import of the same history, and nobody else may write to it meanwhile.
 * When the promise resolves, and when it rejects too unless the store itself failed, what was imported is durable.
 *
 * @param timeline Where to.
 * @param repository A folder of the repository.
 * @param options What to import and whom to tell.
 * @returns What was imported.
 * @throws {GitError} If git fails, or the timeline holds something else.
 *
 * @example Importing a repository
 * ```ts ignore
 * import { Store } from "@varve/varve";
 * import { importGit } from "@varve/varve/git";
 *
 * await using store = await Store.open("history");
 * const report = await importGit(store.timeline(), ".");
 * const readme = await store.timeline().get("README.md", { lsn: 1 });
 * ```
 */
export async function importGit(
  timeline: Timeline,
  repository: string,
  options: GitImportOptions = {},
): Promise<GitImportReport> {
  const { ref = "HEAD", signal, onProgress, clock = systemClock } = options;
  const started = clock.monotonic();
  const head = await findCommit(repository, ref);
  const report = emptyReport(await countCommits(repository, head), timeline.lastLsn);
  const told = () => {
    report.milliseconds = clock.monotonic() - started;
    onProgress?.(report);
  };
  const commits = walkCommits(repository, head);
  try {
    const parent = await passImported(timeline, repository, commits, report.totalCommits);
    await importCommits(timeline, { repository, commits, parent, report, told, signal });
  } finally {
    await commits.return(undefined);
  }
  told();
  return report;
}

/** What the import of the commits still to come works with. */
interface Work {
  repository: string;
  commits: AsyncIterable<string>;
  parent: string | undefined;
  report: GitImportReport;
  told: () => void;
  signal: AbortSignal | undefined;
}

async function importCommits(timeline: Timeline, work: Work): Promise<void> {
  const { report } = work;
  await using blobs = new GitBlobs(work.repository);
  const ahead = lookingAhead(walkChanges(work.repository, work.commits, work.parent), blobs);
  const writer = timeline.writable().getWriter();
  // Its failure comes back from `ready` and from close().
  writer.closed.catch(() => {});
  try {
    for await (const commit of ahead) {
      const batch = await readBatch(commit, blobs, report);
      await writer.ready;
      writer.write(batch).catch(() => {});
      report.commits++;
      work.told();
      if (work.signal?.aborted) break;
    }
  } catch (error) {
    // What was imported before is kept, and this error is the one that tells why.
    await writer.close().catch(() => {});
    throw error;
  }
  await closeWriter(writer);
  report.interrupted = report.resumedCommits + report.commits < report.totalCommits;
}

/** Closes a writer; where its stream failed, throws why, which close() itself does not say. */
async function closeWriter(writer: WritableStreamDefaultWriter<Change[]>): Promise<void> {
  try {
    await writer.close();
  } catch {
    await writer.closed;
  }
}

/** Passes over the commits that the timeline holds already, and returns the last of them. */
async function passImported(
  timeline: Timeline,
  repository: string,
  commits: AsyncGenerator<string>,
  totalCommits: number,
): Promise<string | undefined> {
  const lastLsn = timeline.lastLsn;
  if (lastLsn === 0) return undefined;
  const imported = await commitAt(timeline, lastLsn);
  const where = `timeline "${timeline.name}"`;
  const history = `the history in "${repository}"`;
  if (imported === undefined) {
    throw new GitError(
      `Cannot import into ${where}: LSN ${lastLsn} holds no commit, so it is no import of git`,
    );
  }
  if (lastLsn > totalCommits) {
    throw new GitError(
      `Cannot go on with ${where}: it holds ${lastLsn} commits, ${history} has ${totalCommits}`,
    );
  }
  let commit: string | undefined;
  for (let lsn = 1; lsn <= lastLsn; lsn++) commit = (await commits.next()).value ?? undefined;
  if (commit !== imported) {
    const found = `LSN ${lastLsn} holds commit ${imported}`;
    throw new GitError(`Cannot go on with ${where}: ${found}, ${history} has ${commit} there`);
  }
  return commit;
}

/**
 * Finds the commit that was imported at an LSN.
 *
 * @param timeline A timeline.
 * @param lsn The LSN.
 * @returns The commit's id, or `undefined` if nothing was imported just there.
 */
export async function commitAt(timeline: Timeline, lsn: Lsn): Promise<string | undefined> {
  for await (const entry of timeline.getVectored([commitKey], { lsn })) {
    if (entry.value !== undefined && entry.lsn === lsn) return decoder.decode(entry.value);
  }
  return undefined;
}

/** Asks for the blobs of commits before they are read, so that git and the store work at the same time. */
function lookingAhead(source: AsyncGenerator<CommitChanges>, blobs: GitBlobs): ReadableStream<CommitChanges> {
  return new ReadableStream<CommitChanges>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) return controller.close();
      // First handed over, then asked for: git stops taking questions until somebody reads its answers.
      controller.enqueue(value);
      await blobs.ask(blobIds(value));
    },
    async cancel() {
      await source.return(undefined);
    },
  }, { highWaterMark: lookAhead, size: (commit) => 1 + commit.changes.length });
}

function isLong(path: Uint8Array): boolean {
  return path.length > maxKeyBytes;
}

function blobIds({ changes }: CommitChanges): string[] {
  return changes.flatMap(({ path, blob }) => blob === undefined || isLong(path) ? [] : [blob]);
}

async function readBatch(commit: CommitChanges, blobs: GitBlobs, report: GitImportReport): Promise<Change[]> {
  const batch: Change[] = [{ key: commitKey, value: commit.commit }];
  let batchBytes = 2 * changeOverheadBytes + commitKey.length + commit.commit.length;
  for (const { path, blob, heldBlob, submodule } of commit.changes) {
    if (submodule) report.submodules++;
    if (isLong(path)) {
      report.longPaths++;
      continue;
    }
    const value = blob === undefined ? undefined : (await blobs.read(blob, maxValueBytes)).bytes;
    if (value !== undefined) batch.push({ key: path, value });
    else if (heldBlob) batch.push({ key: path, delete: true });
    batchBytes += changeOverheadBytes + path.length + (value?.length ?? 0);
    if (batchBytes > maxBatchBytes || batch.length > maxBatchChanges) throw tooMuch(commit);
    countChange(report, value, blob, heldBlob);
  }
  return batch;
}

function countChange(
  report: GitImportReport,
  value: Uint8Array | undefined,
  blob: string | undefined,
  heldBlob: boolean,
): void {
  if (value !== undefined) {
    report.blobs++;
    report.bytes += value.length;
  } else if (blob !== undefined) {
    report.largeBlobs++;
  } else if (heldBlob) {
    report.deletions++;
  }
}

function tooMuch(commit: CommitChanges): GitError {
  return new GitError(
    `Cannot import commit ${commit.commit}: its changes are over ${maxBatchBytes} bytes or ${maxBatchChanges} paths, and a commit is one batch`,
  );
}

function emptyReport(totalCommits: number, resumedCommits: number): GitImportReport {
  return {
    totalCommits,
    resumedCommits,
    commits: 0,
    blobs: 0,
    bytes: 0,
    deletions: 0,
    submodules: 0,
    longPaths: 0,
    largeBlobs: 0,
    milliseconds: 0,
    interrupted: false,
  };
}
