import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Store } from "../../src/store/mod.ts";
import { gitTest, importedTree, Repository, TemporaryFolder } from "../git/fixture.ts";
import { startVarve, varve, withoutProgress } from "./fixture.ts";

const encoder = new TextEncoder();

/** Waits until a folder is there. */
async function appears(path: string): Promise<void> {
  for (;;) {
    try {
      await Deno.stat(path);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** Starts an import of "repo" into "store" and sends it a signal soon after the store is made. */
async function cutShort(folder: TemporaryFolder, signal: Deno.Signal, afterMilliseconds: number) {
  const child = startVarve(folder, ["import", "git", "repo", "store"]);
  await child.stdin.close();
  await appears(folder.join("store"));
  await new Promise((resolve) => setTimeout(resolve, afterMilliseconds));
  child.kill(signal);
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Checks that "store" holds a prefix of the history, and returns how long it is. */
async function assertPrefix(folder: TemporaryFolder, repository: Repository): Promise<number> {
  const commits = await repository.commits();
  await using store = await Store.open(folder.join("store"), { readOnly: true });
  const timeline = store.timeline();
  const last = timeline.lastLsn;
  for (const lsn of [Math.ceil(last / 2), last]) {
    if (lsn === 0) continue;
    assertEquals(await importedTree(timeline, lsn), await repository.tree(commits[lsn - 1]), `LSN ${lsn}`);
  }
  return last;
}

gitTest("varve import git that is interrupted keeps whole commits and goes on later", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.commit();
  await repository.grow(4000, 6, 4000);
  const cut = await cutShort(folder, "SIGINT", 30);
  assertEquals([cut.code, withoutProgress(cut.err)], [130, ""]);
  assertStringIncludes(cut.out, "Interrupted: ");
  const kept = await assertPrefix(folder, repository);
  assert(kept < 4001, `${kept} commits`);
  const rest = await varve(folder, ["import", "git", "repo", "store"]);
  assertEquals([rest.code, withoutProgress(rest.err)], [0, ""]);
  const there = kept === 1 ? "commit was there" : "commits were there";
  assertStringIncludes(rest.out, `, ${kept.toLocaleString("en-US")} ${there}`);
  assertEquals(await assertPrefix(folder, repository), 4001);
});

gitTest("varve import git that is killed goes on where its store is recovered", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.commit();
  await repository.grow(4000, 6, 4000);
  for (const milliseconds of [5, 60, 200]) {
    const cut = await cutShort(folder, "SIGKILL", milliseconds);
    assertEquals(withoutProgress(cut.err), "");
  }
  const rest = await varve(folder, ["import", "git", "repo", "store"]);
  assertEquals([rest.code, withoutProgress(rest.err)], [0, ""]);
  assertEquals(await assertPrefix(folder, repository), 4001);
});

Deno.test("varve load that is interrupted keeps the whole lines that it read", async () => {
  await using folder = new TemporaryFolder();
  const child = startVarve(folder, ["load", "store", "--create"]);
  const writer = child.stdin.getWriter();
  const torn = `{"key":"c","value":"${"x".repeat(2 ** 20)}`;
  // A pipe holds 64 KiB: when all is written, most of the last line was read, and the lines before it long since.
  await writer.write(encoder.encode(`{"key":"a","value":"1"}\n{"key":"b","value":"1"}\n${torn}`));
  await appears(folder.join("store"));
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [130, ""]);
  await writer.close().catch(() => {});
  const { out } = await varve(folder, ["scan", "store"]);
  assertEquals(out, "a\t1\nb\t1\n");
});

/** Interrupts the program while it waits for the store, later if it had not come so far yet. */
async function interruptedWait(folder: TemporaryFolder, args: string[]) {
  for (let milliseconds = 500;; milliseconds *= 2) {
    const child = startVarve(folder, [...args, "--wait"]);
    await child.stdin.close();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill("SIGINT");
    const { code, signal, stdout, stderr } = await child.output();
    // It listens as soon as it waits; before, the signal just ends it.
    if (signal !== null) continue;
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  }
}

const waits: string[][] = [["load", "store"], ["put", "store", "k", "v"], ["delete", "store", "k"], [
  "create",
  "store",
]];

for (const args of waits) {
  Deno.test(`varve ${args[0]} --wait that is interrupted says so`, async () => {
    await using folder = new TemporaryFolder();
    await using store = await Store.open(folder.join("store"));
    const { code, out, err } = await interruptedWait(folder, args);
    assertEquals([code, out], [130, ""]);
    assertEquals(err, "varve: Interrupted before the store was open: nothing was stored\n");
    assertEquals(store.timeline().lastLsn, 0);
  });
}

gitTest("varve import git --wait that is interrupted says so", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.commit();
  await using _store = await Store.open(folder.join("store"));
  const { code, out, err } = await interruptedWait(folder, ["import", "git", "repo", "store"]);
  assertEquals([code, out], [130, ""]);
  assertEquals(err, "varve: Interrupted before the store was open: nothing was stored\n");
});
