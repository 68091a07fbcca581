import { assertEquals, assertMatch } from "@std/assert";
import { gitTest, Repository, TemporaryFolder } from "../git/fixture.ts";

const decoder = new TextDecoder();

/** Runs the demo with its temporary data in a folder of our own. */
async function demo(folder: TemporaryFolder, args: string[], env: Record<string, string> = {}) {
  const temporary = folder.join("temporary");
  await Deno.mkdir(temporary, { recursive: true });
  const script = new URL("../../examples/demo.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-ffi",
      script,
      ...args,
    ],
    env: { TMPDIR: temporary, ...env },
  }).output();
  assertEquals(Array.from(Deno.readDirSync(temporary)), [], "temporary data is left");
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

gitTest("the demo proves old trees of a repository", async () => {
  await using folder = new TemporaryFolder();
  const repository = await Repository.create(folder.join("repo"));
  await repository.write("large", new Uint8Array(2_000_000).fill(1));
  await repository.commit();
  await repository.grow(40);
  const { code, out, err } = await demo(folder, [repository.path]);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^Proven +3 old trees, [0-9]+ files in all/m);
});

gitTest("the demo fails on what is no repository", async () => {
  await using folder = new TemporaryFolder();
  const { code, out } = await demo(folder, [folder.join("absent")]);
  assertEquals(code, 1);
  assertMatch(out, /^Failed +Cannot run "git rev-parse"/m);
});

Deno.test("the demo proves a made history where there is no git", async () => {
  await using folder = new TemporaryFolder();
  const { code, out, err } = await demo(folder, [], { PATH: folder.path });
  assertEquals(code, 0, err);
  assertMatch(out, /^Proven +3 old trees/m);
});
