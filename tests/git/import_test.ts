import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { commitAt, commitKey, GitError, importGit } from "../../src/git/mod.ts";
import { Store } from "../../src/store/mod.ts";
import { gitTest, importedTree, Repository, TemporaryFolder } from "./fixture.ts";

const decoder = new TextDecoder();

/** Checks every commit of the history against the LSN that it was imported at. */
async function assertImported(store: Store, repository: Repository, algorithm: "sha1" | "sha256" = "sha1") {
  const timeline = store.timeline();
  const commits = await repository.commits();
  assertEquals(timeline.lastLsn, commits.length);
  for (const [i, commit] of commits.entries()) {
    assertEquals(await commitAt(timeline, i + 1), commit);
    assertEquals(
      await importedTree(timeline, i + 1, algorithm),
      await repository.tree(commit),
      `commit ${i + 1}`,
    );
  }
}

gitTest("importGit() makes every tree readable at the LSN of its commit", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("a", "first");
  await repository.write("empty", "");
  await repository.write("binary", Uint8Array.of(0, 255, 10, 13, 0));
  await repository.write("dir/with space/ünï\tcode", "x");
  await repository.write("new\nline", "y");
  await repository.commit();
  await repository.commit();
  await repository.git(["mv", "a", "renamed"]);
  await repository.commit();
  await Deno.chmod(folder.join("repo/renamed"), 0o755);
  await repository.commit();
  await Deno.symlink("renamed", folder.join("repo/link"));
  await repository.commit();
  await repository.remove("dir");
  await repository.write("dir", "a file where a folder was");
  await repository.commit();
  await repository.remove("dir");
  await repository.write("dir/again", "a folder where a file was");
  await repository.commit();
  await repository.remove("link");
  await repository.write("link", "a file where a link was");
  await repository.commit();
  await repository.write("large", new Uint8Array(3_000_001).fill(120));
  await repository.commit();

  await using store = await Store.open(folder.join("store"));
  const report = await importGit(store.timeline(), repository.path);
  await assertImported(store, repository);
  assertEquals(report.commits, 9);
  assertEquals(report.blobs, 11);
  assertEquals(report.deletions, 3);
  assertEquals(report.interrupted, false);
  assertEquals(decoder.decode(await store.timeline().get("link", { lsn: 5 })), "renamed");
});

gitTest("importGit() follows first parents through merges", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("a", "1");
  await repository.commit();
  await repository.git(["checkout", "-q", "-b", "side"]);
  await repository.write("b", "1");
  await repository.commit();
  await repository.write("b", "2");
  await repository.commit();
  await repository.git(["checkout", "-q", "main"]);
  await repository.write("a", "2");
  await repository.commit();
  await repository.git(["merge", "-q", "--no-ff", "--no-edit", "side"]);
  await repository.write("a", "3");
  await repository.commit();

  await using store = await Store.open(folder.join("store"));
  const report = await importGit(store.timeline(), repository.path);
  assertEquals(report.totalCommits, 4);
  await assertImported(store, repository);
  const versions = await Array.fromAsync(store.timeline().history("b"));
  assertEquals(versions.map(({ lsn }) => lsn), [3]);
});

gitTest("importGit() leaves submodules and long paths out and counts them", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  const blob = await repository.blob("x");
  const index = (mode: string, id: string, path: string) =>
    repository.git(["update-index", "--add", "--cacheinfo", `${mode},${id},${path}`]);
  await index("100644", blob, "file");
  await index("100644", blob, "p".repeat(512));
  await index("100644", blob, "q".repeat(513));
  await index("160000", "1".repeat(40), "module");
  const first = await repository.commitIndex();
  await index("160000", "2".repeat(40), "module");
  await index("160000", "2".repeat(40), "file");
  await repository.commitIndex();
  await repository.git(["rm", "-q", "--cached", "module", "q".repeat(513)]);
  await repository.commitIndex();

  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  const report = await importGit(timeline, repository.path);
  assertEquals([report.submodules, report.longPaths, report.deletions], [3, 2, 1]);
  const tree = await repository.tree(first);
  tree.delete("q".repeat(513));
  assertEquals(await importedTree(timeline, 1), tree);
  assertEquals([...(await importedTree(timeline, 2)).keys()], ["p".repeat(512)]);
  const versions = await Array.fromAsync(timeline.history("file"));
  assertEquals(versions.map(({ lsn, deleted }) => [lsn, deleted]), [[1, false], [2, true]]);
  assertEquals((await Array.fromAsync(timeline.history("module"))).length, 0);
});

gitTest("importGit() leaves files over 64 MiB out, and their path reads as absent meanwhile", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("a", "small");
  await repository.write("b", "beside");
  await repository.commit();
  await repository.write("a", new Uint8Array(64 * 1024 * 1024 + 1));
  await repository.write("b", "still beside");
  await repository.commit();
  await repository.write("a", "small again");
  await repository.commit();

  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  const report = await importGit(timeline, repository.path);
  assertEquals(report.largeBlobs, 1);
  const seen: string[][] = [];
  for (const lsn of [1, 2, 3]) {
    const values = await timeline.getMany(["a", "b"], { lsn });
    seen.push(values.map((value) => value === undefined ? "absent" : decoder.decode(value)));
  }
  assertEquals(seen, [["small", "beside"], ["absent", "still beside"], ["small again", "still beside"]]);
});

gitTest("importGit() reads repositories with SHA-256", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"), "sha256");
  await repository.write("a", "1");
  await repository.commit();
  await repository.write("a", "2");
  await repository.commit();
  await using store = await Store.open(folder.join("store"));
  await importGit(store.timeline(), repository.path);
  await assertImported(store, repository, "sha256");
});

gitTest("importGit() imports the whole repository from a folder of it, whatever its settings", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.git(["config", "diff.relative", "true"]);
  await repository.git(["config", "diff.renames", "copies"]);
  await repository.git(["config", "diff.ignoreSubmodules", "all"]);
  await repository.git(["config", "diff.noprefix", "true"]);
  await repository.git(["config", "log.showRoot", "false"]);
  await repository.write("a", "1");
  await repository.write("dir/b", "1");
  await repository.commit();
  await repository.git(["mv", "a", "dir/c"]);
  const replaced = await repository.commit();
  await repository.git(["replace", replaced, "HEAD~1"]);
  await using store = await Store.open(folder.join("store"));
  await importGit(store.timeline(), folder.join("repo/dir"));
  await repository.git(["replace", "-d", replaced]);
  await assertImported(store, repository);
});

gitTest("importGit() keeps paths that are no UTF-8", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  const blob = await repository.blob("x");
  const line = concat([new TextEncoder().encode(`100644 ${blob}\t`), Uint8Array.of(0xff, 0x2f, 0xfe, 0)]);
  await repository.git(["update-index", "-z", "--index-info"], line);
  await repository.commitIndex();
  await using store = await Store.open(folder.join("store"));
  await importGit(store.timeline(), repository.path);
  assertEquals(decoder.decode(await store.timeline().get(Uint8Array.of(0xff, 0x2f, 0xfe))), "x");
});

gitTest("importGit() takes a ref, and goes on as the history grows", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  for (let i = 0; i < 5; i++) {
    await repository.write("a", `${i}`);
    await repository.commit();
  }
  {
    await using store = await Store.open(folder.join("store"));
    const report = await importGit(store.timeline(), repository.path, { ref: "HEAD~2" });
    assertEquals([report.commits, report.totalCommits, store.timeline().lastLsn], [3, 3, 3]);
  }
  await using store = await Store.open(folder.join("store"));
  const report = await importGit(store.timeline(), repository.path);
  assertEquals([report.resumedCommits, report.commits], [3, 2]);
  const again = await importGit(store.timeline(), repository.path);
  assertEquals([again.resumedCommits, again.commits, again.interrupted], [5, 0, false]);
  await assertImported(store, repository);
});

gitTest("importGit() ends after the commit at hand when interrupted, and goes on later", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.commit();
  await repository.grow(60);
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  let runs = 0;
  for (;;) {
    const interrupt = new AbortController();
    const before = timeline.lastLsn;
    const report = await importGit(timeline, repository.path, {
      signal: interrupt.signal,
      onProgress: ({ commits }) => commits === 23 && interrupt.abort(),
    });
    runs++;
    assertEquals(timeline.lastLsn, before + report.commits);
    assertEquals(timeline.durableLsn, timeline.lastLsn);
    if (!report.interrupted) break;
    assertEquals(report.commits, 23);
  }
  assertEquals(runs, 3);
  await assertImported(store, repository);
});

gitTest("importGit() imports a commit of more files than it looks ahead", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  for (let i = 0; i < 5000; i++) await repository.write(`d${i % 50}/f${i}`, `content of ${i} `.repeat(20));
  await repository.commit();
  await repository.remove("d7");
  await repository.commit();
  await using store = await Store.open(folder.join("store"));
  const report = await importGit(store.timeline(), repository.path);
  assertEquals([report.blobs, report.deletions], [5000, 100]);
  await assertImported(store, repository);
});

gitTest("importGit() refuses a timeline that holds something else", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("a", "1");
  await repository.commit();
  await repository.commit();
  const other = await Repository.create(folder.join("other"));
  await other.write("b", "1");
  await other.commit();
  await other.commit();
  await other.commit();
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  await importGit(timeline, repository.path);
  await assertRejects(() => importGit(timeline, other.path), GitError, "LSN 2 holds commit");
  await assertRejects(
    () => importGit(timeline, repository.path, { ref: "HEAD~1" }),
    GitError,
    "it holds 2 commits, the history",
  );
  await timeline.append([{ key: "a", value: "by hand" }]);
  await assertRejects(() => importGit(timeline, repository.path), GitError, "LSN 3 holds no commit");
  assertEquals(timeline.lastLsn, 3);
});

gitTest("importGit() refuses what is no repository, no commit, or empty", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await Deno.mkdir(folder.join("plain"));
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  const refused = (path: string, message: string, ref = "HEAD") =>
    assertRejects(() => importGit(timeline, folder.join(path), { ref }), GitError, message);
  await refused("absent", "No such file or directory");
  await refused("plain", "not a git repository");
  await refused("repo", "Needed a single revision");
  await repository.commit();
  await refused("repo", "Needed a single revision", "nowhere");
  await refused("repo", "Needed a single revision", "--all");
  assertEquals(timeline.lastLsn, 0);
});

gitTest("importGit() keeps the commits before one that git cannot read", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("a", "1");
  await repository.commit();
  await repository.write("a", "2");
  await repository.commit();
  const lost = await repository.git(["rev-parse", "HEAD:a"]);
  await repository.write("a", "3");
  await repository.commit();
  await Deno.remove(`${repository.path}/.git/objects/${lost.slice(0, 2)}/${lost.slice(2)}`);
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  await assertRejects(() => importGit(timeline, repository.path), GitError, `${lost} missing`);
  assertEquals([timeline.lastLsn, timeline.durableLsn], [1, 1]);
});

Deno.test("commitKey is no path that git allows", () => {
  assert(commitKey.includes("\0"));
});
