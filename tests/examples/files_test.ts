/** The programs in `examples/` that work on files do what they say. */

import { assert, assertEquals, assertNotMatch, assertRejects } from "@std/assert";
import { bar, copyFile } from "../../examples/copy_direct.ts";
import { bytesOf, isSame } from "../direct/fixture.ts";
import { codeOf, textOf } from "../source.ts";
import { test } from "../store/matrix.ts";

const decoder = new TextDecoder();

test("examples/copy_direct.ts is short, casts nothing, and is named in the README", () => {
  const path = "examples/copy_direct.ts";
  assert(textOf(path).split("\n").length <= 80);
  assertNotMatch(codeOf(textOf(path)), /\bas \b|\w!|\)!|<any>|: any\b|@ts-|"\.\.?\//);
  assert(textOf("README.md").includes(`(${path})`));
  return Promise.resolve();
});

test("copyFile() copies every byte, tells how far it is, and leaves what is there alone", async ({ path }) => {
  for (const length of [0, 1, 4096, 3_000_001]) {
    const from = `${path}/from${length}`, to = `${path}/to${length}`, told: number[] = [];
    await Deno.writeFile(from, bytesOf(length));
    assertEquals(await copyFile(from, to, (bytes) => told.push(bytes)), length);
    assert(isSame(await Deno.readFile(to), bytesOf(length)));
    assertEquals(told.at(-1) ?? 0, length);
    await assertRejects(() => copyFile(to, from), Deno.errors.AlreadyExists);
    assert(isSame(await Deno.readFile(from), bytesOf(length)));
  }
  await assertRejects(() => copyFile(`${path}/none`, `${path}/copy`), Deno.errors.NotFound);
});

test("examples/copy_direct.ts runs, and draws a bar", async ({ path }) => {
  await Deno.writeFile(`${path}/from`, bytesOf(5_000_000));
  const script = new URL("../../examples/copy_direct.ts", import.meta.url).pathname;
  const run = async (...paths: string[]) => {
    const args = ["run", "--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`, script, ...paths];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return { code, out: decoder.decode(stdout), told: decoder.decode(stderr) };
  };
  const copied = await run(`${path}/from`, `${path}/to`);
  assertEquals(copied.code, 0, copied.told);
  assert(copied.told.includes(bar(5_000_000, 5_000_000)), copied.told);
  assert(copied.out.startsWith("Copied 5000000 bytes"), copied.out);
  assert(isSame(await Deno.readFile(`${path}/to`), bytesOf(5_000_000)));
  assertEquals(await run(`${path}/from`), {
    code: 2,
    out: "",
    told: "Usage: copy_direct.ts <file> <copy>\n",
  });
});
