/**
 * A git time machine: imports the history of a repository into a store, closes it, opens it again, and reads whole
 * old trees by one vectored get each. Every file is checked against the object id that git gives it.
 *
 * ```sh
 * deno task demo [repository]
 * ```
 *
 * Without an argument it takes the repository that this file is in, or else makes a small one. The exit code is 1
 * if anything is not as it should be. The store and the repository are made in a temporary folder and removed.
 */

import { createHash } from "node:crypto";
import { type Entry, Store, type Timeline } from "../mod.ts";
import { commitAt, GitError, importGit } from "../git.ts";
import { changesOf, fastImport, madeCommits } from "./made_history.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The largest path and file that have a place in a store; what is larger, the import leaves out. */
const maxPathBytes = 512;
const maxFileBytes = 64 * 1024 * 1024;

/** A file of a tree. */
interface TreeFile {
  path: Uint8Array;
  /** Its object id. */
  id: string;
}

/** A history that can be imported, and that knows what must come out. */
interface History {
  name: string;
  /** What says what is right. */
  judge: string;
  algorithm: string;
  import(timeline: Timeline): Promise<{ blobs: number; bytes: number }>;
  tree(timeline: Timeline, lsn: number): Promise<{ commit: string; files: TreeFile[] }>;
}

/** Runs git to its end and returns what it wrote. */
async function git(repository: string, args: string[], input?: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command("git", {
    args: ["-C", repository, "--no-replace-objects", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = ReadableStream.from(input === undefined ? [] : [input]).pipeTo(child.stdin);
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), fed]);
  if (!success) throw new GitError(`Cannot run "git ${args[0]}": ${decoder.decode(stderr).trim()}`);
  return stdout;
}

async function isRepository(path: string): Promise<boolean> {
  return await git(path, ["rev-parse", "--verify", "HEAD^{commit}"]).then(() => true, () => false);
}

/** Chooses the repository of the argument, the one around this file, or a made one. */
async function chooseHistory(argument: string | undefined, folder: string): Promise<History> {
  if (argument !== undefined) return await gitHistory(argument, argument);
  const here = import.meta.dirname;
  if (here !== undefined && await isRepository(here)) return await gitHistory(here, "this checkout");
  try {
    const made = `${folder}/made.git`;
    await git(".", ["init", "--quiet", "--bare", "--initial-branch=main", made]);
    await git(made, ["fast-import", "--quiet", "--done"], fastImport());
    return await gitHistory(made, "a made repository");
  } catch (error) {
    // A permission for "git" alone is void where there is no git.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return madeHistory();
    }
    throw error;
  }
}

async function gitHistory(repository: string, name: string): Promise<History> {
  const algorithm = decoder.decode(await git(repository, ["rev-parse", "--show-object-format"])).trim();
  return {
    name,
    judge: "git has",
    algorithm,
    import: (timeline) => importGit(timeline, repository),
    async tree(timeline, lsn) {
      const commit = await commitAt(timeline, lsn);
      if (commit === undefined) throw new Error(`LSN ${lsn} holds no commit`);
      return {
        commit,
        files: [...parseTree(await git(repository, ["ls-tree", "-rlz", "--full-tree", commit]))],
      };
    },
  };
}

/** Parses `git ls-tree -rlz`: mode, type, id and size, a tab, the path, and NUL. */
function* parseTree(listing: Uint8Array): Generator<TreeFile> {
  for (let at = 0; at < listing.length;) {
    const tab = listing.indexOf(9, at);
    const end = listing.indexOf(0, at);
    const [, type, id, size] = decoder.decode(listing.subarray(at, tab)).split(/ +/);
    const path = listing.subarray(tab + 1, end);
    if (type === "blob" && path.length <= maxPathBytes && Number(size) <= maxFileBytes) yield { path, id };
    at = end + 1;
  }
}

/** A history for a machine without git: what is right is computed here, from the contents themselves. */
function madeHistory(): History {
  const trees = [new Map<string, string>()];
  return {
    name: "a made history, as there is no git",
    judge: "was written",
    algorithm: "sha1",
    async import(timeline) {
      const report = { blobs: 0, bytes: 0 };
      const writer = timeline.writable().getWriter();
      for (const commit of madeCommits()) {
        const tree = new Map(trees[trees.length - 1]);
        for (const [path, content] of commit.files) {
          tree.set(path, objectId("sha1", encoder.encode(content)));
          report.blobs++;
          report.bytes += content.length;
        }
        if (commit.removed !== undefined) tree.delete(commit.removed);
        trees.push(tree);
        await writer.write(changesOf(commit));
      }
      await writer.close();
      return report;
    },
    tree(_, lsn) {
      const files = Array.from(trees[lsn], ([path, id]) => ({ path: encoder.encode(path), id }));
      return Promise.resolve({ commit: `made${lsn}`, files });
    },
  };
}

/** The id that git gives to a file of these bytes. */
function objectId(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

interface TreeCheck {
  files: number;
  bytes: number;
  milliseconds: number;
  /** What is not as it should be. */
  faults: string[];
}

/** Reads a whole tree by one vectored get and checks every file of it; then checks that nothing else is there. */
async function checkTree(
  timeline: Timeline,
  lsn: number,
  files: TreeFile[],
  algorithm: string,
): Promise<TreeCheck> {
  const check: TreeCheck = { files: 0, bytes: 0, milliseconds: 0, faults: [] };
  const started = performance.now();
  let next = 0;
  for await (const entry of timeline.getVectored(files.map(({ path }) => path), { lsn })) {
    checkFile(check, entry, files[next++], algorithm);
  }
  check.milliseconds = performance.now() - started;
  if (next !== files.length) check.faults.push(`${files.length} files asked for, ${next} answers`);
  const paths = new Set(files.map(({ path }) => path.toHex()));
  for await (const { key } of timeline.scan({}, { lsn })) {
    if (key[0] !== 0 && !paths.has(key.toHex())) {
      check.faults.push(`"${decoder.decode(key)}" should not be there`);
    }
  }
  return check;
}

function checkFile(check: TreeCheck, { key, value }: Entry, file: TreeFile, algorithm: string): void {
  if (value === undefined) {
    check.faults.push(`"${decoder.decode(file.path)}" is absent`);
    return;
  }
  check.files++;
  check.bytes += value.length;
  const id = objectId(algorithm, value);
  if (key.toHex() === file.path.toHex() && id === file.id) return;
  check.faults.push(
    `"${decoder.decode(file.path)}" should be ${file.id}, found ${id} of "${decoder.decode(key)}"`,
  );
}

/** Three positions in the past of a history, or fewer if it is shorter. */
function oldLsns(last: number): number[] {
  return [...new Set([0.25, 0.5, 0.75].map((part) => Math.ceil(last * part)))];
}

function rate(bytes: number, milliseconds: number): string {
  const mebibytes = bytes / 1048576;
  return `${mebibytes.toFixed(1)} MiB in ${milliseconds.toFixed(0)} ms, ${
    (mebibytes / milliseconds * 1000).toFixed(0)
  } MiB/s`;
}

function print(name: string, text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${name.padEnd(9)} ${text}\n`));
}

async function importHistory(history: History, path: string): Promise<void> {
  await using store = await Store.open(path);
  const timeline = store.timeline();
  const started = performance.now();
  const { blobs, bytes } = await history.import(timeline);
  const elapsed = performance.now() - started;
  print("Import", `${timeline.lastLsn} commits, ${blobs} files, ${rate(bytes, elapsed)}, durable`);
}

async function checkHistory(history: History, path: string): Promise<boolean> {
  await using store = await Store.open(path);
  const timeline = store.timeline();
  print("IO", `mode ${store.io.mode}, engine ${store.io.engine}`);
  for (const note of store.io.notes) print("", note);
  printLayers(timeline);
  const lsns = oldLsns(timeline.lastLsn);
  let files = 0;
  let faults = 0;
  for (const lsn of lsns) {
    const tree = await history.tree(timeline, lsn);
    const check = await checkTree(timeline, lsn, tree.files, history.algorithm);
    files += check.files;
    faults += check.faults.length;
    print(
      `LSN ${lsn}`,
      `commit ${tree.commit.slice(0, 10)}: ${check.files} files, ${rate(check.bytes, check.milliseconds)}`,
    );
    for (const fault of check.faults.slice(0, 10)) print("", fault);
  }
  if (faults > 0) print("Failed", `${faults} files are not what they were`);
  else {
    print(
      "Proven",
      `${lsns.length} old trees, ${files} files in all, each tree read by one vectored get, are byte for byte what ${history.judge}`,
    );
  }
  return faults === 0;
}

function printLayers(timeline: Timeline): void {
  const layers = timeline.layers();
  const kinds = Map.groupBy(layers, ({ kind }) => kind);
  const counts = Array.from(kinds, ([kind, { length }]) => `${length} ${kind}`);
  const versions = layers.reduce((sum, layer) => sum + layer.versions, 0);
  print("Layers", `${counts.join(", ")}, ${versions} versions`);
}

/** Runs the demo and returns whether all was right. */
async function demo(argument: string | undefined): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "varve-demo-" });
  try {
    const history = await chooseHistory(argument, folder);
    print("History", history.name);
    await importHistory(history, `${folder}/store`);
    return await checkHistory(history, `${folder}/store`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    if (!await demo(Deno.args[0])) Deno.exitCode = 1;
  } catch (error) {
    print("Failed", error instanceof Error ? error.message : String(error));
    Deno.exitCode = 1;
  }
}
